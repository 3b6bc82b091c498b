"""What a run will do: amounts that mean the same on any machine, orders and commands that repeat it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.model import UsageError
from rig.plan.choose import choose, first_expiry_s, origin_share
from rig.plan.pick import pick_strategies
from rig.plan.plan import RunOptions, nominal_plan
from rig.plan.profile import Profile, load_profile
from rig.plan.schedule import build

CATALOGUE = [
    {
        "name": name,
        "freshness_by_ttl": by_ttl,
        "ttl_s": ttl_s,
        "max_staleness_s": ttl_s,
        "max_staleness_recomputes": 1,
        "seed": True,
    }
    for name, by_ttl, ttl_s in (("fixed-timeout", True, 60.0), ("delete-many", False, 3600.0))
]
PROFILE = load_profile("hot-key")


@pytest.mark.parametrize("recompute_ms", [30, 60, 85, 100, 130, 200])
def test_chosen_amounts_keep_the_profiles_promises(recompute_ms):
    """λΔ of the hot key in 4…8, at least 3 expiries and 5 hot writes, origin work under half a core, on any machine."""
    delta = recompute_ms / 1000
    amounts = choose(PROFILE, delta, 16)
    assert 4 <= amounts.read_rate_rps * PROFILE.hot_share * delta <= 8
    assert amounts.hot_writes >= 5
    assert origin_share(PROFILE, amounts, delta, 16) <= 0.5
    for draw in (0.0, 0.5, 1.0):
        first = first_expiry_s(amounts, PROFILE.expiries, draw)
        assert 0 < first <= amounts.ttl_s
        # The third herd ends in the window even where each lasts half as long again as expected …
        assert first + 2 * amounts.ttl_s + 3 * 1.5 * amounts.herd_s <= amounts.window_s
        # … and a fourth expiry stays outside even where they are a quarter shorter.
        assert first + 3 * amounts.ttl_s + 3 * 0.75 * amounts.herd_s >= amounts.window_s


def test_given_amounts_are_taken_as_they_are():
    """Flags override what would be chosen."""
    amounts = choose(PROFILE, 0.1, 16, rate_rps=33.0, write_share=0.01, ttl_s=4.5, window_s=30.0)
    assert (amounts.rate_rps, amounts.ttl_s, amounts.window_s) == (33.0, 4.5, 30.0)
    assert amounts.hot_writes + amounts.other_writes == round(0.01 * 33 * 30)


def test_a_share_of_writes_needs_a_form_to_post():
    """A profile of disturbances has none for its hot page: nothing is posted to nowhere."""
    faults = load_profile("faults")
    with pytest.raises(UsageError, match="no form for /p/moon-jar/"):
        choose(faults, 0.1, 16, write_share=0.05)
    assert choose(faults, 0.1, 16, write_share=0.0).hot_writes == 0


def test_a_window_without_room_for_writes_is_refused():
    """Its quiet head and tail would overlap, and writes and visits be planned backwards."""
    with pytest.raises(UsageError, match="--window 4: at least 6 s"):
        RunOptions(window_s=4.0)


@pytest.mark.parametrize("given", [{"rate_rps": float("nan")}, {"rate_rps": float("inf")}, {"ttl_s": float("inf")}])
def test_an_amount_that_is_no_number_is_refused(given):
    with pytest.raises(UsageError, match="must be a number above 0"):
        RunOptions(**given)


def test_a_rate_that_writes_use_up_is_refused():
    """A run without reads would measure nothing."""
    with pytest.raises(UsageError, match=r"--rate 0\.1: .* nothing would be read"):
        choose(PROFILE, 0.1, 16, rate_rps=0.1)


def test_an_unmeasured_recompute_time_chooses_nothing():
    """No rate is invented where nothing is known."""
    with pytest.raises(UsageError, match="recompute time"):
        choose(PROFILE, 0.0, 16)


def test_a_window_too_short_for_the_expiries_is_refused():
    """The message says which window would do."""
    with pytest.raises(UsageError, match="--window"):
        choose(PROFILE, 0.1, 16, window_s=6.0)


def test_the_printed_command_repeats_the_schedule():
    """Chosen values passed back as flags give the same keys and times, round by round."""
    plan = nominal_plan(RunOptions(), CATALOGUE)
    words = plan.reproduce.split()
    given = dict(zip(words[2::2], words[3::2], strict=True))
    again = nominal_plan(
        RunOptions(
            rounds=int(given["--rounds"]),
            window_s=float(given["--window"]),
            rate_rps=float(given["--rate"]),
            write_share=float(given["--writes"]),
            ttl_s=float(given["--ttl"]),
            seed=int(given["--seed"]),
        ),
        CATALOGUE,
    )
    for number in (1, 2):
        assert build(again.spec(number)).digest == build(plan.spec(number)).digest


def test_every_arm_of_a_round_has_the_same_spec_and_rounds_differ():
    """Common random numbers: the spec knows the round, not the arm."""
    plan = nominal_plan(RunOptions(), CATALOGUE)
    assert build(plan.spec(1)).digest != build(plan.spec(2)).digest
    assert plan.warm_shares(1) == plan.warm_shares(1)
    assert plan.warm_shares(1) != plan.warm_shares(2)


def test_an_arm_without_a_sound_trial_gets_one_more_under_the_same_schedule():
    """A round of its own, the last planned round's schedule and warm-up; none where every arm has a sound trial."""
    plan = nominal_plan(RunOptions(), CATALOGUE)
    assert plan.second_chances({"fixed-timeout", "delete-many"}) == []
    (extra,) = plan.second_chances({"fixed-timeout"})
    assert (extra.round, extra.arm) == (3, "delete-many")
    assert build(plan.spec(extra.round)).digest == build(plan.spec(2)).digest
    assert plan.warm_shares(extra.round) == plan.warm_shares(2)


def test_each_round_has_every_arm_once_in_an_order_drawn_from_the_seed():
    """Order is random across seeds and fixed for one."""
    orders = set()
    for seed in range(20):
        plan = nominal_plan(RunOptions(seed=seed), CATALOGUE)
        assert plan.order == nominal_plan(RunOptions(seed=seed), CATALOGUE).order
        for trials in plan.order:
            assert sorted(trial.arm for trial in trials) == ["delete-many", "fixed-timeout"]
        orders.add(tuple(trial.arm for trial in plan.order[0]))
    assert len(orders) == 2


def test_chosen_flags_are_named():
    """What was chosen rather than given is recorded."""
    assert set(nominal_plan(RunOptions(), CATALOGUE).chosen) == {"--rate", "--writes", "--ttl", "--window"}
    assert "--ttl" not in nominal_plan(RunOptions(ttl_s=5.0), CATALOGUE).chosen


OFFERED = [
    {"name": "a", "known_bad": None, "unavailable": None},
    {"name": "b"},
    {"name": "lib", "known_bad": None, "unavailable": "its library is not installed"},
    {"name": "bad-one", "known_bad": "deletes too early", "unavailable": None},
    {"name": "bad-two", "known_bad": "forgets", "unavailable": None},
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("seed", ["b"]),
        ("all", ["a", "b"]),
        ("b, a", ["b", "a"]),
        ("bad-one,seed", ["bad-one", "b"]),
        ("bad-*", ["bad-one", "bad-two"]),
    ],
)
def test_strategies_are_picked_by_word_by_pattern_or_by_name(wanted, found):
    """``all`` is all that work here and are not known to be bad; those are measured when they are named."""
    assert pick_strategies(wanted, "seed", OFFERED, ["b"]) == found


@pytest.mark.parametrize("wrong", ["d", "a,a", "seed,b", ",", "worse-*", "lib"])
def test_a_word_that_picks_nothing_is_refused(wrong):
    """Unknown, named twice, or without its library."""
    with pytest.raises(UsageError):
        pick_strategies(wrong, "seed", OFFERED, ["b"])


def test_a_profiles_own_choice_takes_what_the_target_has_of_it():
    """Another project need not have all that a profile would like to see; with none of it the seed is measured."""
    assert pick_strategies(None, "bad-*,lease,a,a,lib", OFFERED, ["b"]) == ["bad-one", "bad-two", "a"]
    assert pick_strategies(None, "lease", OFFERED, ["b"]) == ["b"]


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"write_share": 1.0}, {"rate_rps": 0.0}, {"ttl_s": -1.0}])
def test_impossible_options_are_refused(wrong):
    """A usage error, not a run that measures nothing."""
    with pytest.raises(UsageError):
        RunOptions(**wrong)


def test_an_unknown_profile_names_those_there_are():
    """The message lists them."""
    with pytest.raises(UsageError, match="hot-key"):
        load_profile("warm-key")


def test_a_profile_whose_shares_do_not_add_up_is_refused():
    """Shares of reads are of all reads."""
    with pytest.raises(UsageError, match="add up"):
        replace(PROFILE, reads={"/": 0.5})
    assert isinstance(PROFILE, Profile)
