"""The ledger of stampedes in words, and its join with the stampedes of the timelines."""

from __future__ import annotations

import pytest

from rig.analysis.summary import summarise
from rig.report.chart_data import chart_data, pictures
from rig.report.ledger_lines import who_met
from rig.report.ledger_tables import ledger_table
from tests.synthetic import build


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return build(tmp_path_factory.mktemp("runs"), ("fixed-timeout", "single-flight"), rounds=2)


@pytest.fixture(scope="module")
def summary(run):
    return summarise(run)


def test_every_stampede_of_a_timeline_has_its_line_of_the_ledger(run, summary):
    """Joined by arm, round, entry and instant: as many recomputes wasted as the summary says of that one."""
    data = chart_data(["fixed-timeout", "single-flight"], pictures(run), summary)
    drawn = [one for trial in data["trials"] if trial["arm"] == 0 for one in trial["stampedes"]]
    lines = summary["arms"]["fixed-timeout"]["origin"]["ledger"]
    assert len(drawn) == len(lines) > 2
    assert [one["cost"]["wasted"] for one in drawn] == [line["wasted"] for line in lines]


def test_a_stampede_that_the_ledger_lacks_has_no_cost(run, summary):
    """Begun in the warm-up, or in a trial kept out: null, not zero."""
    bare = {**summary, "arms": {}}
    data = chart_data(["fixed-timeout", "single-flight"], pictures(run), bare)
    assert all(one["cost"] is None for trial in data["trials"] for one in trial["stampedes"])


def test_the_table_says_peak_size_and_who_met_them(summary):
    """16 of 16 threads recomputed at once: capped. Who never stampeded has no row."""
    table = ledger_table(summary["arms"])
    assert {row[0] for row in table.rows} == {"fixed-timeout"}
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["entry"], row["cause"], row["peak"]) == ("product:7", "expiry", "16 (capped by threads)")
    assert "waited for a server thread" in row["who met them"]
    assert "→" in row["response p95: outside → inside"]


def test_who_met_it_in_words():
    assert who_met({"served": 0, "queued": 1200, "computed": 3}) == "1,200 waited for a server thread and 3 recomputed"
    assert who_met({}) == "nobody"
