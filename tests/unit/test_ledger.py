"""The ledger of stampedes: predicted beside observed size, what it cost, and who met it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.ledger import ledger
from rig.analysis.ledger_figures import figures
from rig.analysis.origin import Window
from rig.analysis.spans import Spans
from rig.analysis.stampede import expiries, recomputes, stampedes
from rig.analysis.waiting import WHO, who_waited
from tests.tables import invalidate, origin, pages, recompute, request, requests, visit

ENTRIES = {"/p/": "p", "/other/": "other"}
WARM = recompute(-1.0, -0.9, ttl_s=3.0)
# Three in a herd from 2 s on; the first of them has stored after 0.8 s.
HERD = [
    recompute(2.0, 2.8, cpu_ms=100.0, db_ms=300.0, versions="p=2"),
    recompute(2.1, 3.0, cpu_ms=150.0, db_ms=400.0, versions="p=2"),
    recompute(2.2, 3.2, "discarded", cpu_ms=50.0, db_ms=None),
]


def window(*events, start_s=0.0, end_s=10.0):
    rows = origin(*events)
    found = recomputes(rows)
    return Window(
        start_s=start_s, end_s=end_s, until_s=end_s, recomputes=found, stampedes=stampedes(found),
        expiries=expiries(rows), writes_committed=0, requests_and_visits=0, cache_commands=None,
    )  # fmt: skip


def kept(*events, reads=(), visits=(), entries=ENTRIES, alone_ms=None):
    return ledger(1, window(*events), requests(*reads), pages(*visits), entries=entries, alone_ms=alone_ms or {})


def lines(*events, threads=16, **more):
    return figures([kept(*events, **more)], threads=threads)["ledger"]


def steady(rate_rps, path="/p/"):
    """Reads of ``path`` for ten seconds, answered at once."""
    return [request(number / rate_rps, took_s=0.001, path=path) for number in range(10 * rate_rps)]


def test_a_line_says_when_why_and_how_large():
    """Times count from the window's start; the cause is that of the first recompute."""
    (line,) = lines(WARM, *HERD)
    assert (line["round"], line["entry"], line["cause"]) == (1, "p", "expiry")
    assert (line["begin_s"], line["lasted_s"]) == (2.0, pytest.approx(1.2))
    assert (line["peak"], line["recomputes"]) == (3, 3)


def test_the_predicted_size_is_one_and_who_arrives_during_a_recompute():
    """30 readers/s: 1 + 30 x 0.1 s alone, and 1 + 30 x 0.8 s until the first of the herd had stored."""
    (line,) = lines(WARM, *HERD, reads=steady(30), alone_ms={"p": 100.0})
    assert line["predicted_alone"] == pytest.approx(4.0)
    assert line["predicted_in_herd"] == pytest.approx(25.0)


def test_page_visits_are_readers_too():
    """20 reads/s and 2 visits/s of the entry's page: 22 arrive a second."""
    looks = [visit(number / 2) for number in range(20)]
    (line,) = lines(WARM, *HERD, reads=steady(20), visits=looks, alone_ms={"p": 1000.0})
    assert line["predicted_alone"] == pytest.approx(23.0, abs=0.3)


def test_the_rate_is_that_around_the_stampede():
    """A rate that doubles after the stampede is not its rate: 10/s within five seconds of it."""
    later = [request(7.2 + number / 100, took_s=0.001) for number in range(200)]
    (line,) = lines(WARM, *HERD, reads=[*steady(10), *later], alone_ms={"p": 1000.0})
    assert line["predicted_alone"] == pytest.approx(11.0, abs=0.3)


def test_without_calibration_the_lone_recomputes_of_the_entry_tell_how_long_one_takes():
    """Two outside the stampede took 0.1 s and 0.3 s."""
    (line,) = lines(WARM, *HERD, recompute(6.0, 6.3), reads=steady(10))
    assert line["predicted_alone"] == pytest.approx(1 + 10 * 0.2)


def test_what_nobody_knows_is_null():
    """No path of the entry: no arrival rate. Nothing stored: no recompute time in the herd. No lone recompute: none."""
    unknown = [recompute(2.0, 3.0, "failed", entry="x"), recompute(2.1, 3.1, "failed", entry="x")]
    stored = recompute(5.0, 5.1)
    (line,) = lines(stored, *unknown, reads=steady(10))
    assert (line["predicted_alone"], line["predicted_in_herd"]) == (None, None)
    (line,) = lines(stored, *unknown, reads=steady(10, "/x/"), entries={"/x/": "x"})
    assert (line["predicted_alone"], line["predicted_in_herd"]) == (None, None)
    assert (line["cpu_s"], line["db_s"], line["lcp_p50_ms"]) == (None, None, None)


def test_the_work_of_its_recomputes_is_added_up():
    """Processor and database seconds of those that recorded them; one duplicate and one discarded are waste."""
    (line,) = lines(WARM, *HERD)
    assert line["cpu_s"] == pytest.approx(0.3)
    assert line["db_s"] == pytest.approx(0.7)
    assert line["wasted"] == 2


@pytest.mark.parametrize(("threads", "says"), [(4, True), (5, True), (6, False), (None, None)])
def test_a_herd_is_capped_where_all_threads_recompute(threads, says):
    """Three of this entry and one of another at once: with four or five threads there may have been more."""
    (line,) = lines(WARM, *HERD, recompute(2.5, 2.6, entry="other"), threads=threads)
    assert (line["peak"], line["open_with_others"]) == (3, 4)
    assert line["capped"] is says


def answered(at_s, took_s, cache=None, server_ms=None, **columns):
    return request(at_s, took_s, cache=cache, server_total_ms=server_ms, **columns)


def test_who_waited_for_what():
    """By what the cache did, and for the rest by how long they stood in the queue for a thread."""
    rows = [
        answered(0.0, 0.005, "HIT", 2.0),
        answered(2.1, 0.100, "HIT", 2.0),
        answered(2.2, 0.500, "STALE", 490.0),
        answered(2.3, 0.500, "WAIT", 490.0),
        answered(2.4, 0.500, "MISS", 490.0),
        answered(2.5, 0.500, "BYPASS", 490.0),
        answered(2.6, 0.500, "HIT", 490.0, status=500),
        answered(2.7, 0.500, "HIT", None),
        request(2.8, 0.2, kind="write", status=204, server_total_ms=30.0),
    ]
    words = who_waited(requests(*rows), np.array([True] + [False] * 8))
    assert words.tolist() == [
        "served", "queued", "served", "waited", "computed", "computed", "failed", "untold", "queued",
    ]  # fmt: skip


def test_a_line_counts_who_was_under_way_meanwhile():
    """From sending to the last byte. A refused connection counts where it was tried; its time is no response time."""
    rows = [
        answered(0.5, 0.01, "HIT", 2.0),
        answered(1.5, 1.0, "HIT", 2.0),
        answered(2.5, 2.0, "MISS", 1900.0),
        request(3.0, None, status=None, cause="refused"),
        answered(3.5, 0.01, "HIT", 2.0),
    ]
    (line,) = lines(WARM, *HERD, reads=rows)
    assert line["requests"] == 3
    assert line["who"] == {**dict.fromkeys(WHO, 0), "queued": 1, "computed": 1, "failed": 1}
    assert line["response_p95_ms"] == pytest.approx(1950.0)


def test_a_visit_meets_a_stampede_while_it_waits_for_its_first_byte():
    """The second only painted meanwhile, the third broke, the fourth's first byte is not known."""
    looks = [
        visit(2.5, 900.0, 500.0),
        visit(1.5, 900.0, 100.0),
        visit(2.5, None, 500.0, outcome="failed"),
        visit(2.5, 800.0, None),
    ]
    (line,) = lines(WARM, *HERD, visits=looks)
    assert (line["visits"], line["lcp_p50_ms"]) == (1, 900.0)


def test_lines_of_one_entry_and_cause_make_a_group_with_each_request_once():
    """Two herds at expiries and one at a delete; one read is under way during both expiries."""
    second = [recompute(6.5, 7.0, versions="p=2", ttl_s=1.0) for _ in range(2)]
    third = [recompute(7.5, 7.6, versions="p=2") for _ in range(4)]
    first = [{**row, "ttl_s": 3.0} for row in HERD]
    events = [WARM, *first, *second, invalidate("delete", 7.4), *third]
    found = figures(
        [kept(*events, reads=[answered(2.5, 4.5, "HIT", 2.0), answered(9.0, 0.01, "HIT", 2.0)])], threads=16
    )
    assert [(one["cause"], one["begin_s"]) for one in found["ledger"]] == [
        ("expiry", 2.0), ("expiry", 6.5), ("delete", 7.5),
    ]  # fmt: skip
    expiry, delete = found["ledger_by_cause"]
    assert (expiry["cause"], expiry["stampedes"], expiry["recomputes"], expiry["peak"]) == ("expiry", 2, 5, 3)
    assert (expiry["seconds"], expiry["lasted_max_s"]) == (pytest.approx(1.7), pytest.approx(1.2))
    assert expiry["requests"] == 1
    assert (delete["requests"], delete["response_p95_ms"]) == (0, None)
    assert expiry["outside_response_p95_ms"] == delete["outside_response_p95_ms"] == pytest.approx(10.0)


def test_rounds_are_pooled_and_told_apart():
    """The same herd in two rounds: two lines, one group."""
    one = kept(WARM, *HERD)
    two = ledger(2, window(WARM, *HERD), requests(), pages(), entries=ENTRIES, alone_ms={})
    found = figures([one, two], threads=None)
    assert [line["round"] for line in found["ledger"]] == [1, 2]
    assert [(group["stampedes"], group["recomputes"]) for group in found["ledger_by_cause"]] == [(2, 6)]


def test_a_control_that_stores_nothing_has_no_lines():
    """It recomputes at every read by design."""
    assert lines(*[recompute(2.0, 3.0, "discarded") for _ in range(5)]) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20) | st.none()), max_size=30),
    st.integers(-5, 60),
    st.integers(0, 20),
)
def test_spans_agree_with_looking_at_every_interval(intervals, from_s, length):
    """Against brute force on whole seconds, ends included; an unknown end touches nothing."""
    begin_s = np.array([float(begin) for begin, _ in intervals])
    end_s = np.array([np.nan if took is None else float(begin + took) for begin, took in intervals])
    found = Spans(begin_s, end_s).touching(from_s, from_s + length)
    expected = [
        n for n in range(len(intervals)) if begin_s[n] <= from_s + length and end_s[n] >= from_s
    ]  # fmt: skip
    assert sorted(found.tolist()) == expected
