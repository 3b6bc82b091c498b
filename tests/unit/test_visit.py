"""What a visit makes of a browser whose two sessions tell of the same document at different times."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from rig.measure.pages.protocol import Order, VisitOptions
from rig.measure.pages.tab import Setup, Tab
from rig.measure.pages.visit import Page

URL = "http://127.0.0.1:8000/failing"
LATE_S = 0.05


class LateSession:
    """A DevTools session that hears of each document a while after Playwright's own has committed it."""

    def __init__(self):
        self.heard = []
        self._handlers = {}

    def on(self, event, handler):
        self._handlers[event] = handler

    async def send(self, *_):
        return {}

    def commit(self, url):
        asyncio.get_running_loop().call_later(LATE_S, self._tell, url)

    def _tell(self, url):
        self.heard.append(url)
        self._handlers["Page.frameNavigated"]({"frame": {"url": url}})


def opened(session):
    async def goto(url, **_):
        session.commit(url)
        return SimpleNamespace(status=500, headers={})

    page = SimpleNamespace(on=lambda *_: None, goto=goto)
    return Page(Tab(SimpleNamespace(), page, session), Setup(script="", context={}, options=VisitOptions()))


@pytest.mark.parametrize(("url", "documents"), [(URL, [URL]), (f"{URL}#part", ["about:blank", f"{URL}#part"])])
def test_no_document_is_left_for_the_next_visit_to_hear_of(url, documents):
    """It would count as one the next page went to by itself: an innocent visit failed."""

    async def heard_when_done():
        session = LateSession()
        visit = await opened(session).visit(Order(id=1, url=url, headers={}, deadline_s=10.0))
        return visit.cause, session.heard

    assert asyncio.run(heard_when_done()) == ("status", documents)


def test_a_document_never_heard_of_ends_with_the_deadline():
    """The visit failed, and its tab is used no more."""

    async def outcome():
        session = LateSession()
        session.commit = lambda _: None
        page = opened(session)
        visit = await page.visit(Order(id=1, url=URL, headers={}, deadline_s=0.05))
        return visit.cause, page.usable

    assert asyncio.run(outcome()) == ("timeout", False)
