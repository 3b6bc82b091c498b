"""How a project is started to be gated: the table ``[target]`` of rig.toml, or ``[tool.rig.target]`` of pyproject.toml.

[target]
setup = ["python manage.py migrate"]        # once in each tree
seed = ["cp {tree}/seed.sqlite3 {data}/db.sqlite3"]   # before each launch: a fresh copy of the data
serve = "gunicorn shop.wsgi --bind 127.0.0.1:{port}"
ready = "/healthz"                          # answers below 400 once requests may come
paths = ["/", "/p/1/"]                      # or a table: path = share of the reads
pages = ["/"]                               # visited in a browser; without it, the first path; []: none
env = { DB = "{data}/db.sqlite3", REDIS_URL = "{cache}" }
write = { path = "/p/1/price/", form = "price={100-900}" }

``{port}``, ``{tree}`` (the checked out files), ``{data}`` (a folder of its own for each arm and launch) and ``{cache}``
(URL of a cache server of its own) are filled in. Commands find the arm's own ``python`` first.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from rig.model import UsageError

Content = Literal["same", "similar", "any"]
FILES = ("rig.toml", "pyproject.toml")
LOCKS = ("requirements.lock", "uv.lock", "poetry.lock", "Pipfile.lock", "requirements.txt")
DEFAULT_RATE_RPS = 100.0
_COMMANDS = ("install", "setup", "seed")
_TEXTS = ("serve", "ready", "strategy", "lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWrite:
    """One write, sent to both arms once a launch, behind its last block.

    ``{100-900}`` in the form stands for a number drawn from there.
    """

    path: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """A project's own description of how it is started and what it is asked for."""

    source: str
    serve: str
    install: tuple[str, ...] = ()
    """Makes ``.venv`` in a tree whose lock differs from the candidate's."""
    setup: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    ready: str = "/"
    paths: Mapping[str, float] = field(default_factory=lambda: {"/": 1.0})
    """Path -> share of the reads; they add up to 1."""
    pages: tuple[str, ...] | None = None
    """Visited in a browser; none of them: no browser is needed. None: the first path."""
    write: TargetWrite | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    rate_rps: float = DEFAULT_RATE_RPS
    """Of both arms together."""
    content: Content = "same"
    """How far the arms' answers must agree, see :mod:`rig.measure.gate.answers`."""
    strategy: str | None = None
    """Value of the flag ``cache-strategy`` for both arms, unless the user says."""
    lock: str | None = None
    """File that says what is installed; None: the first there is of :data:`LOCKS`."""

    @property
    def wants_cache(self) -> bool:
        """Whether an arm is given a cache server of its own."""
        return self.names("{cache}")

    def names(self, placeholder: str) -> bool:
        """Whether a command or the environment has ``placeholder`` in it."""
        return any(placeholder in text for text in (self.serve, *self.setup, *self.seed, *self.env.values()))


def find_target(root: Path) -> TargetConfig:
    """The table of the project in ``root``.

    Raises:
        UsageError: there is none, or it can't be read.
    """
    for name in FILES:
        path = root / name
        if path.is_file() and (found := parse_target(path.read_text(encoding="utf-8"), source=name)):
            return found
    raise UsageError(
        f"{root}: no [target] in rig.toml and no [tool.rig.target] in pyproject.toml; write one (docs/gate.md), or gate"
        " two running servers with --baseline-url and --candidate-url"
    )


def parse_target(text: str, *, source: str) -> TargetConfig | None:
    """Read the table from the text of a TOML file; None where there is none.

    Raises:
        UsageError: it is not TOML, ``serve`` is missing, or a setting is unknown or of the wrong kind.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: is not TOML ({error})") from None
    tool = _table(document.get("tool", {}), f"{source}: tool")
    table = document.get("target") or _table(tool.get("rig", {}), f"{source}: tool.rig").get("target")
    return None if table is None else _read(_table(table, f"{source}: target"), source)


def _read(table: Mapping[str, Any], source: str) -> TargetConfig:
    known = (*_COMMANDS, *_TEXTS, "paths", "pages", "write", "env", "rate", "content")
    if unknown := [key for key in table if key not in known]:
        raise UsageError(f"{source}: target has no setting {unknown[0]!r}; it has {', '.join(known)}")
    if "{port}" not in str(table.get("serve", "")):
        raise UsageError(f"{source}: target.serve: write the command that serves on port {{port}}")
    content = table.get("content", "same")
    if content not in get_args(Content):
        raise UsageError(f"{source}: target.content = {content!r}: write one of {', '.join(get_args(Content))}")
    rate = table.get("rate", DEFAULT_RATE_RPS)
    if not isinstance(rate, int | float) or not 0 < rate < math.inf:
        raise UsageError(f"{source}: target.rate = {rate!r}: write requests per second, above 0")
    commands = {name: tuple(_list(table[name], f"{source}: target.{name}")) for name in _COMMANDS if name in table}
    texts = {name: _text(table[name], f"{source}: target.{name}") for name in _TEXTS if name in table}
    env = _table(table.get("env", {}), f"{source}: target.env")
    return TargetConfig(
        source=source,
        serve=texts["serve"],
        install=commands.get("install", ()),
        setup=commands.get("setup", ()),
        seed=commands.get("seed", ()),
        ready=texts.get("ready", "/"),
        strategy=texts.get("strategy"),
        lock=texts.get("lock"),
        paths=shares_of(table.get("paths", ["/"]), f"{source}: target.paths"),
        pages=tuple(_paths(table["pages"], f"{source}: target.pages")) if "pages" in table else None,
        write=_write(table["write"], source) if "write" in table else None,
        env={name: _text(value, f"{source}: target.env.{name}") for name, value in env.items()},
        rate_rps=float(rate),
        content=content,
    )


def shares_of(paths: Sequence[str] | Mapping[str, float], place: str) -> dict[str, float]:
    """Path -> share that adds up to 1; a list has equal shares.

    Raises:
        UsageError: there is none, or one is no path or has no share.
    """
    weights = dict(paths) if isinstance(paths, Mapping) else dict.fromkeys(_list(paths, place), 1.0)
    _paths(tuple(weights), place)
    if not weights or not all(isinstance(one, int | float) and 0 < one < math.inf for one in weights.values()):
        raise UsageError(f"{place}: name at least one path, each with a share above 0")
    total = sum(weights.values())
    return {path: float(weight) / total for path, weight in weights.items()}


def _paths(paths: Any, place: str) -> Sequence[str]:
    for path in _list(paths, place):
        if not path.startswith("/"):
            raise UsageError(f"{place}: {path!r} is not a path; write it like '/p/1/'")
    return tuple(paths)


def _write(table: Any, source: str) -> TargetWrite:
    place = f"{source}: target.write"
    if not isinstance(table, Mapping) or set(table) != {"path", "form"}:
        raise UsageError(f"{place}: write {{ path = '/p/1/price/', form = 'price={{100-900}}' }}")
    return TargetWrite(path=_paths((table["path"],), place)[0], form=_text(table["form"], place))


def _list(value: Any, place: str) -> Sequence[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"{place}: write a list of texts, in brackets")
    return value


def _table(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{place} = {value!r}: is a table, with settings of its own")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{place} = {value!r}: write it in quotes")
    return value
