"""What a gate leaves behind: the object ``rig gate --json`` prints and ``gate.json`` of its run directory holds.

Everything that shows a gate (terminal, JUnit, Markdown, annotations, HTML) is made from this object alone, also years
later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rig.gate.verdict import GateVerdict

SCHEMA = "rig.gate/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm, for people. ``revision``: what its tree is; ``ref``: what the user called it; ``url``: a server that
    ran already. What does not apply is None.
    """

    ref: str | None = None
    revision: str | None = None
    url: str | None = None

    @property
    def title(self) -> str:
        """``main (1a2b3c4d5e6f)``, a revision, or a URL."""
        if self.url is not None:
            return self.url
        if self.ref is None or self.ref == self.revision:
            return self.revision or "working tree"
        return f"{self.ref} ({self.revision})"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetStampede:
    """One stampede under load. ``begin_s``: since the launch's load began; ``peak``: most recomputes open at once."""

    arm: str
    launch: int
    entry: str
    cause: str
    begin_s: float
    duration_s: float
    peak: int
    recomputes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition under which the figures can be believed. ``ok`` None: could not be checked here.

    ``name`` is for people ('load generator on time'), ``detail`` says what was seen.
    """

    name: str
    ok: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFacts:
    """How one launch went. Shares of the CPUs' time (``instrument``: of one CPU); None: could not be checked.

    ``spoiled``: why it does not count and was measured again; empty for one that counts. ``number`` 0: the warm-up.
    """

    number: int
    steal: float | None
    foreign: float | None
    instrument: float | None
    spoiled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How it was measured. ``relaunched`` False: between two servers that ran already, see ``left_open``."""

    rate_rps: float
    head_s: float
    block_s: float
    blocks_a_launch: int
    first_look: int
    last_look: int
    paths: Mapping[str, float]
    pages: tuple[str, ...]
    relaunched: bool
    strategy: str | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A gate, over. ``left_open``: sentences on what it could not tell. ``commands``: name -> what to type
    (``again``, and ``report`` where there is one).
    """

    created: str
    verdict: GateVerdict
    baseline: Side
    candidate: Side
    design: Design
    stampedes: Sequence[MetStampede] = ()
    checks: Sequence[Check] = ()
    launch_facts: Sequence[LaunchFacts] = ()
    left_open: Sequence[str] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    advisory: bool = False
    run_dir: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The object; ``metrics`` and the keys around them are :meth:`rig.gate.verdict.GateVerdict.to_json`'s."""
        return {
            "schema": SCHEMA,
            "kind": "gate",
            "created": self.created,
            **self.verdict.to_json(),
            "advisory": self.advisory,
            "baseline": {**asdict(self.baseline), "title": self.baseline.title},
            "candidate": {**asdict(self.candidate), "title": self.candidate.title},
            "design": {**asdict(self.design), "paths": dict(self.design.paths), "pages": list(self.design.pages)},
            "stampedes": [asdict(one) for one in self.stampedes],
            "checks": [asdict(one) for one in self.checks],
            "launch_facts": [{**asdict(one), "spoiled": list(one.spoiled)} for one in self.launch_facts],
            "left_open": list(self.left_open),
            "machine": dict(self.machine),
            "commands": dict(self.commands),
            "run_dir": self.run_dir,
        }
