"""The report of one run as one HTML file that needs no network.

What matters (finding, conditions, verdicts, tables) is text in the page; charts are drawn by script from one JSON
document. Everything that came from the run is escaped: Jinja2 escapes text, and the JSON cannot end its element.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rig.journal import Run, replace_text
from rig.model import InfrastructureError
from rig.report.view import view

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "dashboards" / "report"
ECHARTS = ROOT / "node_modules" / "echarts" / "dist" / "echarts.min.js"

# In the order they need each other; the last one starts the page.
SCRIPTS = (
    "words.js", "page.js", "theme.js", "charts.js", "tooltip.js", "timeline-series.js", "timeline.js",
    "ages.js", "ledger.js", "linked.js", "timelines.js", "lcp.js", "parts.js", "pareto.js", "csv.js", "sheets.js",
    "evidence.js", "main.js",
)  # fmt: skip
STYLES = ("report.css", "slowest.css", "lighthouse.css", "narrow.css")


def render(run: Run, summary: dict[str, Any]) -> str:
    """The whole page.

    Raises:
        InfrastructureError: ECharts or a part of the page is not installed.
    """
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    facts = view(run, summary)
    return environment.get_template("report.html.j2").render(
        **facts,
        json=embedded_json(facts["data"]),
        style=Markup("\n".join(_read(ASSETS / name) for name in STYLES)),  # noqa: S704 - our own file
        echarts=Markup(echarts()),  # noqa: S704 - the library as installed
        script=Markup(script()),  # noqa: S704 - our own files
    )


def write_report(run: Run, summary: dict[str, Any], path: Path) -> None:
    """Write the page to ``path``; a link there is replaced, not followed.

    Raises:
        InfrastructureError: ECharts is missing, or ``path`` cannot be written.
    """
    page = render(run, summary)
    try:
        replace_text(path, page)
    except OSError as error:
        raise InfrastructureError(
            f"report {path}: cannot be written ({error.strerror}); check the folder and its free space"
        ) from error


def embedded_json(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: without ``<``, no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped in this line


def script() -> str:
    """The page's modules as one: an inlined module cannot import another, so they share one scope.

    Files stay real modules for editors and type checkers; names must differ between them, else the browser refuses.
    """
    parts = []
    for name in SCRIPTS:
        text = re.sub(r"^import [^;]*;\n", "", _read(ASSETS / name), flags=re.MULTILINE)
        parts.append(re.sub(r"^export ", "", text, flags=re.MULTILINE))
    return "\n".join(parts)


def echarts() -> str:
    """The chart library, as npm installed it."""
    if not ECHARTS.is_file():
        raise InfrastructureError(f"ECharts is missing ({ECHARTS} does not exist); run make setup")
    # Its text must not end the element it is put in, whatever a later version contains.
    return _read(ECHARTS).replace("</script", "<\\/script")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); run make setup") from error
