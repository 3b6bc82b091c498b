"""A gate as one page that needs no network, and no script but for the choice of colours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rig.report.gate_svg import HEIGHT, figures
from rig.report.gate_view import Outcome, view
from rig.report.gate_words import LEGEND
from rig.report.html import ROOT
from rig.words import cleaned, figure, percent, seconds

_DASHBOARDS = ROOT / "dashboards"
_STYLES = ("report/report.css", "report/narrow.css", "gate/gate.css")
# Report and page share the colours' classes.
CLASSES = {"pass": "good", "fail": "bad", "inconclusive": "ok", "invalid": "bad", "not_applicable": "muted"}


def as_html(outcome: Outcome) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_DASHBOARDS / "gate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = view(outcome)
    theme = re.sub(r"^export ", "", _read("report/theme.js"), flags=re.MULTILINE)
    return environment.get_template("gate.html.j2").render(
        gate=shown,
        classes=CLASSES,
        figures=figures(shown.rows),
        height=HEIGHT,
        legend=LEGEND,
        stampedes=[_stampede(one) for one in outcome["stampedes"]],
        design=_design(outcome["design"]),
        machine=_machine(outcome["machine"]),
        launches=_launches(outcome["launch_facts"]),
        style=Markup("\n".join(map(_read, _STYLES))),  # noqa: S704 - our own files
        script=Markup(f"{theme}\nstartTheme(() => {{}});"),  # noqa: S704 - our own file
    )


def _stampede(one: Mapping[str, Any]) -> list[str]:
    return [cleaned(one["arm"]), str(one["launch"]), cleaned(one["entry"]), cleaned(one["cause"]),
            str(one["peak"]), str(one["recomputes"]), seconds(one["begin_s"]), seconds(one["duration_s"])]  # fmt: skip


def _design(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    paths = ", ".join(f"{cleaned(path)} ({percent(share)})" for path, share in design["paths"].items())
    return [
        ("requests, both arms together", figure(design["rate_rps"], "/s")),
        ("calm head of a launch", seconds(design["head_s"])),
        ("block", seconds(design["block_s"])),
        ("blocks kept of a launch", str(design["blocks_a_launch"])),
        ("decides after", f"launch {design['first_look']} to {design['last_look']}"),
        ("read", paths),
        ("pages visited", ", ".join(map(cleaned, design["pages"])) or "none"),
        ("both arms launched anew", "each time" if design["relaunched"] else "no, they ran already"),
        ("strategy", cleaned(design["strategy"] or "as the target chooses")),
        ("seed", str(design["seed"])),
    ]


def _machine(machine: Mapping[str, Any], head: str = "") -> list[tuple[str, str]]:
    """Facts of any depth, one a line; what is empty is left out."""
    found: list[tuple[str, str]] = []
    for name, value in machine.items():
        title = f"{head}{cleaned(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            found += _machine(value, f"{title}: ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            found.append((title, ", ".join(map(cleaned, value))))
        elif value is not None:
            found.append((title, cleaned(value)))
    return found


_SHARES = ("steal", "foreign", "instrument")


def _launches(facts: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [
        [
            "warm-up" if one["number"] == 0 else str(one["number"]),
            *(
                percent(one[name]) if one[name] is not None else "not told"
                for name in ("steal", "foreign", "instrument")
            ),
            "; ".join(map(cleaned, one["spoiled"])) or "counts",
        ]
        for one in facts
    ]


def _read(name: str) -> str:
    return (_DASHBOARDS / name).read_text(encoding="utf-8")
