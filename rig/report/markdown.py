"""Text that came from outside, as Markdown that shows it and does nothing else."""

from __future__ import annotations

import re


def escaped(text: str) -> str:
    """Markdown's own characters, and what begins an element or a table cell, as plain characters.

    Nobody is notified (``@name``), and no address becomes a link: forges do both with plain text.
    """
    plain = re.sub(r"([\\`*_\[\]<>|#&~])", r"\\\1", text.replace("\n", " "))
    unlinked = re.sub(r":(?=//)", r"\\:", re.sub(r"(?i)(?<=www)\.", r"\\.", plain))
    # Forges look for names after they made HTML of it, so an escape would not do.
    return unlinked.replace("@", "@\u200b")
