"""A comparison of two runs as one page that needs no network: text and drawn intervals, no chart library."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rig.analysis.compare import Comparison
from rig.analysis.comparison_finding import remedy, sentences, warnings
from rig.analysis.differences import LEVEL, FigureComparison, Shown
from rig.report.comparison import SIGNS, grades_text, interval_text, refused_rows, rounds_text, side_text, value_text
from rig.report.html import ROOT

_DASHBOARDS = ROOT / "dashboards"
_STYLES = ("report/report.css", "report/narrow.css", "board/compare.css")
# Report and page share the colours' classes.
_CLASSES = {Shown.BETTER: "good", Shown.WORSE: "bad"}


def render(comparison: Comparison, home: str | None = None) -> str:
    """The whole page. ``home``: address of the dashboard that shows it, if one does."""
    environment = Environment(
        loader=FileSystemLoader(_DASHBOARDS / "board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("compare.html.j2").render(
        a=side_text(comparison.a),
        b=side_text(comparison.b),
        sentences=sentences(comparison),
        warnings=warnings(comparison),
        refused=refused_rows(comparison),
        remedy=remedy(comparison),
        level=f"{LEVEL:.0%}",
        strategies=[
            {
                "name": found.name,
                "about": f"{rounds_text(found)}; {grades_text(found)}",
                "rows": [_row(one) for one in found.figures],
            }
            for found in comparison.strategies
        ],
        only_in=comparison.only_in,
        home=home,
        style=Markup("\n".join(map(_read, _STYLES))),  # noqa: S704 - our own files
        allow=_allow_address(comparison) if home else None,
        script=Markup(script()),  # noqa: S704 - our own file
    )


def script() -> str:
    """All script of the page, so that a server can allow this and no other."""
    theme = re.sub(r"^export ", "", _read("report/theme.js"), flags=re.MULTILINE)
    return f"{theme}\nstartTheme(() => {{}});"


def _allow_address(comparison: Comparison) -> str:
    """Where the dashboard compares the two all the same."""
    allowed = [("allow", one.fact) for one in comparison.comparability.refused]
    return "/compare?" + urlencode([("a", comparison.a.name), ("b", comparison.b.name), *allowed])


def _row(one: FigureComparison) -> dict[str, Any]:
    return {
        "title": one.metric.title,
        "better": one.metric.better,
        "a": value_text(one, one.a),
        "b": value_text(one, one.b),
        "interval": interval_text(one),
        "grade": _CLASSES.get(one.shown, ""),
        "sign": SIGNS[one.shown],
        "shown": str(one.shown),
        "why": one.why,
        "drawn": _drawn(one),
    }


def _drawn(one: FigureComparison) -> dict[str, float] | None:
    """The interval in shares of a bar whose middle is zero; each figure has its own scale."""
    if one.lower is None or one.upper is None or one.difference is None:
        return None
    reach = max(abs(one.lower), abs(one.upper)) or 1.0
    places = {"low": one.lower, "middle": one.difference, "high": one.upper}
    return {name: 50 + 48 * value / reach for name, value in places.items()}


def _read(name: str) -> str:
    return (_DASHBOARDS / name).read_text(encoding="utf-8")
