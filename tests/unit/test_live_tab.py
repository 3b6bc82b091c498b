"""What the tab's server tells and refuses, without a browser; and the picture with plain Locust."""

from __future__ import annotations

import json
import sys
from itertools import islice
from types import SimpleNamespace

import pytest
from locust.env import Environment

from rig.measure.load.live import plain as live_plain
from rig.measure.load.live import tab as live_tab
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.plain import live_feed, plain_trial_began, plain_trial_ended, set_live, show_plain
from rig.measure.load.live.tab import MOST_WATCHERS, add_tab, messages
from rig.measure.load.visitor import VisitRunner
from rig.model import InfrastructureError

START_S = 5000.0


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch):
    """Locust's web UI reads the process's own command line whenever it shows its page."""
    monkeypatch.setattr(sys, "argv", ["locust"])


def environment_with_ui(base=None):
    environment = Environment(user_classes=[])
    environment.create_local_runner()
    environment.create_web_ui("127.0.0.1", 0, delayed_start=True, web_base_path=base)
    return environment


@pytest.fixture
def feed():
    made = LiveFeed()
    made.trial_began(1, "a", 1, 1, START_S, 10.0)
    return made


def told(message):
    return json.loads(message.partition("data: ")[2])


def test_a_stream_waits_between_messages_and_gives_signs_of_life(feed, monkeypatch):
    """Whatever happens in between is one message; a quiet stream writes now and then, to notice its reader's end."""
    slept = []
    happens = {3: lambda: [feed.marker("write", START_S + at_s, "x") for at_s in (1, 2, 3)]}

    def sleep(seconds):
        slept.append(seconds)
        happens.get(len(slept), int)()

    monkeypatch.setattr(live_tab.gevent, "sleep", sleep)
    first, second, third = islice(messages(feed, 0), 3)
    assert told(first)["trial"]["fresh"]
    assert len(told(second)["trial"]["markers"]) == 3
    assert second.startswith(f"id: {feed.revision}\n")
    assert third.startswith(":")
    assert set(slept) == {live_tab.PERIOD_S}
    assert sum(slept) == pytest.approx(10 + 3 * live_tab.PERIOD_S)


def test_a_reader_who_knows_the_revision_gets_only_what_is_new(feed):
    environment = environment_with_ui()
    add_tab(environment.web_ui, feed)
    client = environment.web_ui.app.test_client()
    held = client.get("/rig/state").get_json()["revision"]
    feed.marker("write", START_S + 1, "x")
    for query, headers in ((f"?since={held}", {}), ("?since=0", {"Last-Event-ID": str(held)})):
        answer = client.get(f"/rig/stream{query}", headers=headers)
        delta = told(next(answer.iter_encoded()).decode())
        assert (delta["trial"]["fresh"], len(delta["trial"]["markers"])) == (False, 1)
        answer.close()


def test_watchers_are_limited_and_one_who_leaves_makes_room(feed):
    environment = environment_with_ui()
    add_tab(environment.web_ui, feed)
    client = environment.web_ui.app.test_client()
    streams = [client.get("/rig/stream") for _ in range(MOST_WATCHERS)]
    refused = client.get("/rig/stream")
    assert refused.status_code == 503
    assert "close one of them" in refused.text
    streams[0].close()
    again = client.get("/rig/stream")
    assert again.status_code == 200
    for stream in [*streams[1:], again]:
        stream.close()


def test_the_tab_is_declared_to_locust_and_filled_by_one_script(feed):
    environment = environment_with_ui("/base")
    add_tab(environment.web_ui, feed)
    client = environment.web_ui.app.test_client()
    index = client.get("/base/").text
    assert '{"key": "rig", "title": "rig"}' in index
    assert index.count("./rig/assets/live/tab.js") == 1
    with client.get("/base/rig/assets/live/tab.js") as script:
        assert script.status_code == 200


def test_locusts_controls_work_unless_rig_conducts(feed):
    plain, conducted = environment_with_ui(), environment_with_ui()
    add_tab(plain.web_ui, feed)
    add_tab(conducted.web_ui, feed, conducted=True)
    answers = [one.web_ui.app.test_client().post("/stats/reset").status_code for one in (plain, conducted)]
    assert answers == [200, 409]
    states = [one.web_ui.app.test_client().get("/stats/requests").get_json()["state"] for one in (plain, conducted)]
    assert states == ["ready", "running"]


def test_a_page_that_is_not_installed_is_named_with_the_remedy(feed, monkeypatch, tmp_path):
    monkeypatch.setattr(live_tab, "_ECHARTS", tmp_path)
    with pytest.raises(InfrastructureError, match=r"echarts\.min\.js is missing; run make setup"):
        add_tab(environment_with_ui().web_ui, feed)


def test_plain_locust_without_a_web_ui_has_no_picture():
    environment = SimpleNamespace(web_ui=None, parsed_options=None)
    show_plain(environment, "hot-key")
    assert live_feed(environment) is None
    plain_trial_began(environment, None)
    plain_trial_ended(environment, None)


def test_plain_locust_goes_on_without_the_tab_where_it_is_not_installed(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(live_tab, "_ECHARTS", tmp_path)
    environment = environment_with_ui()
    show_plain(environment, "hot-key")
    assert live_feed(environment) is None
    assert "run make setup" in caplog.text


def test_each_start_of_a_plain_test_is_a_trial_without_a_round():
    environment = environment_with_ui()
    show_plain(environment, "hot-key")
    spec = SimpleNamespace(window_s=4.0)
    for strategy in (None, "fixed-timeout"):
        order = SimpleNamespace(strategy=strategy, spec=spec)
        trial = SimpleNamespace(order=order, start_s=START_S, error=None, due_s=None, in_flight=lambda: None)
        plain_trial_began(environment, trial)
        plain_trial_ended(environment, trial)
    delta = live_feed(environment).delta(0)
    assert delta["facts"] == {"profile": "hot-key"}
    assert [(row["number"], row["round"], row["arm"]) for row in delta["ended"]] == [
        (1, None, live_plain._NO_STRATEGY),
        (2, None, "fixed-timeout"),
    ]


def test_a_visit_reaches_the_picture_of_whoever_watches(feed):
    environment = SimpleNamespace()
    set_live(environment, feed)
    browser = SimpleNamespace(
        visit=lambda *_, **__: {"outcome": "measured", "cause": None, "cache": "HIT", "lcp_ms": 90.0}
    )
    trial = SimpleNamespace(
        start_s=START_S,
        end_s=START_S + 10,
        schedule=SimpleNamespace(visit_at_s=[-1e6], visit_path=["/"]),
        order=SimpleNamespace(url="http://127.0.0.1", headers={}, strategy=None, pictures=None, control_url=None),
        visits=SimpleNamespace(add=lambda row: None),
    )
    VisitRunner(SimpleNamespace(fire=lambda **_: None), trial, browser, live_feed(environment)).run()
    (seen,) = feed.delta(0)["trial"]["visits"]
    assert (seen["path"], seen["lcp_ms"], seen["cache"]) == ("/", 90.0, "HIT")
