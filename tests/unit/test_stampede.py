"""Recomputes, their causes, stampedes, expiries, and what they cost the origin."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.origin import Window, figures, wasted
from rig.analysis.stampede import expiries, overlaps, recomputes, stampedes
from tests.tables import invalidate, origin, recompute, write

WARM = recompute(0.0, 0.1, ttl_s=5.0)
SAFE = recompute(0.0, 0.1, ttl_s=3600.0)


def causes(*rows):
    return recomputes(origin(*rows))["cause"].tolist()


def found(*rows):
    return stampedes(recomputes(origin(*rows)))


# Stampedes.


def test_two_open_at_once_are_a_stampede():
    """It begins with the first recompute, ends when none is open, and counts all that took part."""
    (herd,) = found(recompute(1.0, 2.0), recompute(1.5, 1.8), recompute(1.9, 2.5))
    assert dataclasses.asdict(herd) == {
        "entry": "p", "cause": "cold", "begin_s": 1.0, "end_s": 2.5, "peak": 2, "recomputes": 3,
    }  # fmt: skip


def test_one_that_begins_when_another_ends_does_not_overlap_it():
    """The edge: begin = end is no stampede, one nanosecond earlier is."""
    assert found(recompute(1.0, 2.0), recompute(2.0, 3.0)) == []
    assert len(found(recompute(1.0, 2.0), recompute(1.999999999, 3.0))) == 1


def test_entries_and_epochs_are_kept_apart():
    """Recomputes of two entries, or of one in two epochs, are no stampede."""
    assert found(recompute(1.0, 2.0), recompute(1.0, 2.0, entry="other")) == []
    assert found(recompute(1.0, 2.0), recompute(1.0, 2.0, epoch=2)) == []


def test_a_gap_ends_a_stampede():
    """Two herds with an instant between them in which none is open are two stampedes, each with its own peak."""
    herds = found(
        *(recompute(1.0, 1.5) for _ in range(5)),
        *(recompute(2.0, 2.5) for _ in range(3)),
    )
    assert [(herd.begin_s, herd.peak) for herd in herds] == [(1.0, 5), (2.0, 3)]


def test_a_herd_of_a_killed_process_lasts_to_its_last_sign_of_life():
    """Recomputes that never ended count as open until their process wrote its last event, and no longer."""
    (herd,) = found(
        recompute(1.0, None, None, pid=7),
        recompute(1.2, None, None, pid=7),
        recompute(9.0, 9.1, pid=8),
    )
    assert (herd.begin_s, herd.end_s, herd.peak) == (1.0, pytest.approx(1.2), 2)


def test_an_empty_trial_has_no_stampedes():
    assert found() == []
    assert expiries(origin()) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=25))
def test_stampedes_agree_with_counting_at_every_instant(spans):
    """Against brute force on whole seconds: what is covered, how high it rises, and that herds never touch."""
    herds = found(*(recompute(float(begin), float(begin + length)) for begin, length in spans))
    level = [sum(begin <= at < begin + length for begin, length in spans) for at in range(45)]
    assert max((herd.peak for herd in herds), default=0) == (max(level) if max(level) >= 2 else 0)
    crowded = {at for at in range(45) if level[at] >= 2}
    covered = {at for herd in herds for at in range(int(herd.begin_s), int(herd.end_s))}
    assert crowded <= covered
    assert all(level[at] >= 1 for at in covered)
    assert all(one.end_s <= other.begin_s for one, other in pairwise(herds))


# Causes.


def test_nothing_stored_before_is_cold():
    """A failed recompute stores nothing, so the next is still cold; so is one after a delete of nothing."""
    assert causes(recompute(1.0, 1.1, "failed"), invalidate("delete", 1.2), recompute(2.0, 2.1)) == ["cold", "cold"]


def test_past_its_time_to_live_is_expiry():
    """Stored within [0, 0.1] for 5 s: a miss at 5.0 may be the expiry, one at 4.999 can't be."""
    assert causes(WARM, recompute(5.0, 5.1))[1] == "expiry"
    assert causes(WARM, recompute(4.999, 5.1))[1] == "unknown"


@pytest.mark.parametrize("kind", ["delete", "bump", "mark"])
def test_a_call_after_the_store_is_the_cause(kind):
    """A delete, bump or mark between the store and the miss explains it; one of another entry does not."""
    assert causes(SAFE, invalidate(kind, 1.0), recompute(2.0, 2.1))[1] == kind
    assert causes(SAFE, invalidate(kind, 1.0, entries=("q",)), recompute(2.0, 2.1))[1] == "unknown"


@pytest.mark.parametrize("entries", [(), None])
def test_a_call_that_names_no_entries_touches_all(entries):
    """One bump of a generation makes every entry unreachable."""
    bump = {**invalidate("bump", 1.0), "entries": entries}
    assert causes(SAFE, bump, recompute(2.0, 2.1), recompute(2.0, 2.1, entry="q"))[1:] == ["bump", "cold"]
    assert expiries(origin(WARM, bump)) == []


def test_a_call_that_failed_is_a_cause_only_where_nothing_else_is():
    """It may not have reached the cache: past the time to live it is an expiry."""
    failed = invalidate("delete failed", 1.0)
    assert causes(SAFE, failed, recompute(2.0, 2.1))[1] == "delete"
    assert causes(WARM, failed, recompute(6.0, 6.1))[1] == "expiry"
    assert expiries(origin(WARM, failed)) == [("p", pytest.approx(5.1))]


def test_a_delete_before_the_store_explains_nothing():
    """What was stored after the delete is still there until it expires."""
    assert causes(WARM, invalidate("delete", 1.0), recompute(2.0, 2.1, ttl_s=5.0), recompute(9.0, 9.1)) == [
        "cold",
        "delete",
        "expiry",
    ]


def test_a_delete_after_the_expiry_removed_nothing():
    """The value ran out at 5.1; deleting it at 6 did not make the miss at 7."""
    assert causes(WARM, invalidate("delete", 6.0), recompute(7.0, 7.1))[1] == "expiry"


def test_a_call_that_overlaps_the_store_is_decided_by_the_time_to_live():
    """Delete and set at the same time: gone before its time means the delete came last, else it expired."""
    racing = invalidate("delete", 0.05, 0.2)
    assert causes(WARM, racing, recompute(2.0, 2.1))[1] == "delete"
    assert causes(WARM, racing, recompute(5.2, 5.3))[1] == "expiry"


def test_a_call_that_had_only_begun_may_be_the_cause():
    """A delete under way at the miss, or one whose process was killed, may have removed it already."""
    assert causes(SAFE, invalidate("delete", 1.0, 3.0), recompute(2.0, 2.1))[1] == "delete"
    killed = {**invalidate("bump", 0.05), "end_ns": None}
    assert causes(SAFE, killed, recompute(2.0, 2.1))[1] == "bump"


def test_a_value_stored_under_the_old_key_does_not_outlive_a_bump():
    """A reader that began before the bump stores under the old generation: the next miss is the bump's."""
    assert causes(SAFE, recompute(1.0, 2.0, hint="early"), invalidate("bump", 1.5), recompute(3.0, 3.1))[2] == "bump"


def test_a_writer_that_computes_anew_is_a_cause_of_its_own():
    """The value it replaces was there and good: nothing had removed it."""
    assert causes(SAFE, recompute(4.0, 4.5, hint="write"), recompute(4.2, 4.6, hint="background"))[1:] == [
        "write",
        "write",
    ]


def test_the_strategy_knows_an_early_recompute():
    """The hint counts, also for one that joins a herd."""
    assert causes(WARM, recompute(4.0, 4.5, hint="early"), recompute(4.2, 4.6, hint="early"))[1:] == ["early", "early"]


def test_who_joins_a_herd_has_its_cause():
    """Begun while one that met an expiry is open: expiry, also after somebody stored meanwhile or wrote."""
    rows = (
        WARM,
        recompute(6.0, 7.0, ttl_s=5.0),
        recompute(6.1, 6.2, ttl_s=5.0),
        invalidate("delete", 6.3),
        recompute(6.5, 6.9, ttl_s=5.0),
    )
    assert causes(*rows) == ["cold", "expiry", "expiry", "expiry"]
    assert [herd.cause for herd in found(*rows)] == ["expiry"]


def test_an_old_reader_that_stores_after_the_delete_leaves_the_value_until_it_expires():
    """The stale-set race: the delete came before the set, so the next recompute is an expiry."""
    slow = recompute(6.0, 7.0, ttl_s=5.0)
    assert causes(WARM, slow, invalidate("delete", 6.5), recompute(12.5, 12.6))[2] == "expiry"


def test_what_another_epoch_stored_is_not_seen():
    """Each epoch begins cold."""
    assert causes({**WARM, "epoch": 1}, recompute(1.0, 1.1, epoch=2)) == ["cold", "cold"]


def test_a_value_without_time_to_live_never_expires():
    assert causes(recompute(0.0, 0.1, ttl_s=None), recompute(1e6, 1e6 + 1))[1] == "unknown"


# Expiries.


def test_a_value_expires_when_nothing_came_between():
    assert expiries(origin(WARM)) == [("p", pytest.approx(5.1))]


@pytest.mark.parametrize(
    "between",
    [recompute(4.0, 5.0, ttl_s=3600.0), invalidate("delete", 5.0), invalidate("bump", 0.05)],
    ids=["replaced", "deleted", "bumped while storing"],
)
def test_a_value_that_was_replaced_or_removed_does_not_expire(between):
    expired = [instant for _, instant in expiries(origin(WARM, between)) if instant < 100]
    assert expired == []


def test_only_the_last_store_of_a_herd_expires():
    """Each later store renews the time to live: one expiry for a herd of three."""
    rows = [recompute(0.0, end_s, ttl_s=5.0) for end_s in (1.0, 2.0, 3.0)]
    assert expiries(origin(*rows)) == [("p", pytest.approx(8.0))]


def test_a_delete_that_overlaps_the_store_does_not_hide_the_expiry():
    """If the set came last, the old value stays until its time is up, and that is when users see it go."""
    assert expiries(origin(WARM, invalidate("delete", 0.05))) == [("p", pytest.approx(5.1))]


# What it costs.


def window(*rows, start_s=0.0, end_s=10.0, until_s=10.0, **facts):
    events = origin(*rows)
    opened = recomputes(events)
    known = {"writes_committed": 0, "requests_and_visits": 100, "cache_commands": None}
    return Window(
        start_s=start_s, end_s=end_s, until_s=until_s, recomputes=opened, stampedes=stampedes(opened),
        expiries=expiries(events), **{**known, **facts},
    )  # fmt: skip


def test_warm_up_decides_causes_but_is_not_counted():
    """A herd before the window is no figure of it; what it stored explains the expiry inside. Draining counts."""
    one = window(
        *(recompute(-5.0, -4.0, ttl_s=5.0) for _ in range(3)),
        recompute(2.0, 2.5, ttl_s=1.0),
        recompute(2.1, 2.6, ttl_s=1.0),
        recompute(10.5, 10.6),
        recompute(11.5, 11.6),
        until_s=11.0,
    )
    got = figures([one], hot_entry="p", threads=16)
    assert (got["recomputes"], got["stampedes"], got["stampede_peak"]) == (3, 1, 2)
    assert got["stampedes_by_cause"] == {
        "expiry": 1,
        "delete": 0,
        "bump": 0,
        "mark": 0,
        "cold": 0,
        "early": 0,
        "write": 0,
    }
    assert got["stampede_worst_s"] == pytest.approx(0.6)
    assert (got["hot_expiries"], got["hot_expiry_stampedes"]) == (2, 1)


def test_two_windows_are_added_and_the_worst_kept():
    herd = [recompute(1.0, 2.0) for _ in range(4)]
    got = figures([window(*herd), window(*herd[:3], end_s=30.0)], hot_entry=None, threads=5)
    assert (got["recomputes"], got["stampedes"], got["stampede_peak"]) == (7, 2, 4)


@pytest.mark.parametrize(("peak", "capped"), [(15, True), (14, False)])
def test_a_peak_within_one_of_the_threads_is_capped(peak, capped):
    """With 16 threads 15 at once may have been more, 14 not."""
    got = figures([window(*(recompute(1.0, 2.0) for _ in range(peak)))], hot_entry=None, threads=16)
    assert got["stampede_capped"] is capped


def test_without_stampedes_the_peak_is_one_and_nothing_was_capped():
    got = figures([window(recompute(1.0, 2.0))], hot_entry=None, threads=2)
    assert (got["stampedes"], got["stampede_peak"], got["stampede_worst_s"], got["stampede_capped"]) == (0, 1, 0, False)


def test_a_control_that_does_not_cache_has_no_stampedes():
    """It recomputes at every read by design: null, not a peak."""
    got = figures([window(*(recompute(1.0, 2.0, "discarded") for _ in range(4)))], hot_entry="p", threads=16)
    assert got["recomputes"] == 4
    assert [got[key] for key in ("stampedes", "stampede_peak", "wasted", "hot_expiries")] == [None] * 4


def test_discarded_and_duplicate_recomputes_are_wasted():
    """Of a herd of four that computed version 3, one is of use; one of version 4 is, too."""
    herd = [recompute(1.0, end_s, versions="p=3") for end_s in (2.0, 2.1, 2.2)]
    rows = [*herd, recompute(1.5, 2.3, versions="p=4"), recompute(1.0, 2.4, "discarded", versions="p=3")]
    assert wasted(recomputes(origin(*rows))) == 3


def test_an_older_version_stored_over_a_newer_one_is_wasted():
    rows = [recompute(1.5, 2.0, versions="p=4"), recompute(1.0, 2.5, versions="p=3")]
    assert wasted(recomputes(origin(*rows))) == 1


def test_the_same_version_after_an_expiry_is_not_wasted():
    """It began after the other had ended: the value was gone, somebody had to."""
    rows = [recompute(1.0, 2.0, versions="p=3"), recompute(2.0, 2.5, versions="p=3")]
    assert wasted(recomputes(origin(*rows))) == 0


def test_versions_that_nobody_knows_prove_no_waste():
    rows = [recompute(1.0, 2.0), recompute(1.0, 2.5)]
    assert wasted(recomputes(origin(*rows))) == 0


def test_work_for_each_write_and_request():
    """12 queries after 3 writes are 4 each; 250 commands for 100 requests are 2.5; 2 s of CPU in 10 s are 20 %."""
    rows = [recompute(1.0, 2.0, queries=6, cpu_ms=1000.0), recompute(1.0, 4.0, queries=6, cpu_ms=1000.0)]
    got = figures([window(*rows, writes_committed=3, cache_commands=250)], hot_entry=None, threads=None)
    assert (got["queries_per_write"], got["cache_commands_per_request"]) == (4.0, 2.5)
    assert got["cpu_share"] == pytest.approx(0.2)
    assert got["recompute_herd_ms"] == pytest.approx(2000)
    assert (got["recompute_alone_ms"], got["stampede_capped"]) == (None, None)


def test_an_overloaded_target_works_on_after_the_window():
    """2 s of CPU, the last of it 20 s after a window of 10 s began: 10 %, not 20."""
    rows = [recompute(1.0, 2.0, cpu_ms=1000.0), recompute(9.0, 20.0, cpu_ms=1000.0)]
    assert figures([window(*rows)], hot_entry=None, threads=None)["cpu_share"] == pytest.approx(0.1)


def test_costs_that_were_not_recorded_are_null():
    """No writes: no queries for each; no CPU times, no count of commands: no share."""
    got = figures([window(recompute(1.0, 2.0, queries=6))], hot_entry=None, threads=16)
    assert [got[key] for key in ("queries_per_write", "cache_commands_per_request", "cpu_share")] == [None] * 3


def test_a_trial_whose_commands_were_not_counted_leaves_no_total():
    """A sum with a hole is not the sum."""
    got = figures([window(cache_commands=10), window()], hot_entry=None, threads=16)
    assert got["cache_commands_per_request"] is None


def test_other_events_are_no_recomputes():
    assert recomputes(origin(write(2, 1.0, 1.1), invalidate("delete", 1.2))).empty


def test_an_interval_touches_a_stampede_at_its_edges():
    """[0, 1] and [2, 3] touch a stampede of [1, 2]; an unknown edge touches nothing."""
    (herd,) = found(recompute(1.0, 2.0), recompute(1.0, 2.0))
    begins, ends = np.array([0, 2, 0, 2.001, 1.5]), np.array([1, 3, 0.999, 3, np.nan])
    assert overlaps(begins, ends, [herd]).tolist() == [True, True, False, False, False]
