"""The judge against histories of simulated caches whose truth is known, and against judges that are broken."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis import staleness
from rig.analysis.staleness import Freshness
from tests.histories import CACHES, history, judged, mistakes

A_BATCH = 20


def found(histories):
    return [(why, told, read) for told, read, row in judged(histories) for why in mistakes(told, read, row)]


@pytest.mark.parametrize("cache", CACHES)
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(seeds=st.lists(st.integers(0, 1 << 32), min_size=A_BATCH, max_size=A_BATCH, unique=True))
def test_no_verdict_is_false_whatever_the_cache_and_the_delays(cache, seeds):
    """Fresh reads are never called stale, stale ones never fresh; dirty ones are flagged; ages lie in their bounds."""
    assert found([history(cache, seed) for seed in seeds]) == []


def examples(cache, count=100):
    return [history(cache, seed) for seed in range(count)]


@pytest.mark.parametrize("cache", CACHES)
def test_the_simulated_caches_differ_as_they_should(cache):
    """A generator that made only fresh reads would prove nothing."""
    reads = [(told, read) for told in examples(cache) for read in told.reads]
    stale = sum(told.is_stale(read) and not told.is_dirty(read) for told, read in reads) / len(reads)
    dirty = sum(told.is_dirty(read) for told, read in reads)
    assert (dirty > 50) == (cache == "before-commit")
    assert cache != "consistent" or stale == 0
    assert cache not in ("ttl", "delete-on-write") or stale > 0.05


def test_every_verdict_is_met():
    verdicts = Counter(row["verdict"] for cache in CACHES for _, _, row in judged(examples(cache)))
    assert min(verdicts[one] for one in Freshness) > 50


BROKEN = {
    "a tie is called stale": ("ends_[newer] < start_s", "ends_[newer] <= start_s"),
    "stale by the end of the read": ("ends_[newer] < start_s", "ends_[newer] < end_s"),
    "stale by the begin of the commit": ("ends_[newer] < start_s", "begins_[newer] < start_s"),
    "fresh by the end of the commit": ("begins_[newer] >= start_s", "ends_[newer] >= start_s"),
    "fresh by the end of the read": ("begins_[newer] >= start_s", "begins_[newer] >= end_s"),
    "a tie is not called fresh": ("begins_[newer] >= start_s", "begins_[newer] > start_s"),
    "fresh although a record is lost": ("versions_[newer] == got + 1", "versions_[newer] > got"),
    "an error by the begin of the read": ("begins_[own] > end_s", "begins_[own] > start_s"),
    "an error by the end of the commit": ("begins_[own] > end_s", "ends_[own] > end_s"),
    "a tie is called an error": ("begins_[own] > end_s", "begins_[own] >= end_s"),
    "dirty reads pass": ("[error, stale, fresh]", "[error & False, stale, fresh]"),
    "the database is not asked": ("final = commits.final.get(scope)", "final = None"),
    "the age from the begin of the commit": ("(stale, ends_[newer], 0.0)", "(stale, begins_[newer], 0.0)"),
    "the age at most from the begin of the read": ("end_s - _begun(", "start_s - _begun("),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_judge_is_found_out(broken, monkeypatch):
    """The generator meets every edge of the rule: swap an end or a comparison, and a verdict is false."""
    right, wrong = BROKEN[broken]
    source = inspect.getsource(staleness._judge_scope)
    assert right in source
    names = dict(vars(staleness))
    exec(source.replace(right, wrong), names)
    monkeypatch.setattr(staleness, "_judge_scope", names["_judge_scope"])
    assert found([told for cache in CACHES for told in examples(cache)])
