"""Event files become markers while the target writes them, by the rules of the report."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from rig.analysis.stampede import expiries, recomputes, stampedes
from rig.measure.load.live.event_tail import EventTail
from rig.measure.load.live.events import LiveEvents
from rig.measure.load.live.feed import LiveFeed
from rig.measure.origin_events import OriginEvents
from rig.samples import ORIGIN

ENTRY = "product:1"


START_S = 5000.0
LATER_S = 60.0


class Target:
    """Writes event files as the instrumentation does. Times are seconds after the trial's start."""

    def __init__(self, folder, epoch=1):
        self.folder, self.epoch = folder, epoch
        self._ids = itertools.count()

    def write_line(self, event, pid=1):
        with (self.folder / f"events-{pid}.jsonl").open("a") as stream:
            stream.write(json.dumps({"epoch": self.epoch, "strategy": "s", "pid": pid, **event}) + "\n")

    def ns(self, at_s):
        return round((START_S + at_s) * 1e9)

    def begin(self, at_s, entry=ENTRY, pid=1, hint=None):
        name = f"{pid}-{next(self._ids)}"
        self.write_line(
            {"event": "recompute.begin", "id": name, "entry": entry, "t_ns": self.ns(at_s), "hint": hint}, pid
        )
        return {"event": "recompute.end", "id": name, "entry": entry}, pid

    def end(self, begun, at_s, ttl_s=5.0, outcome="stored"):
        event, pid = begun
        self.write_line({**event, "t_ns": self.ns(at_s), "outcome": outcome, "ttl_s": ttl_s}, pid)

    def store(self, begin_s, end_s, ttl_s=5.0, entry=ENTRY):
        self.end(self.begin(begin_s, entry), end_s, ttl_s)

    def write(self, at_s, entries=(ENTRY,), outcome="committed"):
        times = {"begin_ns": self.ns(at_s - 0.01), "commit_end_ns": self.ns(at_s), "end_ns": self.ns(at_s + 0.01)}
        self.write_line(
            {"event": "write", "id": f"w{next(self._ids)}", **times, "outcome": outcome, "entries": entries}
        )

    def invalidate(self, begin_s, end_s, outcome="delete", entries=(ENTRY,)):
        times = {"begin_ns": self.ns(begin_s), "end_ns": self.ns(end_s)}
        self.write_line(
            {"event": "invalidate", "id": f"i{next(self._ids)}", **times, "outcome": outcome, "entries": entries}
        )


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path)


@pytest.fixture
def feed():
    made = LiveFeed()
    made.trial_began(1, "a", 1, 1, START_S, 50.0)
    return made


@pytest.fixture
def poll(tmp_path, feed):
    """Polls at an instant of the trial; by default after its end."""
    events = LiveEvents(tmp_path, feed)
    return lambda at_s=LATER_S: events.poll(START_S + at_s)


def marked(feed, kind):
    found = [one for one in feed.delta(0)["trial"]["markers"] if one["kind"] == kind]
    return sorted(found, key=lambda one: one["at_s"])


def test_each_byte_is_read_once_and_half_a_line_waits_for_its_other_half(tmp_path, monkeypatch):
    tail, path = EventTail(tmp_path), tmp_path / "events-7.jsonl"
    line = b'{"event": "write", "epoch": 1, "text": "\xc3\xa4"}\n'
    found = []
    for byte in line * 3:  # Cuts a line everywhere, also within a character.
        with path.open("ab") as stream:
            stream.write(bytes([byte]))
        found += tail.read()[0]
    assert [event["text"] for event in found] == ["ä"] * 3
    assert tail.read() == ([], True)
    assert tail.unreadable == 0


def test_a_call_reads_no_more_than_its_bound_and_comes_to_the_rest_later(tmp_path):
    tail = EventTail(tmp_path, most_bytes=400)
    for pid in (1, 2):
        (tmp_path / f"events-{pid}.jsonl").touch()
    assert tail.read() == ([], True)
    for pid in (1, 2):
        lines = (json.dumps({"event": "write", "epoch": 1, "n": [pid, n]}) + "\n" for n in range(50))
        (tmp_path / f"events-{pid}.jsonl").write_text("".join(lines))
    found, calls = [], 0
    while not (answer := tail.read())[1]:
        assert len(answer[0]) <= 400 / 40 + 1
        found += answer[0]
        calls += 1
    found += answer[0]
    assert sorted(event["n"] for event in found) == [[pid, n] for pid in (1, 2) for n in range(50)]
    assert calls >= 100 * 40 // 400 - 1


def test_a_file_too_long_to_catch_up_with_is_joined_at_its_end(tmp_path):
    path = tmp_path / "events-1.jsonl"
    path.write_text('{"event": "write", "epoch": 1, "n": "old"}\n' * 30)
    tail = EventTail(tmp_path, too_long=200)
    assert tail.read()[0] == []
    with path.open("a") as stream:
        stream.write('{"event": "write", "epoch": 1, "n": "new"}\n')
    assert [event["n"] for event in tail.read()[0]] == ["new"]


def test_a_poll_takes_many_reads_and_what_is_left_comes_with_the_next(target, feed, poll):
    """A read is small, so that the load is not kept waiting; the order of time holds across reads and files."""
    for number in range(400):
        begun = target.begin(number / 10, pid=1 + number % 2)
        target.end(begun, number / 10 + 0.05, ttl_s=1000.0)
    poll()
    assert marked(feed, "stampede") == []
    assert feed.delta(0)["trial"]["buckets"]["recomputes"][:400] == [1] * 400


def test_what_is_no_event_is_counted_and_skipped(tmp_path):
    (tmp_path / "events-1.jsonl").write_text('half of a li\n[1]\n{"epoch": 1}\n{"event": "write", "epoch": 1}\n')
    tail = EventTail(tmp_path)
    assert len(tail.read()[0]) == 1
    assert tail.unreadable == 3


def test_a_folder_that_does_not_exist_yet_has_no_events(tmp_path):
    assert EventTail(tmp_path / "later").read() == ([], True)


def test_a_stampede_is_told_while_it_lasts_and_when_it_has_ended(target, feed, poll):
    target.store(-1, -0.9, ttl_s=5.0)
    first, second, third = (target.begin(at_s) for at_s in (4.2, 4.3, 4.4))
    poll(4.5)
    (under_way,) = marked(feed, "stampede")
    assert (under_way["at_s"], under_way["until_s"], under_way["peak"]) == (4.2, None, 3)
    target.end(first, 4.6)
    target.end(second, 4.7)
    fourth = target.begin(4.8)
    target.end(third, 4.9)
    target.end(fourth, 5.1)
    poll()
    (ended,) = marked(feed, "stampede")
    assert (ended["at_s"], ended["until_s"], ended["peak"], ended["recomputes"]) == (4.2, 5.1, 3, 4)
    assert (ended["text"], ended["cause"]) == (ENTRY, "expiry")


def test_one_after_the_other_is_no_stampede(target, feed, poll):
    """At one instant ends come before begins."""
    target.store(0.5, 1.0)
    target.store(1.0, 1.5)
    poll()
    assert marked(feed, "stampede") == []


def test_recomputes_of_different_entries_are_no_stampede_but_open_at_once(target, feed, poll):
    one, other = target.begin(1.0), target.begin(1.1, entry="home")
    target.end(one, 1.37)
    target.end(other, 1.38)
    poll()
    assert marked(feed, "stampede") == []
    assert feed.delta(0)["trial"]["buckets"]["recomputes"][9:15] == [0, 1, 2, 2, 2, 0]


def test_what_stores_nothing_recomputes_by_design(target, feed, poll):
    """The control without a cache: many open, no stampede."""
    begun = [target.begin(1 + n / 100) for n in range(5)]
    for one in begun:
        target.end(one, 2.0, outcome="discarded")
    poll()
    assert marked(feed, "stampede") == []
    assert max(value or 0 for value in feed.delta(0)["trial"]["buckets"]["recomputes"]) == 5


def test_an_expiry_is_marked_when_it_has_passed_not_before(tmp_path, target, feed, poll):
    target.store(0.0, 0.5, ttl_s=3.0)
    target.store(1.0, 1.5, ttl_s=1000.0, entry="home")
    poll(3.4)
    assert marked(feed, "expiry") == []
    poll(4.0)
    assert [(one["text"], one["at_s"]) for one in marked(feed, "expiry")] == [(ENTRY, 3.5)]


def test_what_was_replaced_or_removed_before_does_not_expire(target, feed, poll):
    target.store(0.0, 0.5, ttl_s=3.0)
    target.store(3.0, 3.2, ttl_s=3.0)  # in time
    target.invalidate(4.0, 4.1)  # the second is taken away
    poll()
    assert marked(feed, "expiry") == []


def test_the_cause_is_known_though_the_call_was_written_after_the_recompute_began(target, feed, poll):
    """A call that removes an entry is written when it ends; a reader may begin before."""
    target.store(-1, -0.9, ttl_s=1000.0)
    herd = [target.begin(2.1), target.begin(2.2)]
    target.invalidate(2.0, 2.3)
    for one in herd:
        target.end(one, 2.5, ttl_s=1000.0)
    poll()
    assert [one["cause"] for one in marked(feed, "stampede")] == ["delete"]


def test_a_call_that_names_no_entry_reaches_all(target, feed, poll):
    target.store(-1, -0.9, ttl_s=1000.0)
    target.invalidate(1.0, 1.1, "bump", entries=())
    herd = [target.begin(1.2), target.begin(1.3)]
    for one in herd:
        target.end(one, 1.5, ttl_s=1000.0)
    poll()
    assert [one["cause"] for one in marked(feed, "stampede")] == ["bump"]


def test_writes_are_marked_at_their_commit_unless_rolled_back(target, feed, poll):
    target.write(2.0, entries=(ENTRY, "home"))
    target.write(3.0, outcome="rolled_back")
    poll()
    assert [(one["at_s"], one["text"]) for one in marked(feed, "write")] == [(2.0, f"{ENTRY}, home")]


def test_a_new_epoch_begins_with_nothing_and_what_comes_late_is_left_out(tmp_path, target, feed, poll):
    stuck = target.begin(1.0)
    target.store(1.0, 1.1)
    poll(1.5)
    later = Target(tmp_path, epoch=2)
    later.store(2.0, 2.1, ttl_s=3600.0)
    poll(2.15)
    target.end(stuck, 2.2)
    target.write(2.3)
    poll()
    assert marked(feed, "write") == []
    assert marked(feed, "expiry") == []
    assert feed.delta(0)["trial"]["buckets"]["recomputes"][25] == 0


@pytest.mark.parametrize("seed", range(8))
def test_polled_in_pieces_it_marks_what_the_report_finds_in_the_whole(tmp_path, target, feed, poll, seed):
    """Random recomputes, deletes and bumps of two entries by three processes, told apart at random instants."""
    dice = np.random.default_rng(seed)
    for at_s, act in sorted(story(target, dice), key=lambda one: one[0]):
        act()
        if dice.random() < 0.2:
            poll(at_s)
    poll()
    rows = OriginEvents(tmp_path).collect(1)
    origin = pd.DataFrame(rows, columns=ORIGIN.names)
    opened = recomputes(origin)
    expected = [
        (round(one.begin_s - START_S, 4), round(one.end_s - START_S, 4), one.entry, one.peak, one.cause, one.recomputes)
        for one in stampedes(opened)
    ]
    names = ("at_s", "until_s", "text", "peak", "cause", "recomputes")
    assert [tuple(one[name] for name in names) for one in marked(feed, "stampede")] == sorted(expected)
    ran_out = [(round(at_s - START_S, 4), entry) for entry, at_s in expiries(origin) if at_s - START_S <= 50.0]
    assert [(one["at_s"], one["text"]) for one in marked(feed, "expiry")] == sorted(ran_out)
    assert len(expected) > 3
    assert ran_out


def story(target, dice):
    """``(instant, what is then written)``: an end is written at its end, a call when it ends."""
    ended = {}
    for n in range(60):
        begin_s, entry, pid = float(dice.uniform(0, 40)), dice.choice([ENTRY, "home"]), int(dice.integers(1, 4))
        took_s, ttl_s = float(dice.uniform(0.1, 1.5)), float(dice.choice([1.0, 3.0, 6.0]))
        outcome = "stored" if dice.random() < 0.9 else "discarded"
        hint = "early" if dice.random() < 0.1 else None

        def begin(n=n, at_s=begin_s, entry=entry, pid=pid, hint=hint):
            ended[n] = target.begin(at_s, str(entry), pid, hint)

        def end(n=n, at_s=begin_s + took_s, ttl_s=ttl_s, outcome=outcome):
            target.end(ended[n], at_s, ttl_s, outcome)

        yield begin_s, begin
        yield begin_s + took_s, end
    for _ in range(10):
        at_s, kind = float(dice.uniform(0, 40)), str(dice.choice(["delete", "bump", "delete failed"]))
        entries = (ENTRY,) if dice.random() < 0.7 else ()
        call = (at_s, at_s + 0.05, kind, entries)
        yield at_s + 0.05, lambda call=call: target.invalidate(*call)
