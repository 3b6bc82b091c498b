"""The Grafana dashboards as files: what Grafana needs to load them, and what a reader needs to read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "dashboards/grafana"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}
UNITS = {"reqps", "s", "percentunit", "short", "ops"}
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def panels(board):
    return board["panels"]


def test_there_is_one_for_the_run_and_one_for_the_target():
    assert [board["uid"] for board in BOARDS.values()] == ["rig-run", "rig-target"]


@each_board
def test_panels_have_ids_of_their_own_and_do_not_overlap(board):
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))
    places = [tuple(panel["gridPos"].values()) for panel in panels(board)]
    taken = [(x + dx, y + dy) for x, y, w, h in places for dx in range(w) for dy in range(h)]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


@each_board
def test_every_panel_says_its_unit_and_what_it_means(board):
    for panel in panels(board):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert len(panel["description"]) > 30, panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@each_board
def test_the_data_source_is_the_provisioned_one_unless_another_is_chosen(board):
    """So that the same file works in docker compose and in a Grafana of one's own."""
    provisioned = (GRAFANA / "provisioning/datasources/prometheus.yml").read_text()
    uid = re.search(r"^\s+uid: (\S+)$", provisioned, re.MULTILINE)[1]
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["current"]["value"] == uid
    asked = [panel["datasource"] for panel in panels(board)]
    asked += [target["datasource"] for panel in panels(board) for target in panel["targets"]]
    asked += [one["datasource"] for one in variables.values() if one["type"] == "query"]
    assert {one["uid"] for one in asked} == {"${datasource}"}


@each_board
def test_queries_use_no_variable_that_is_not_there(board):
    names = {one["name"] for one in board["templating"]["list"]} | {"__rate_interval"}
    for panel in panels(board):
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= names, panel["title"]


@each_board
def test_every_metric_in_a_panel_is_explained(board):
    """In docs/grafana.md, by its name without what Prometheus adds."""
    told = (ROOT / "docs/grafana.md").read_text()
    for panel in panels(board):
        for target in panel["targets"]:
            for name in re.findall(r"\b(?:rig|django)_\w+", target["expr"]):
                assert f"`{name.removesuffix('_bucket').removesuffix('_count')}`" in told, name


def test_grafana_and_prometheus_agree_on_how_often_is_asked():
    """Grafana makes its rate interval from it: too short a one draws nothing."""
    asked = (ROOT / "dashboards/prometheus/prometheus.yml").read_text()
    told = (GRAFANA / "provisioning/datasources/prometheus.yml").read_text()
    assert re.search(r"scrape_interval: (\S+)", asked)[1] == re.search(r"timeInterval: (\S+)", told)[1]
