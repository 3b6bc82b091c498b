"""Known truths the rig must measure right, on the machine it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rig.model import UsageError
from rig.selftest import load
from rig.selftest.check import Check

PARTS: dict[str, Callable[[Callable[[str], None]], Iterator[Check]]] = {"load": load.checks}


def checks_of(part: str | None, say: Callable[[str], None]) -> Iterator[Check]:
    """The checks of ``part``, of all parts for None.

    Raises:
        UsageError: there is no such part.
    """
    if part is not None and part not in PARTS:
        raise UsageError(f"selftest part {part!r}: there is none; there are {', '.join(PARTS)}")
    for name, checks in PARTS.items():
        if part in (None, name):
            yield from checks(say)
