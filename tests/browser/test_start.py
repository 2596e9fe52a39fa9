"""What a page asks for when it starts: all it needs, and nothing twice."""

import re
from collections import Counter

from playwright.sync_api import Request

from tests.browser.visitors import Visitor

ASKED_ONCE = ["/api/realtime/auth", "/api/saved/ids", "/api/sync", "/api/threads"]


def test_a_page_asks_for_each_thing_once_when_it_starts(ada: Visitor, chat: str) -> None:
    page = ada.page
    # By a clock that runs as slowly as this, a busy machine is live before the first thing is due.
    page.clock.install()
    page.goto("about:blank")
    asked: Counter[str] = Counter()

    def count(request: Request) -> None:
        if found := re.search(r"/api/[^?]*", request.url):
            asked[found[0]] += 1

    page.on("request", count)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    ada.enter(chat)

    def is_live() -> bool:
        page.clock.run_for(5)
        return asked["/api/sync"] > 0

    ada.until(is_live, "the page is live and has asked for what it missed")
    page.clock.run_for(3000)
    assert {path: asked[path] for path in ASKED_ONCE} == dict.fromkeys(ASKED_ONCE, 1), asked
