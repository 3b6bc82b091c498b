"""Which strategies a run measures: by name, by word, or by what its profile asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from rig.model import UsageError

Row = Mapping[str, Any]
"""One strategy as the target lists it; ``unavailable`` (why it does not work) and ``known_bad`` may be left out."""


def pick_strategies(wanted: str | None, usual: str, offered: Sequence[Row], seed: Sequence[str]) -> list[str]:
    """``wanted`` as names the target offers, in the order given; ``usual``, the profile's own choice, without it.

    Either is a list of words separated by commas: a name, a pattern (``bad-*``), ``seed``, or ``all``: every strategy
    that works here and is not known to be bad. Of the profile's words those this target has nothing for are passed
    over, and where nothing is left the seed is measured; of the user's each must be met.

    Raises:
        UsageError: a word that means nothing here, or a strategy named twice or not available.
    """
    if wanted is None:
        met = [name for word in _words(usual) for name in _named(word, offered, seed) if _works(name, offered)]
        return list(dict.fromkeys(met)) or list(seed)
    names: list[str] = []
    for word in _words(wanted):
        found = _named(word, offered, seed)
        if not found:
            raise UsageError(f"strategy {word!r}: unknown; there are {', '.join(row['name'] for row in offered)}")
        names += found
    if not names or len(set(names)) < len(names):
        raise UsageError(f"--strategies {wanted!r}: name each strategy once, or say seed or all")
    if missing := [name for name in names if not _works(name, offered)]:
        reason = next(row["unavailable"] for row in offered if row["name"] == missing[0])
        raise UsageError(f"strategy {missing[0]}: not available here: {reason}")
    return names


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _named(word: str, offered: Sequence[Row], seed: Sequence[str]) -> list[str]:
    if word == "seed":
        return list(seed)
    if word == "all":
        return [row["name"] for row in offered if _works(row["name"], offered) and not row.get("known_bad")]
    names = [row["name"] for row in offered]
    if "*" in word:
        return [name for name in names if fnmatchcase(name, word) and _works(name, offered)]
    return [word] if word in names else []


def _works(name: str, offered: Sequence[Row]) -> bool:
    return not any(row.get("unavailable") for row in offered if row["name"] == name)
