"""How old what was served was, over the window of one trial."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from rig.analysis.ages import ages, by_bucket
from rig.analysis.staleness import Freshness
from rig.analysis.summary import summarise
from tests.synthetic import build

STALE, FRESH, UNKNOWN = Freshness.STALE, Freshness.FRESH, Freshness.INDETERMINATE


def found(*rows, window_s=0.4):
    """Rows of (sent, verdict, age); a read of two scopes is one row of the judgement."""
    reads = pd.DataFrame({"read": [f"r{n}" for n in range(len(rows))], "start_s": [100.0 + at for at, *_ in rows]})
    twice = pd.concat([reads, reads], ignore_index=True)
    judged = pd.DataFrame(
        {"verdict": [row[1] for row in rows], "age_s": [row[2] for row in rows]}, index=pd.Index(reads["read"])
    )
    return by_bucket(twice, judged, 100.0, window_s, 0.1)


def test_a_bucket_holds_its_oldest_read_and_how_many_were_stale():
    got = found((0.12, STALE, 1.5), (0.19, STALE, 0.5), (0.15, FRESH, 0.0), (0.3, FRESH, 0.0))
    assert got.oldest_s == [None, 1.5, None, 0.0]
    assert (got.judged, got.stale) == ([0, 3, 0, 1], [0, 2, 0, 0])


def test_what_was_not_judged_or_lies_outside_the_window_is_not_counted():
    """None is not 0: nobody knows how old it was."""
    got = found((0.1, UNKNOWN, math.nan), (-0.01, STALE, 3.0), (0.4, STALE, 3.0))
    assert got.oldest_s == [None] * 4
    assert (sum(got.judged), sum(got.stale)) == (0, 0)


def test_the_oldest_of_all_is_the_summarys(tmp_path):
    run = build(tmp_path, ("fixed-timeout",), rounds=1)
    entries = run.manifest["plan"]["entries"]
    got = ages(run.trials[0], entries)
    staleness = summarise(run)["arms"]["fixed-timeout"]["staleness"]
    assert max(age for age in got.oldest_s if age is not None) == pytest.approx(staleness["age_max_s"])
    assert sum(got.stale) == staleness["stale"]
