"""A long log: what one looks at stays, however it is scrolled; the page stays small; an address leads into it."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Route, expect

from tests.browser.archive import Archive
from tests.browser.test_reading import LOOKED_AT, TO_BOTTOM, TOP_OF
from tests.whole import WholeRun

COUNT = 5000
LOG = re.compile(r"/log\?")
# As a wheel does it, a step in each frame, to the row `to`, or with `to` null to the newest one. Gives the most rows
# that were there on the way.
SCROLL = """(box, to) => new Promise(done => {
    let rows = 0;
    const step = () => {
        box.scrollTop += to === null ? 2000 : -2000;
        rows = Math.max(rows, box.querySelectorAll("article").length);
        const first = +box.querySelector("[data-seq]").dataset.seq;
        if (to === null ? !document.querySelector(".pill") : first <= to) done(rows);
        else requestAnimationFrame(step);
    };
    step();
})"""


@pytest.fixture(scope="module")
def archive(browser: Browser, whole: WholeRun) -> Iterator[Archive]:
    made = Archive(browser, whole, COUNT)
    yield made
    made.close()


@pytest.fixture
def log(archive: Archive) -> Locator:
    """The archive as Ada opens it, not where she was in it."""
    archive.ada.page.goto("about:blank")
    archive.ada.enter(archive.chat)
    archive.ada.sees(f"number {COUNT}")
    return archive.ada.page.get_by_role("log")


def stays(log: Locator, looked_at: dict[str, Any]) -> None:
    """The row has moved by a pixel at most."""
    assert abs(log.evaluate(TOP_OF, looked_at["seq"]) - looked_at["top"]) <= 1


def seqs(log: Locator) -> list[int]:
    """Of the messages that are there."""
    found: list[int] = log.evaluate("box => [...box.querySelectorAll('article')].map(each => +each.dataset.seq)")
    return found


def grew(log: Locator, before: list[int], *, first: bool) -> bool:
    now = seqs(log)
    return now[0] < before[0] if first else now[-1] > before[-1]


def older_come(archive: Archive, log: Locator, where: int) -> None:
    """From this place in pixels; one question at a time, and nothing moves that one looks at."""
    before = seqs(log)
    asked: list[Route] = []
    archive.ada.page.route(LOG, lambda route: asked.append(route))
    looked_at = log.evaluate(f"(box, where) => {{ box.scrollTop = where; return ({LOOKED_AT})(box); }}", where)
    archive.ada.until(lambda: asked, "older messages are asked for")
    expect(log.get_by_text("Loading older messages")).to_be_attached()
    for by in (-20, 40, -20):
        log.evaluate("(box, by) => { box.scrollTop += by; }", by)
    looked_at = log.evaluate(LOOKED_AT)
    assert len(asked) == 1
    asked[0].continue_()
    archive.ada.page.unroute(LOG)
    archive.ada.until(partial(grew, log, before, first=True), "older messages are there")
    stays(log, looked_at)


def test_older_messages_move_nothing_that_one_looks_at(archive: Archive, log: Locator) -> None:
    for where in (0, 300, 0, 1):
        older_come(archive, log, where)


def test_scrolling_up_is_not_undone_by_what_changes_in_the_same_moment(archive: Archive, log: Locator) -> None:
    said = archive.bob.post(archive.chat, "a word to like")
    archive.bob.call("PUT", f"/api/messages/{said['id']}/reactions/👍")
    newest = archive.ada.message("a word to like")
    expect(newest.get_by_role("button", name="👍 1: Bob")).to_be_visible()
    # The click changes the row before the browser tells of the scrolling.
    newest.evaluate("row => { row.closest('.log').scrollTop = 0; row.querySelector('[aria-label*=Bob]').click(); }")
    expect(newest.get_by_role("button", name="👍 2")).to_be_attached()
    archive.ada.until(lambda: len(seqs(log)) > 60, "older messages are there")
    assert log.evaluate(TO_BOTTOM) > 1000


def test_older_messages_that_could_not_be_fetched_come_without_scrolling_again(archive: Archive, log: Locator) -> None:
    # What else is asked for from time to time would have the page look again.
    archive.ada.page.route("**/api/sync", lambda route: None)
    archive.ada.page.route(LOG, lambda route: route.abort(), times=2)
    log.evaluate("box => { box.scrollTop = 0; }")
    archive.ada.until(lambda: len(seqs(log)) > 60, "older messages are there")
    archive.ada.page.unroute("**/api/sync")


def test_an_address_leads_to_its_message_and_both_ways_from_there(archive: Archive, log: Locator) -> None:
    page = archive.ada.page
    page.goto(f"{archive.ada.url}/c/{archive.chat}/2501")
    row = log.locator("article[data-seq='2501']")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_class("sought")
    for place, first in (("0", True), ("box.scrollHeight", False)):
        before = seqs(log)
        looked_at = log.evaluate(f"box => {{ box.scrollTop = {place}; return ({LOOKED_AT})(box); }}")
        archive.ada.until(partial(grew, log, before, first=first), "more messages are there")
        stays(log, looked_at)
    shown = seqs(log)
    assert shown == list(range(shown[0], shown[-1] + 1))
    archive.bob.post(archive.chat, "meanwhile")
    pill = page.get_by_role("button", name=re.compile("new message"))
    expect(pill).to_have_text("1 new message")
    pill.click()
    archive.ada.sees("meanwhile")
    archive.ada.until(lambda: log.evaluate(TO_BOTTOM) <= 1, "the newest message is in view")


@pytest.mark.parametrize("hears", [True, False])
def test_who_reads_in_the_past_sees_what_happens_to_it(archive: Archive, log: Locator, hears: bool) -> None:
    page = archive.ada.page
    if not hears:  # any event: what happens is asked for from time to time
        page.route("**/api/realtime/auth", lambda route: route.abort())
    page.goto(f"{archive.ada.url}/c/{archive.chat}/1001")
    row = log.locator("article[data-seq='1001']")
    expect(row).to_be_in_viewport()
    old = archive.ada.call("GET", f"/api/messages?chat={archive.chat}&before=1002&limit=1")["messages"][0]
    archive.bob.call("PUT", f"/api/messages/{old['id']}/reactions/🎉")
    expect(row.get_by_role("button", name="🎉 1: Bob")).to_be_visible()
    archive.bob.call("DELETE", f"/api/messages/{old['id']}/reactions/🎉")
    expect(row.get_by_role("button", name="🎉 1: Bob")).to_have_count(0)
    expect(row).to_be_in_viewport()
    page.unroute("**/api/realtime/auth")


@pytest.mark.timeout(600)
def test_a_log_of_thousands_leaves_the_page_small(archive: Archive, log: Locator) -> None:
    devtools = archive.ada.page.context.new_cdp_session(archive.ada.page)
    used, kept = [], []
    for _ in range(5):
        for to in (2, None):
            assert log.evaluate(SCROLL, to) <= 500
        used.append(heap(devtools))
        kept.append(devtools.send("Memory.getDOMCounters"))
    # Measured from the third pass to the seventh: 10.17, 10.28, 10.13, 10.18, 10.16 MB, so it levels off; messages that
    # stayed would be some MB in every pass.
    assert used[4] <= used[1] * 1.05, used
    for each in ("nodes", "jsEventListeners"):
        assert kept[4][each] <= kept[1][each] * 1.01, kept


def heap(devtools: CDPSession) -> int:
    """What the page's script holds, in bytes, when what it has let go is gone."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    return int(devtools.send("Runtime.getHeapUsage")["usedSize"])
