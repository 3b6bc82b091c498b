"""What must not differ between strategies: the control page, the weight of a page, and starvation."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from rig.analysis import control_page, page_weight, starvation
from rig.analysis.arms import derive
from rig.analysis.pages import cause_figures, figures
from rig.analysis.summary import summarise
from rig.analysis.visits import of_target
from rig.measure.soundness import marks, recorded_visits
from rig.plan.schedule import ScheduleSpec, build
from rig.samples import TABLES
from tests import synthetic
from tests.synthetic_samples import VISITS
from tests.tables import pages, visit

SPEC = ScheduleSpec(
    seed=1, round=1, window_s=24.0, read_rate_rps=0, reads={"/": 1.0}, visits=48, visit_paths={"/": 1.0}
)


def arm(**of_pages):
    control = {"change": None, "idle_lcp_ms": None, "loaded_lcp_ms": None}
    known = {"starved": 0, "measured": 50, "by_path": {}, "traced": {"paint_ms": None}, "control": control}
    return {"trials": 2, "pages": {**known, **of_pages}}


class TestControlPage:
    def test_it_is_in_no_figure_of_the_target(self):
        """Its LCP of 9 s, its 5 DOM nodes: neither counted, nor in a quantile, nor a request of the cache's."""
        target, control = visit(0, 60, dom_nodes=200), visit(1, 9000.0, dom_nodes=5, control=True)
        tables = {name: TABLES[name].empty_table().to_pandas() for name in TABLES}
        found = derive({"start_s": 0.0, "end_s": 10.0}, {**tables, "pages": pages(target, control)}, entries={})
        figured = figures([found.pages])
        assert (figured["scheduled"], figured["measured"], figured["lcp_ms"]["p50"]) == (1, 1, 60)
        assert cause_figures([(found.pages, [])])["dom_nodes"] == 200
        assert found.window.requests_and_visits == 1
        assert found.control["lcp_ms"].tolist() == [9000.0]

    def test_runs_of_before_it_have_none(self):
        """Tables without the column, and rows that leave it null, are the target's."""
        old = pages(visit()).drop(columns="control")
        assert (len(of_target(old)), len(of_target(old, control=True))) == (1, 0)
        assert len(of_target(pages(visit(), visit(1.0, control=None)))) == 2

    def test_a_planted_change_is_recovered(self):
        loaded = pages(visit(0, 60, control=True), visit(1, 66, control=True), visit(2, 9e3, outcome="starved"))
        found = control_page.figures([loaded, pages()], [50.0, 40.0, 60.0])
        assert found == {
            "visits": 2, "idle_visits": 3, "idle_lcp_ms": 50, "loaded_lcp_ms": 63, "change": pytest.approx(0.26),
        }  # fmt: skip

    @pytest.mark.parametrize(("tables", "at_rest"), [([], []), ([pages()], [50.0]), ([pages(visit())], [])])
    def test_without_one_of_the_two_the_change_is_unknown(self, tables, at_rest):
        assert control_page.figures(tables, at_rest)["change"] is None

    @pytest.mark.parametrize(("change", "warned"), [(0.10, False), (0.1001, True), (-0.2, True), (None, False)])
    def test_beyond_ten_per_cent_it_is_said(self, change, warned):
        control = {"change": change, "idle_lcp_ms": 50.0, "loaded_lcp_ms": 60.0}
        said = list(control_page.cautions({"a": arm(control=control), "b": arm()}))
        assert bool(said) is warned
        assert all("the rig's own load moves LCP here" in text and "b by" not in text for text in said)

    def test_every_arm_of_a_round_meets_it_at_the_same_instants_between_the_visits(self):
        """8 for 48 visits, each strictly between two visits; they follow from the visits and move nothing else."""
        schedule = build(SPEC)
        at_s = schedule.control_at_s
        assert len(at_s) == 8
        assert at_s.tolist() == build(SPEC).control_at_s.tolist()
        assert not set(at_s) & set(schedule.visit_at_s)
        assert schedule.visit_at_s[0] < at_s[0] and at_s[-1] < schedule.visit_at_s[-1]
        assert sorted(at_s) == at_s.tolist()

    @pytest.mark.parametrize(("visits", "control"), [(0, 0), (1, 0), (2, 1), (4, 3), (18, 3), (24, 4)])
    def test_three_at_least_where_there_are_gaps_for_them(self, visits, control):
        spec = ScheduleSpec(**{**SPEC.as_dict(), "write_groups": (), "disturbances": (), "visits": visits})
        assert len(build(spec).control_at_s) == control

    def test_it_is_no_lost_or_surplus_sample(self):
        """Two visits scheduled, two made, and three to the control page: nothing is lost."""
        rows = [{"control": False}, {"index": 1}, *[{"control": True}] * 3]
        fleet = {"wrong_arm": 0, "requests": {"scheduled": 0, "sent": 0, "dropped": 0}, "pages": {"scheduled": 2}}
        assert recorded_visits(rows) == 2
        assert marks([], fleet, recorded_visits(rows)) == []


class TestPageWeight:
    def weights(self, nodes, layouts=3.0, count=5):
        return {"/": {"count": count, "dom_nodes": nodes, "layouts": layouts, "style_recalcs": 2.0}}

    def test_alike_is_silent(self):
        """A layout more or less is load; one DOM node is not."""
        same = {"a": arm(by_path=self.weights(200.0)), "b": arm(by_path=self.weights(200.0, layouts=4.0))}
        assert list(page_weight.differences(same)) == []

    @pytest.mark.parametrize(
        ("other", "said"), [((201.0, 3.0), "DOM nodes a 200 and b 201"), ((200.0, 4.5), "layouts a 3 and b 4.5")]
    )
    def test_a_planted_difference_names_the_page_the_arms_and_the_figures(self, other, said):
        arms = {"a": arm(by_path=self.weights(200.0)), "b": arm(by_path=self.weights(*other))}
        (text,) = page_weight.differences(arms)
        assert said in text and text.startswith("/ is not the same page")

    def test_few_visits_and_arms_without_a_trial_decide_nothing(self):
        arms = {"a": arm(by_path=self.weights(200.0)), "b": arm(by_path=self.weights(300.0, count=4))}
        arms["c"] = {**arm(by_path=self.weights(400.0)), "trials": 0}
        assert list(page_weight.differences(arms)) == []

    @pytest.mark.parametrize(("other_ms", "warned"), [(20.0, False), (20.1, True), (None, False)])
    def test_paint_may_differ_by_a_factor_of_two(self, other_ms, warned):
        arms = {"a": arm(traced={"paint_ms": 10.0}), "b": arm(traced={"paint_ms": other_ms})}
        assert bool(list(page_weight.differences(arms))) is warned

    @pytest.mark.parametrize(("other_ms", "warned"), [(6.0, False), (6.1, True)])
    def test_and_by_5_ms_where_it_is_short(self, other_ms, warned):
        arms = {"a": arm(traced={"paint_ms": 1.0}), "b": arm(traced={"paint_ms": other_ms})}
        assert bool(list(page_weight.differences(arms))) is warned

    def test_what_was_traced_is_the_median_over_trials_and_null_where_nothing_was(self):
        facts = [{"paint": {"paint_ms": 4.0, "layouts": 2}}, {"paint": {"paint_ms": 6.0}}, {}, {"paint": None}]
        found = page_weight.traced(facts)
        assert (found["visits"], found["paint_ms"], found["layouts"], found["style_ms"]) == (2, 5.0, 2.0, None)
        assert page_weight.traced([])["paint_ms"] is None


class TestStarvation:
    def test_a_planted_difference_is_found_and_named(self):
        """1 of 100 against 25 of 100, and a third arm like the first."""
        arms = {"a": arm(starved=1, measured=99), "b": arm(starved=25, measured=75), "c": arm(starved=2, measured=98)}
        found = starvation.compare(arms)
        assert found["verdict"] == "differ"
        assert {tuple(pair["arms"]) for pair in found["pairs"] if pair["p_holm"] < 0.01} == {("a", "b"), ("b", "c")}
        said = list(starvation.cautions(arms, found))
        assert len(said) == 2 and "starvation follows the strategy (a 1" in said[0].replace("\u00a0", " ")

    def test_equal_rates_are_alike(self):
        arms = {"a": arm(starved=20, measured=80), "b": arm(starved=22, measured=78)}
        assert starvation.compare(arms)["verdict"] == "alike"
        assert list(starvation.cautions(arms, starvation.compare(arms))) == []

    @pytest.mark.parametrize("starved", [0, 2])
    def test_what_no_outcome_could_have_shown_is_not_called_alike(self, starved):
        arms = {"a": arm(starved=starved, measured=20), "b": arm(starved=0, measured=20 + starved)}
        assert starvation.compare(arms)["verdict"] == "too few to compare"
        assert starvation.compare({"a": arm()}) == {"verdict": "too few to compare", "pairs": []}
        assert starvation.compare({"a": arm(), "b": arm(starved=0, measured=0)})["pairs"] == []

    def test_holm_steps_down(self):
        """0.01, 0.04, 0.03 of three: 0.03, then 2 x 0.03, and never less than the one before."""
        assert starvation.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
        assert starvation.holm([0.9, 0.8]) == [1.0, 1.0]
        assert starvation.holm([]) == []


class TestSummary:
    def test_every_arm_has_the_added_keys(self, tmp_path):
        """Control visits in no count; 54.75 ms under load against 50 at rest; nobody starved enough to compare."""
        summary = summarise(synthetic.build(tmp_path, ("fixed-timeout", "single-flight")))
        for found in summary["arms"].values():
            page = found["pages"]
            assert page["scheduled"] == 2 * VISITS
            assert (page["control"]["visits"], page["control"]["idle_visits"]) == (8, 10)
            assert page["control"]["change"] == pytest.approx(54.75 / 50 - 1)
            assert page["pipeline_ms"]["mean_outside_stampede"]["count"] > 50
            assert set(page["by_path"]) == {"/", "/product/7/"}
        assert set(summary["arms"]["fixed-timeout"]["pages"]["by_cause"]) == {"HIT", "HIT, queued", "MISS"}
        assert summary["starvation"]["verdict"] == "too few to compare"

    def test_without_origin_events_nothing_is_said_of_stampedes(self, tmp_path):
        """Inside and outside are null, the rest stays."""
        run = synthetic.build(tmp_path, ("fixed-timeout",), rounds=1)
        path = run.trials[0].path / "origin.parquet"
        pq.write_table(pq.read_table(path).slice(0, 0), path)
        page = summarise(run)["arms"]["fixed-timeout"]["pages"]
        assert page["pipeline_ms"]["mean_outside_stampede"]["lcp"] is None
        assert page["pipeline_ms"]["median"]["lcp"] > 0
        assert page["by_cause"]["HIT"]["outside_stampede"]["count"] is None
        assert page["by_cause"]["HIT"]["count"] > 0


@pytest.mark.parametrize("table", [((3, 40), (0, 44)), ((10, 200), (1, 180)), ((0, 9), (0, 9)), ((5, 5), (2, 30))])
def test_fishers_test_agrees_with_scipys(table):
    """Own arithmetic only because importing scipy.stats takes longer than the rest of a short run's summary."""
    from scipy.stats import fisher_exact

    (starved, visits), (others, all_others) = table
    arms = {
        "a": {"trials": 1, "pages": {"starved": starved, "measured": visits - starved}},
        "b": {"trials": 1, "pages": {"starved": others, "measured": all_others - others}},
    }
    expected = fisher_exact([[starved, visits - starved], [others, all_others - others]]).pvalue
    assert starvation.compare(arms)["pairs"][0]["p"] == pytest.approx(expected, rel=1e-9)
