"""What 1,000 requests of a strategy cost; what was not measured stays unknown."""

from __future__ import annotations

import pytest

from rig.analysis.economics import figures
from rig.report.unit_costs import memory, unit_costs

TRIAL = {
    "cache_commands": 1200, "cache_round_trips": 1100, "cache_memory_bytes": 40_000, "cache_keys": 4,
    "cpu_s": {"app": 4.0, "cache": 0.2},
}  # fmt: skip


def test_costs_are_for_each_thousand_served_and_memory_is_the_usual_trials():
    found = figures([TRIAL, {**TRIAL, "cache_memory_bytes": 60_000, "cache_keys": 6}], served=4000)
    assert found["cache_commands_per_1000"] == 600
    assert found["cache_round_trips_per_1000"] == 550
    assert (found["app_cpu_s_per_1000"], found["cache_cpu_s_per_1000"]) == (2.0, pytest.approx(0.1))
    assert (found["cache_memory_bytes"], found["cache_keys"]) == (50_000, 5)


def test_a_trial_that_does_not_know_makes_the_figure_unknown():
    """The cache server was killed in it: half a sum is not the sum."""
    found = figures([TRIAL, {**TRIAL, "cache_commands": None, "cpu_s": {"app": 4.0, "cache": None}}], served=4000)
    assert (found["cache_commands_per_1000"], found["cache_cpu_s_per_1000"]) == (None, None)
    assert found["app_cpu_s_per_1000"] == 2.0


def test_older_runs_have_no_round_trips():
    found = figures([{"cache_commands": 10, "cpu_s": None}], served=10)
    assert (found["cache_round_trips_per_1000"], found["cache_memory_bytes"]) == (None, None)


def test_nothing_served_costs_nothing_that_could_be_told():
    assert figures([TRIAL], served=0)["cache_commands_per_1000"] is None


def test_the_cells_have_units_and_say_what_was_not_measured():
    arm = {
        "economics": figures([TRIAL], served=2000),
        "origin": {"cache_cost_ms": {"0.05": 0.0275, "0.5": 0.275, "1": 0.55}},
    }
    cells = [cell.replace("\u00a0", " ") for cell in unit_costs(arm)]
    assert cells == ["600", "550", "27.5 ms / 0.275 s / 0.55 s", "40 kB", "4", "2 s", "0.1 s"]
    assert set(unit_costs({})) == {"not measured"}
    assert [memory(size).replace("\u00a0", " ") for size in (900, 2_500_000)] == ["900 bytes", "2.5 MB"]
