"""The text of ``rig pages`` and what it warns of."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from rig.cli.pages import pages
from rig.model import InfrastructureError
from rig.report.pages import as_text, visit_list, warnings
from rig.samples import PAGES

URL = "http://127.0.0.1:8000/p/a-piece-with-a-very-long-name-indeed-and-then-some/"
NONE = dict.fromkeys(("p50", "p75", "p95", "iqr"))
OPTIONS = {
    "visits": 4,
    "pages": 1,
    "every_s": None,
    "seed": 1,
    "fresh_context": False,
    "device": None,
    "viewport": None,
    "cpu_slowdown": None,
    "network": None,
}


def row(**known: Any) -> dict[str, Any]:
    return {**dict.fromkeys(PAGES.names), "url": URL, "outcome": "measured", **known}


def found(**changes: Any) -> dict[str, Any]:
    return {
        "scheduled": 4,
        "measured": 2,
        "failed": 1,
        "starved": 1,
        "failures": {"status": 1},
        "wall_s": 1.0,
        "cpu_s": 0.5,
        "lcp_ms": {"p50": 1912.4, "p75": 2000.0, "p95": 2100.0, "iqr": 12.0},
        "ttfb_ms": NONE,
        "visit_slip_ms": {"p50": None, "max": None},
        "fcp_ms": 12.0,
        "cls": 0.0,
        "inp_ms": None,
        "parts_ms": {"ttfb": 1.0, "load_delay": 2.0, "load_duration": 3.0, "render_delay": 4.0},
        "urls": [{"url": URL, "lcp_ms": NONE}],
        "options": OPTIONS,
        "warnings": [],
        "visits": [],
        **changes,
    }


def test_it_fits_eighty_columns() -> None:
    """Also with everything switched on, long names and long warnings; what was not measured is no 0."""
    options = {**OPTIONS, "device": "Pixel 7", "viewport": [400, 500], "cpu_slowdown": 4.0, "network": {"name": "4g"}}
    pages = [{"url": f"{URL}?{n}", "lcp_ms": NONE} for n in range(3)]
    slip = {"p50": 1.0, "max": 2.0}
    text = as_text(found(options=options, urls=pages, visit_slip_ms=slip, warnings=["word " * 40]))
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "CPU slowed 4 times" in text
    assert "INP not measured" in text
    assert "1,910" in text
    assert "begun after they were due" in text


def test_the_next_command_can_be_copied() -> None:
    """Into a shell, which would read & as its own; a host that had to be allowed has to be again."""
    one = [{"url": "http://staging.test/?a=1&b=2", "lcp_ms": NONE}]
    words = "rig load 'http://staging.test/?a=1&b=2' --rate 50"
    assert f"{words}, and this" in " ".join(as_text(found(urls=one)).split())
    assert f"{words} --allow-host staging.test, and" in " ".join(
        as_text(found(urls=one), ["other.test", "staging.test"]).split()
    )


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"failed": 9, "starved": 1, "failures": {"timeout": 9}}, r"9 failed \(timeout 9\), 1 starved"),
        ({"failed": 0, "starved": 10, "failures": {}}, "0 failed, 10 starved"),
    ],
)
def test_where_no_visit_was_measured_there_is_no_measurement(monkeypatch, counts, said) -> None:
    """Whether they failed or starved; one that was measured is enough."""
    figures = found(scheduled=10, measured=0, **counts)
    monkeypatch.setattr("rig.cli.pages._measure", lambda *_: figures)
    with pytest.raises(InfrastructureError, match=f"no visit was measured: {said}"):
        CliRunner().invoke(pages, ["http://127.0.0.1/", "--json"], standalone_mode=False, catch_exceptions=False)
    figures["measured"] = 1
    assert CliRunner().invoke(pages, ["http://127.0.0.1/", "--json"]).exit_code == 0


def test_a_visit_that_failed_has_no_figures() -> None:
    """Its list entry has all keys; parts are null, Server-Timing empty, the final address unknown."""
    (visit,) = visit_list([row(outcome="failed", cause="timeout", ttfb_ms=3.0)])
    assert (visit["lcp_ms"], visit["parts_ms"]["ttfb"], visit["final_url"]) == (None, None, None)
    assert visit["server_timing"] == []


@pytest.mark.parametrize(
    ("url", "final", "moved"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1/", False),
        ("http://LOCALHOST/a b#part", "http://localhost/a%20b", False),
        ("http://127.0.0.1/?q=é", "http://127.0.0.1/?q=%C3%A9", False),
        ("http://127.0.0.1/a", "http://127.0.0.1/b", True),
        ("http://127.0.0.1/", "https://127.0.0.1/", True),
        ("http://127.0.0.1/", None, False),
    ],
)
def test_a_redirect_is_another_address(url: str, final: str | None, moved: bool) -> None:
    """Another way to write the same address is none."""
    visits = [{"url": url, "final_url": final}]
    assert bool(warnings(found(starved=0, visits=visits), 0)) is moved


def test_starvation_and_restarts_are_warned_of() -> None:
    """Neither is silent."""
    options = {**OPTIONS, "network": {"name": "4g"}}
    first, second, third = warnings(found(options=options), restarts=1)
    assert first.startswith("1 visit starved")
    assert "1 time" in second
    assert "not in TTFB" in third
