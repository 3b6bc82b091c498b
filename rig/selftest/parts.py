"""Known truths the rig must measure right, on the machine it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rig.model import UsageError
from rig.selftest import load, pages
from rig.selftest.check import Check

# Pages come first: where there is no browser, that is said at once and not after a minute of load.
PARTS: dict[str, Callable[[Callable[[str], None]], Iterator[Check]]] = {"pages": pages.checks, "load": load.checks}


def checks_of(part: str | None, say: Callable[[str], None]) -> Iterator[tuple[str, Check]]:
    """The checks of ``part``, of all parts for None, each with its part's name.

    Raises:
        UsageError: there is no such part.
    """
    if part is not None and part not in PARTS:
        raise UsageError(f"selftest part {part!r}: there is none; there are {', '.join(PARTS)}")
    for name, checks in PARTS.items():
        if part in (None, name):
            for check in checks(say):
                yield name, check
