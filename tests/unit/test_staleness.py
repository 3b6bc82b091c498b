"""Verdicts on reads are proofs: checked on made-up histories whose truth is known."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.freshness import figures, fresh_times, witness
from rig.analysis.reads import READ_COLUMNS, reads_of
from rig.analysis.staleness import (
    COMMIT_COLUMNS,
    Commits,
    Freshness,
    commits_of,
    judge,
)
from tests.tables import origin, pages, request, requests, visit, write

ENTRIES = {"/p/": "p", "/home/": "home"}
SETTLED = {"checked": 3, "mismatches": []}


def read(version, start_s, end_s=None, path="/p/", scope="p"):
    text = version if isinstance(version, str) else f"{scope}={version}"
    return request(start_s, took_s=(end_s or start_s + 0.01) - start_s, path=path, content_version=text)


def tables(reads, writes, visits=()):
    return reads_of(requests(*reads), pages(*visits), ENTRIES), commits_of(origin(*writes))


def verdicts(reads, writes, visits=()):
    return [str(verdict) for verdict in judge(*tables(reads, writes, visits))["verdict"]]


def counted(reads, writes, settle=SETTLED, **limits):
    return figures([witness(*tables(reads, writes), settle)], **{"max_staleness_s": None, **limits})


# The rule, edge by edge. Version 2 was committed within [1.0, 1.1].

V2 = write(2, 1.0, 1.1)


@pytest.mark.parametrize(
    ("start_s", "verdict"),
    [(0.5, "fresh"), (1.0, "fresh"), (1.001, "indeterminate"), (1.1, "indeterminate"), (1.101, "stale")],
)
def test_an_old_version_is_judged_by_both_ends_of_the_commit(start_s, verdict):
    """Begun before COMMIT: fresh. Between the two instants nobody can tell. After COMMIT had returned: stale."""
    assert verdicts([read(1, start_s)], [V2]) == [verdict]


@pytest.mark.parametrize("start_s", [0.995, 1.05, 9.0])
def test_the_newest_version_is_always_fresh(start_s):
    """Also while its own commit was returning: nothing newer exists."""
    assert verdicts([read(2, start_s)], [V2]) == ["fresh"]


@pytest.mark.parametrize(("end_s", "verdict"), [(0.999, "error"), (1.0, "fresh")])
def test_a_version_read_before_its_commit_began_is_an_error(end_s, verdict):
    """The last byte came before COMMIT was sent: the cache holds what was not true yet."""
    assert verdicts([read(2, 0.9, end_s)], [V2]) == [verdict]


def test_a_version_that_was_never_committed_is_an_error():
    assert verdicts([read(3, 2.0)], [V2]) == ["error"]


def test_a_rolled_back_write_makes_no_version():
    """What it would have made does not make older reads stale, and reading it is an error."""
    undone = write(3, 2.0, 2.1, outcome="rolled_back", commit_begin_ns=None, commit_end_ns=None)
    assert verdicts([read(2, 5.0), read(3, 5.0)], [V2, undone]) == ["indeterminate", "error"]
    assert verdicts([read(2, 5.0)], [V2, undone]) == ["fresh"]


def test_a_write_that_failed_at_its_commit_may_have_been_committed():
    """COMMIT was sent and no answer came: unknown, until another write is seen to make the same version."""
    broken = {**write(3, 2.0, 2.1), "outcome": "rolled_back", "commit_end_ns": None}
    assert verdicts([read(2, 5.0)], [V2, broken]) == ["indeterminate"]
    assert verdicts([read(2, 5.0), read(2, 3.5)], [V2, broken, write(3, 4.0, 4.1)]) == ["stale", "fresh"]


def test_without_writes_a_single_version_is_fresh_and_two_contradict_each_other():
    """Nobody wrote: what all readers saw is the newest. If some saw another, a write was lost: no guess."""
    assert verdicts([read(7, 1.0), read(7, 2.0)], []) == ["fresh", "fresh"]
    assert verdicts([read(7, 1.0), read(8, 2.0)], []) == ["indeterminate", "error"]


def test_versions_may_begin_at_any_number():
    assert verdicts([read(41, 0.5), read(41, 2.0)], [write(42, 1.0, 1.1)]) == ["fresh", "stale"]


def test_a_lost_write_proves_nothing_fresh():
    """Version 3's record is missing: a read of 2 before 4 was committed may have been stale already."""
    rows = [V2, write(4, 3.0, 3.1)]
    assert verdicts([read(2, 2.0), read(2, 3.05)], rows) == ["indeterminate", "indeterminate"]


def test_a_later_commit_proves_staleness_in_place_of_a_lost_one():
    """Version 4 was committed before the read began, and 3 before 4: 2 was out of date. The age is a lower bound."""
    judged = judge(*tables([read(2, 4.1)], [V2, write(4, 3.0, 3.1)]))
    assert judged["verdict"].tolist() == ["stale"]
    assert judged["age_s"].tolist() == pytest.approx([1.0])
    assert judged["behind"].tolist() == [2]


def test_a_write_of_unknown_outcome_leaves_doubt():
    """Neither committed nor rolled back as far as known: reads before it are fresh, later ones undecided."""
    unknown = {**write(3, 3.0, 3.1), "outcome": None, "commit_end_ns": None}
    assert verdicts([read(2, 2.5), read(2, 9.0), read(3, 9.0)], [V2, unknown]) == ["fresh", "indeterminate", "fresh"]


def test_a_write_that_left_no_word_puts_the_newest_in_doubt():
    """Killed in its transaction, its version unrecorded: from its begin on nobody knows the newest version."""
    silent = {**write(3, 3.0, None), "outcome": None, "versions": None, "commit_begin_ns": None}
    got = verdicts([read(2, 2.9), read(2, 3.1), read(3, 9.0), read(1, 9.0)], [V2, silent])
    assert got == ["indeterminate", "indeterminate", "indeterminate", "stale"]
    assert verdicts([read(2, 2.9), read(2, 3.1)], [V2, silent]) == ["fresh", "indeterminate"]


def test_commit_order_tightens_a_late_callback():
    """Version 2's callback came late (9 s), but 3 was committed by 2.1 s, so 2 was before that, too."""
    rows = [write(2, 1.0, 9.0), write(3, 2.0, 2.1)]
    assert verdicts([read(1, 2.2)], rows) == ["stale"]


def test_of_several_scopes_the_worst_counts():
    """A page of two products is stale if one of them is; one read is one read."""
    judged = judge(*tables([read("p=1, q=5", 2.0)], [V2, write(6, 9.0, 9.1, scope="q")]))
    assert judged["verdict"].tolist() == ["stale"]


def test_scopes_are_independent():
    """A write to q says nothing about p."""
    assert verdicts([read(1, 9.0)], [write(2, 1.0, 1.1, scope="q")]) == ["fresh"]


def test_an_unreadable_version_is_never_judged():
    assert verdicts([read("nonsense", 1.0)], [V2]) == ["indeterminate"]


def test_failed_requests_and_writes_are_no_reads():
    rows = [
        request(2.0, content_version="p=1", cause="wrong_arm"),
        request(2.0, content_version="p=1", kind="write"),
        request(2.0),
    ]
    assert verdicts(rows, [V2]) == []


def test_page_visits_are_reads_from_the_order_to_go():
    """Told to go at 1.05, navigated at 1.2: the wider interval begins before COMMIT returned. Starved ones count."""
    at = {"content_version": "p=1", "outcome": "starved"}
    assert verdicts([], [V2], [visit(1.2, started_s=1.05, **at)]) == ["indeterminate"]
    assert verdicts([], [V2], [visit(1.2, **at)]) == ["stale"]
    assert verdicts([], [V2], [visit(1.2, content_version="p=1", outcome="failed")]) == []


# Histories with known truth.


@st.composite
def histories(draw):
    """True commit instants of base+1, base+2, … with intervals around them, reads of anything, some rows lost.

    The last write's row is kept: nothing in the record could show that it is missing.
    """
    base = draw(st.integers(1, 5))
    instants = draw(st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True).map(sorted))
    commits = {
        base + 1 + number: (instant - draw(st.integers(0, 8)), instant, instant + draw(st.integers(0, 8)))
        for number, instant in enumerate(instants)
    }
    lost = draw(st.sets(st.sampled_from(sorted(commits)[:-1]))) if len(commits) > 1 else set()
    # Near a commit, or every mistake would be too rare to be met.
    starts = st.builds(lambda instant, off: instant + off, st.sampled_from(instants), st.integers(-9, 9))
    versions = st.integers(base, base + len(commits) + 1)
    reads = draw(st.lists(st.tuples(versions, starts, st.integers(0, 20)), min_size=1, max_size=12))
    return base, commits, lost, reads


def judged_history(reads, commits):
    """Built without tables of samples, so that hundreds of histories take seconds."""
    rows = [(f"w{v}", "p", v, float(begin_s), float(end_s)) for v, (begin_s, _, end_s) in commits.items()]
    table = pd.DataFrame(rows, columns=list(COMMIT_COLUMNS))
    seen = [(f"r{n}", s, s + length + 1e-6, "p", "p", v) for n, (v, s, length) in enumerate(reads)]
    judged = judge(pd.DataFrame(seen, columns=list(READ_COLUMNS)), Commits(table=table, dependents={}))
    return judged.to_dict("records")


@settings(max_examples=200, deadline=None)
@given(histories())
def test_no_verdict_is_ever_false(history):
    """Stale only if a newer version was truly committed before the read began; fresh only if none was.

    An error only if the version was truly not committed by the time the read ended.
    """
    base, commits, lost, reads = history
    judged = judged_history(reads, {v: commit for v, commit in commits.items() if v not in lost})
    truth = {v: instant for v, (_, instant, _) in commits.items()}
    for (version, start_s, length), row in zip(reads, judged, strict=True):
        newer = [instant for v, instant in truth.items() if v > version and instant < start_s]
        if row["verdict"] == Freshness.STALE:
            assert newer
            assert row["age_s"] <= start_s - min(newer)
            assert row["behind"] <= len(newer)
        elif row["verdict"] == Freshness.FRESH:
            assert not newer
        elif row["verdict"] == Freshness.ERROR:
            assert version > base
            assert truth.get(version, math.inf) > start_s + length


@settings(max_examples=100, deadline=None)
@given(histories())
def test_what_can_be_told_is_told(history):
    """With no row lost, doubt is left only where the next version's commit straddles the begin of the read."""
    _, commits, _, reads = history
    real = [one for one in reads if one[0] <= max(commits)]
    for (version, start_s, _), row in zip(real, judged_history(real, commits), strict=True):
        if row["verdict"] == Freshness.INDETERMINATE:
            begin_s, _, end_s = commits[version + 1]
            assert begin_s < start_s <= end_s


# Figures.


def test_ages_are_over_all_judged_reads():
    """99 fresh reads and one 3 s old: the oldest is 3 s, and of a hundred reads one is that old."""
    got = counted([read(2, 2.0 + number / 100) for number in range(99)] + [read(1, 4.1)], [V2])
    assert (got["reads"], got["stale"], got["indeterminate"], got["opportunities"]) == (100, 1, 0, 100)
    assert got["age_max_s"] == pytest.approx(3.0)
    assert got["age_p99_s"] == pytest.approx(0.03)
    assert got["stale_ratio"] == pytest.approx(0.01)


def test_where_nothing_could_have_been_stale_ages_are_unknown():
    """No write before any read: 0 stale reads, but the age is not measured rather than 0."""
    got = counted([read(1, 0.5)], [V2])
    assert (got["stale"], got["opportunities"], got["age_max_s"], got["versions_behind_max"]) == (0, 0, None, None)
    assert (got["time_to_fresh_p50_s"], got["stale_ratio"], got["beyond_declared"]) == (None, None, None)


def test_fresh_reads_after_a_write_have_age_zero():
    """Measured, and nothing was stale: 0, not null."""
    got = counted([read(2, 5.0)], [V2])
    assert (got["age_max_s"], got["versions_behind_max"], got["time_to_fresh_p99_s"]) == (0.0, 0, 0.0)


def test_versions_behind_counts_what_had_surely_been_committed():
    rows = [write(2, 1.0, 1.1), write(3, 2.0, 2.1), write(4, 3.0, 3.1)]
    assert counted([read(1, 2.5)], rows)["versions_behind_max"] == 2


@pytest.mark.parametrize(("start_s", "beyond"), [(6.1, 0), (6.2, 1)])
def test_beyond_declared_has_an_exact_edge(start_s, beyond):
    """Declared 5 s: an age of 5.0 s is within, 5.1 s is not."""
    got = counted([read(1, start_s)], [V2], max_staleness_s=5.0 + 1e-6)
    assert got["beyond_declared"] == beyond


def test_time_to_fresh_is_the_last_stale_read_after_the_commit():
    """Stale at 2.0 and 3.1, fresh between and after: a stale set brought the old value back. 3.1 - 1.1 = 2 s."""
    got = counted([read(1, 2.0), read(2, 2.5), read(1, 3.1), read(2, 4.0)], [V2])
    assert got["time_to_fresh_p50_s"] == pytest.approx(2.0)


def test_a_write_nobody_read_afterwards_has_no_time_to_fresh():
    """Version 3 was committed after the last read: seen by nobody, so not fresh at once."""
    times = fresh_times(*tables([read(2, 2.0)], [V2, write(3, 5.0, 5.1)]))
    assert times["write"].tolist() == ["e0"]
    assert times["seconds"].tolist() == [0.0]


BOTH = write(2, 1.0, 1.1, entries=("p", "home"))


def test_all_fresh_waits_for_the_slowest_dependent():
    """The product was fresh at once, the home page still old at 4.1 s: 3 s until all were."""
    reads = [read(2, 2.0), read(1, 4.1, path="/home/"), read(2, 5.0, path="/home/")]
    assert counted(reads, [BOTH])["time_to_all_fresh_p99_s"] == pytest.approx(3.0)


def test_all_fresh_is_unknown_while_a_dependent_was_not_read():
    """Nobody opened the home page after the write: nobody can say when all were fresh."""
    assert counted([read(2, 2.0), read(1, 0.5, path="/home/")], [BOTH])["time_to_all_fresh_p99_s"] is None


def test_persistent_staleness_is_what_the_settle_check_found():
    """Mismatches are counted; the longest remaining time to live and those without one are told apart."""
    settle = {"checked": 9, "mismatches": [{"entry": "p", "ttl_s": 3.0}, {"entry": "q", "ttl_s": None}]}
    got = counted([read(2, 2.0)], [V2], settle=settle)
    assert (got["persistent"], got["persistent_ttl_max_s"], got["persistent_unbounded"]) == (2, 3.0, 1)


@pytest.mark.parametrize("settle", [None, {}, {"checked": None, "mismatches": []}])
def test_persistent_staleness_is_unknown_where_it_was_not_checked(settle):
    """No check is no proof of agreement, also if only one of two trials lacks it."""
    seen = [witness(*tables([read(2, 2.0)], [V2]), one) for one in (SETTLED, settle)]
    assert figures(seen, max_staleness_s=None)["persistent"] is None


def test_an_empty_cache_holds_nothing_stale():
    """Checked, and there was no entry to compare: 0, which is measured."""
    assert counted([], [], settle={"checked": 0, "mismatches": []})["persistent"] == 0


def test_trials_are_judged_apart_and_pooled():
    """Version 2 of one trial is not the other's: each is judged by its own writes."""
    one = witness(*tables([read(1, 2.1)], [V2]), SETTLED)
    other = witness(*tables([read(1, 2.1)], [write(2, 3.0, 3.1)]), SETTLED)
    got = figures([one, other], max_staleness_s=None)
    assert (got["reads"], got["stale"]) == (2, 1)


def test_an_empty_trial_has_no_reads():
    """No reads, no writes: counts are 0, ages are unknown."""
    got = counted([], [])
    assert (got["reads"], got["age_p99_s"]) == (0, None)
    assert isinstance(judge(*tables([], [])), pd.DataFrame)


# What the database says afterwards.


UNANSWERED = {**write(3, 3.0, 3.1), "outcome": None, "commit_end_ns": None}
SILENT = {**UNANSWERED, "versions": None, "commit_begin_ns": None}


def settled_verdicts(final, reads, *writes):
    seen = reads_of(requests(*reads), pages(), ENTRIES)
    return [str(verdict) for verdict in judge(seen, commits_of(origin(*writes), {"p": final}))["verdict"]]


@pytest.mark.parametrize("unresolved", [UNANSWERED, SILENT], ids=["unanswered", "silent"])
def test_the_database_resolves_a_write_that_timed_out(unresolved):
    """At 2 in the end: it was never committed, so 2 stayed the newest. At 3: it was, nobody knows when."""
    assert settled_verdicts(2, [read(2, 9.0), read(3, 9.0)], V2, unresolved) == ["fresh", "error"]
    assert settled_verdicts(3, [read(2, 9.0), read(3, 9.0)], V2, unresolved) == ["indeterminate", "fresh"]


def test_the_database_knows_of_writes_that_left_no_record_at_all():
    """A worker killed between COMMIT and its event file: without the database, version 2 would pass for the newest."""
    assert settled_verdicts(3, [read(2, 9.0)], V2) == ["indeterminate"]
    assert verdicts([read(2, 9.0)], [V2]) == ["fresh"]


def test_a_version_the_database_never_came_to_puts_no_other_in_doubt():
    assert settled_verdicts(2, [read(2, 9.0), read(7, 9.0)], V2) == ["fresh", "error"]


# Bounds, and what was not tested.


def test_the_age_has_an_upper_bound():
    """Stale at 3.0, last byte at 3.2, COMMIT within [1.0, 1.1]: between 1.9 and 2.2 s old."""
    got = counted([read(1, 3.0, 3.2)], [V2])
    assert (got["age_max_s"], got["age_max_upper_s"]) == pytest.approx((1.9, 2.2))


def test_the_upper_bound_covers_reads_in_doubt():
    """Nobody can tell whether version 1 was out of date at 1.05; if so, by 0.55 s at most."""
    got = counted([read(1, 1.05, 1.55), read(2, 2.0)], [V2])
    assert (got["indeterminate"], got["age_max_s"]) == (1, 0.0)
    assert got["age_max_upper_s"] == pytest.approx(0.55)


def test_without_the_successors_commit_its_own_bounds_the_age():
    """Version 3's record is lost; it was committed after 2, whose COMMIT began at 1.0: at most 3.2 s at 4.2."""
    judged = judge(*tables([read(2, 4.15, 4.2)], [V2, write(4, 3.0, 3.1)]))
    assert judged["age_most_s"].tolist() == pytest.approx([3.2])


def test_ages_are_also_told_in_times_to_live():
    got = counted([read(1, 4.1), read(2, 4.2)], [V2], ttl_s=6.0)
    assert got["age_max_ttls"] == pytest.approx(0.5)
    assert counted([read(1, 4.1)], [V2])["age_max_ttls"] is None


@pytest.mark.parametrize(
    ("fresh", "stale", "tested", "upper"), [(29, 0, False, None), (30, 0, True, 0.1), (3, 1, True, None)]
)
def test_no_stale_read_says_something_from_thirty_chances_on(fresh, stale, tested, upper):
    """0 of 30 is below 3/30; 0 of 29 is not tested. One stale read is a proof however few the chances."""
    got = counted([read(2, 2.0)] * fresh + [read(1, 2.0)] * stale, [V2])
    assert (got["tested"], got["stale_ratio_upper"]) == (tested, upper)


def test_the_first_fresh_read_is_told_apart_from_the_last_stale_one():
    """COMMIT began at 1.0. First shown by 2.6, and stale again at 3.1."""
    got = counted([read(1, 2.0), read(2, 2.5, 2.6), read(1, 3.1)], [V2])
    assert got["time_to_first_fresh_p50_s"] == pytest.approx(1.6)
    assert (got["time_to_fresh_p50_s"], got["never_shown"]) == (pytest.approx(2.0), 0)


def test_a_write_nobody_was_shown_is_counted():
    got = counted([read(1, 2.0), read(1, 9.0)], [V2])
    assert (got["never_shown"], got["time_to_first_fresh_p50_s"]) == (1, None)


def test_an_entry_without_a_time_to_live_stays_for_ever():
    """-1 is the cache's word for it; it is no remaining time."""
    settle = {"checked": 2, "mismatches": [{"entry": "p", "ttl_s": -1.0}, {"entry": "q", "ttl_s": 2.0}]}
    got = counted([read(2, 2.0)], [V2], settle=settle)
    assert (got["persistent"], got["persistent_ttl_max_s"], got["persistent_unbounded"]) == (2, 2.0, 1)


def test_a_wrong_body_under_the_current_version_is_persistent_staleness():
    """Once, where the target names it as a mismatch too; how long it stays is not known where it does not."""
    named = {"entry": "a", "ttl_s": 3.0}
    settle = {"checked": 3, "mismatches": [named], "bodies_checked": 3, "bodies_differ": ["a", "b"]}
    got = counted([], [], settle=settle)
    assert (got["persistent"], got["persistent_ttl_max_s"], got["persistent_unbounded"]) == (2, 3.0, 1)
