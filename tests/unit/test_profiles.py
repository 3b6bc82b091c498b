"""Load profiles: what each offers, what goes wrong in it, and that both are decided before anything is sent."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import pytest

from rig.model import UsageError
from rig.plan.choose import choose, cycle_work_s, herd_size, origin_share
from rig.plan.disturbance import JITTER, KINDS, Disturbance
from rig.plan.plan import RunOptions, nominal_plan, planned_profile
from rig.plan.profile import Profile, load_profile, profile_names, zipf
from rig.plan.schedule import build, spec_from
from rig.plan.warm import warm_shares
from rig.plan.write_group import WriteGroup

CATALOGUE = [
    {
        "name": "fixed-timeout", "freshness_by_ttl": True, "ttl_s": 60.0, "max_staleness_s": 60.0,
        "max_staleness_recomputes": 1, "seed": True,
    }
]  # fmt: skip
PROFILES = [load_profile(name) for name in profile_names()]
THREADS = 16


def _plan(name: str, **options):
    return nominal_plan(RunOptions(profile=name, **options), CATALOGUE)


def test_there_are_twelve_profiles_and_each_is_named_as_its_file():
    assert [profile.name for profile in PROFILES] == profile_names()
    assert set(profile_names()) == {
        "hot-key", "steady", "synchronized-expiry", "write-burst", "cold-start", "slow-origin", "cache-outage",
        "unseen-write", "faults", "ramp", "spike", "soak",
    }  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
@pytest.mark.parametrize("recompute_ms", [40, 60, 85, 110])
def test_amounts_leave_the_target_room(profile, recompute_ms):
    """On one core: origin work below a half, hits (0.04 of a recompute each) at most 0.4 of it at the peak rate."""
    delta = recompute_ms / 1000
    amounts = choose(profile, delta, THREADS)
    peak = 4 if profile.curve == "spike" else 1
    assert origin_share(profile, amounts, delta, THREADS) <= 0.5
    assert amounts.rate_rps * peak * delta * 0.04 <= 0.401
    assert amounts.window_s == 300 if profile.name == "soak" else 22 <= amounts.window_s <= 44
    assert amounts.ttl_s <= 0.55 * amounts.window_s, "the short TTL must run out in the window"


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", profile_names())
def test_every_profile_makes_a_schedule(name, quick):
    """Also the quick one, on a nominal machine; the spec survives the wire."""
    plan = _plan(name, quick=quick, rounds=1)
    schedule = build(plan.spec(1))
    assert build(spec_from(json.loads(json.dumps(plan.spec(1).as_dict())))).digest == schedule.digest
    assert len(schedule.writes) == plan.amounts.writes
    assert [one.kind for one in schedule.disturbances] == [one.kind for one in plan.profile.disturbances]
    assert schedule.at_s.min() >= 0 and schedule.at_s.max() < plan.amounts.window_s
    assert all(0 < share <= 1 for share in plan.warm_shares(1).values())


def test_the_schedules_of_hot_key_are_what_they_were():
    """Runs of one seed stay comparable across versions: keys and times of the default profile, nominal machine."""
    plan = _plan("hot-key")
    assert [build(plan.spec(number)).digest[:16] for number in (1, 2)] == ["d0109b490f9554a8", "722a6cd4485f7fbd"]


def test_zipf_shares_fall_with_the_rank_and_add_up():
    """1/n of the first at exponent 1; equal at exponent 0."""
    shares = zipf(["a", "b", "c"], 1.0)
    assert math.isclose(sum(shares.values()), 1)
    assert shares["a"] == pytest.approx(2 * shares["b"]) == pytest.approx(3 * shares["c"])
    assert set(zipf(["a", "b"], 0.0).values()) == {0.5}


class TestHerds:
    def test_a_herd_grows_with_e_to_the_lambda_delta_up_to_the_threads(self):
        """e^(λΔ) recomputes on one core: 1 where hardly anybody asks, all threads for a hot key."""
        profile = load_profile("hot-key")
        assert herd_size(profile, 0.01, 4.9, THREADS) == 1
        assert herd_size(profile, 0.5, 4.0, THREADS) == round(math.e**2)
        assert herd_size(profile, 0.92, 4.9, THREADS) == THREADS

    def test_a_spike_counts_at_its_peak(self):
        spike = load_profile("spike")
        steady = replace(spike, curve="steady")
        assert cycle_work_s(spike, 20, 0.1, THREADS) == cycle_work_s(steady, 80, 0.1, THREADS)


class TestDisturbances:
    def test_instants_follow_from_seed_and_round_and_are_part_of_the_digest(self):
        """Every arm of a round meets the same; rounds and seeds differ, by 2 % of the window at most."""
        plan, other = _plan("cache-outage"), _plan("cache-outage", seed=2)
        at = {build(spec).disturbances[0].begin_s for spec in (plan.spec(1), plan.spec(2), other.spec(1))}
        assert len(at) == 3
        planned = plan.profile.disturbances[0]
        window_s = plan.amounts.window_s
        assert all(abs(one - planned.at * window_s) <= JITTER * window_s for one in at)
        spec = plan.spec(1)
        moved = replace(spec, disturbances=(replace(planned, at=planned.at + 0.1),))
        assert build(spec).digest == build(spec).digest != build(moved).digest

    def test_requests_do_not_depend_on_them(self):
        """Streams of their own: with and without a disturbance the same keys and times are offered."""
        spec = _plan("cache-outage").spec(1)
        calm = build(replace(spec, disturbances=()))
        assert (build(spec).at_s == calm.at_s).all() and (build(spec).path == calm.path).all()

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"kind": "earthquake", "at": 0.5}, "cache-outage"),
            ({"kind": "flush", "at": 1.2}, "inside the window"),
            ({"kind": "cache-outage", "at": 0.9, "lasts": 0.2}, "inside the window"),
            ({"kind": "flush", "at": 0.5, "lasts": 0.1}, "momentary"),
            ({"kind": "cache-outage", "at": 0.5}, "lasts"),
            ({"kind": "unseen-write", "at": 0.5}, "entry"),
            ({"kind": "flush", "at": 0.5, "entry": "home"}, "entry"),
            ({"kind": "slow-origin", "at": 0.5, "lasts": 0.1, "factor": 1}, "factor"),
        ],
    )
    def test_impossible_ones_are_refused(self, wrong, says):
        """One sentence that names the disturbance and what is wrong with it."""
        with pytest.raises(UsageError, match=says):
            Disturbance(**wrong)

    def test_two_that_overlap_are_refused(self):
        """What is seen after one must be its own effect."""
        both = (Disturbance(kind="cache-outage", at=0.3, lasts=0.2), Disturbance(kind="flush", at=0.4))
        with pytest.raises(UsageError, match="too early"):
            replace(load_profile("cache-outage"), disturbances=both)

    def test_an_unseen_write_to_a_page_nobody_reads_is_refused(self):
        nobody = Disturbance(kind="unseen-write", at=0.5, entry="product:attic")
        with pytest.raises(UsageError, match="attic"):
            replace(load_profile("unseen-write"), disturbances=(nobody,))

    def test_letters_tell_the_kinds_apart(self):
        assert len({kind.letter for kind in KINDS.values()}) == len(KINDS)


class TestWriteGroups:
    def test_a_burst_falls_within_its_second_and_spread_writes_over_the_window(self):
        spec = _plan("hot-key").spec(1)
        burst = WriteGroup(path="/b/", fields={"x": "1"}, dependents=9, count=4, at=0.5)
        spread = WriteGroup(path="/s/", fields={"x": "1"}, dependents=9, count=6)
        schedule = build(replace(spec, hot_writes=0, write_groups=(burst, spread)))
        at = {
            path: [
                at_s
                for at_s, index in zip(schedule.at_s, schedule.path, strict=True)
                if index < 0 and schedule.writes[-1 - index].path == path
            ]
            for path in ("/b/", "/s/")
        }
        begin_s = 0.5 * spec.window_s
        assert len(at["/b/"]) == 4 and all(begin_s <= one <= begin_s + 1.0 for one in at["/b/"])
        assert len(at["/s/"]) == 6 and max(at["/s/"]) - min(at["/s/"]) > spec.window_s / 3

    def test_numbers_in_braces_are_drawn_and_the_body_is_encoded(self):
        """Within the range, both ends included; the rest of the text stays."""
        import numpy as np

        group = WriteGroup(path="/", fields={"note": "day {3-4} & on", "n": "{7-7}"}, dependents=1, count=1)
        bodies = {group.form(np.random.default_rng(seed)) for seed in range(20)}
        assert bodies == {"note=day+3+%26+on&n=7", "note=day+4+%26+on&n=7"}

    def test_the_printed_share_of_writes_gives_the_same_number_again(self):
        """Also where writes come in groups, which keep their number."""
        profile = load_profile("write-burst")
        first = choose(profile, 0.1, THREADS)
        again = choose(
            profile, 0.1, THREADS,
            rate_rps=first.rate_rps, write_share=first.write_share, ttl_s=first.ttl_s, window_s=first.window_s,
        )  # fmt: skip
        assert asdict(again) == asdict(first)
        assert first.writes == 12

    def test_writes_of_groups_to_the_hot_entry_count_among_its_writes(self):
        """w of the conditions: all twelve bursts' writes change the hot page."""
        plan = _plan("write-burst")
        assert plan.as_dict()["hot_writes"] == plan.as_dict()["writes"] == 12
        cold = tuple(replace(group, hot=False) for group in plan.profile.write_groups)
        assert replace(plan, profile=replace(plan.profile, write_groups=cold)).as_dict()["hot_writes"] == 0


class TestWarm:
    RECOMPUTE_S = 0.08

    def left_s(self, name):
        """Seconds each entry still lives when all are stored, as stored one after the other."""
        profile = load_profile(name)
        amounts = choose(profile, self.RECOMPUTE_S, THREADS)
        shares = list(warm_shares(profile, amounts, self.RECOMPUTE_S, "1/1/warm").values())
        behind = range(len(shares) - 1, -1, -1)
        return [share * amounts.ttl_s - n * self.RECOMPUTE_S for share, n in zip(shares, behind, strict=True)]

    def test_together_all_entries_expire_at_one_instant_though_stored_one_by_one(self):
        left_s = self.left_s("synchronized-expiry")
        assert len(left_s) == 24
        assert max(left_s) - min(left_s) < 1e-9
        assert min(left_s) > 0

    def test_elsewhere_they_are_scattered(self):
        left_s = self.left_s("steady")
        assert max(left_s) - min(left_s) > 3

    def test_the_hot_entry_is_stored_last(self):
        """Its first expiry is timed from the window's begin, which follows the last entry."""
        plan = _plan("steady")
        assert list(plan.warm_shares(1))[-1] == plan.profile.hot_entry

    def test_more_entries_than_fit_into_a_ttl_are_refused(self):
        profile = load_profile("synchronized-expiry")
        amounts = choose(profile, 0.1, THREADS, ttl_s=2.0)
        with pytest.raises(UsageError, match="--ttl"):
            warm_shares(profile, amounts, 0.1, "1")


class TestOwnFiles:
    def test_a_profile_is_named_by_its_file(self, tmp_path):
        """The path of a file is taken instead of a name; what lies beside it can be imported, as Locust does."""
        (tmp_path / "beside_it.py").write_text("SHARES = {'/': 1.0}\n")
        own = tmp_path / "my_profile.py"
        own.write_text(
            "from beside_it import SHARES\nfrom rig.plan.profile import Profile\n"
            "PROFILE = Profile(name='mine', summary='s', reads=SHARES, entries={'/': 'home'}, write_forms={},\n"
            "    dependents=1, hot_writes=0, other_writes=0, visits=SHARES)\n"
        )
        assert load_profile(str(own)).name == "mine"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("x = 1\n", "PROFILE"),
            ("import nowhere_at_all\n", "nowhere_at_all"),
            ("(", "SyntaxError"),
            ("{}['a']", "KeyError"),
        ],
    )
    def test_a_file_that_is_no_profile_is_a_usage_error(self, tmp_path, text, says):
        own = tmp_path / "my_profile.py"
        own.write_text(text)
        with pytest.raises(UsageError, match=says):
            load_profile(str(own))

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(UsageError, match="no such file"):
            load_profile(str(tmp_path / "gone.py"))

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"name": "../up"}, "folders"),
            ({"curve": "wave"}, "ramp"),
            ({"warm": "hot"}, "scattered"),
            ({"hot_writes": 1, "write_forms": {}}, "write form"),
            ({"other_writes": 1, "write_forms": {}}, "write form"),
        ],
    )
    def test_what_cannot_be_is_refused_when_it_is_read(self, change, says):
        with pytest.raises(UsageError, match=says):
            replace(load_profile("cold-start"), **change)


def test_quick_asks_for_less_of_everything():
    """Ten seconds, at most two writes of a kind; what goes wrong still does."""
    quick = planned_profile(RunOptions(quick=True), load_profile("write-burst"))
    assert quick.window_s == 10
    assert [group.count for group in quick.write_groups] == [2, 2, 2]
    assert isinstance(quick, Profile)
