"""What one finds when one comes back: drafts, what is unread, and the place where one was reading."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.albums import show, still, upload
from tests.browser.test_pictures_shown import LOADED
from tests.browser.visitors import Visitor

# The seq of the first row in view, and where it stands.
LOOKED_AT = """box => {
    const top = box.getBoundingClientRect().top;
    const row = [...box.querySelectorAll("article")].find(each => each.getBoundingClientRect().bottom > top);
    return {seq: row.dataset.seq, top: row.getBoundingClientRect().top};
}"""
TOP_OF = "(box, seq) => box.querySelector(`[data-seq='${seq}']`).getBoundingClientRect().top"
TO_BOTTOM = "box => box.scrollHeight - box.clientHeight - box.scrollTop"
SCROLL_UP = "(box, by) => { box.scrollTop -= by; }"
BEHIND = """hidden => {
    Object.defineProperty(document, "visibilityState", {value: hidden ? "hidden" : "visible", configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
# Twenty at a time, so that their order is the server's.
SAY_MANY = """async ([chat_id, count, token]) => {
    const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
    const say = text => fetch("/api/messages", {
        method: "POST", headers, body: JSON.stringify({chat_id, client_id: crypto.randomUUID(), text})
    });
    for (let said = 0; said < count; said += 20)
        await Promise.all([...Array(20).keys()].map(each => say(`number ${said + each + 1}`)));
}"""


@pytest.fixture
def kitchen(ada: Visitor, bob: Visitor, chat: str) -> str:
    """A second chat of both, where Ada is now."""
    kitchen = ada.group("Kitchen", bob)
    ada.open_chat("Kitchen")
    return kitchen


def log_of(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("log")


def line_of(visitor: Visitor, chat: str) -> Locator:
    """A chat's line in the list."""
    return visitor.page.get_by_role("navigation").get_by_role("link", name=re.compile(chat))


def say_many(visitor: Visitor, chat: str, count: int) -> None:
    """Messages "number 1" to "number <count>", a multiple of 20."""
    visitor.page.goto(f"{visitor.url}/settings")
    visitor.page.evaluate(SAY_MANY, [chat, count, visitor.csrf])


def at_bottom(visitor: Visitor) -> bool:
    return bool(log_of(visitor).evaluate(TO_BOTTOM) <= 1)


def test_a_draft_stays_with_its_chat_and_is_marked_in_the_list(ada: Visitor, kitchen: str) -> None:
    ada.open_chat("Garden")
    ada.composer.fill("half a thought")
    ada.open_chat("Kitchen")
    expect(ada.composer).to_have_value("")
    expect(line_of(ada, "Garden")).to_contain_text("Draft half a thought")
    ada.page.reload()
    expect(line_of(ada, "Garden")).to_contain_text("Draft half a thought")
    ada.open_chat("Garden")
    expect(ada.composer).to_have_value("half a thought")
    ada.composer.press("Enter")
    ada.sees("half a thought")
    ada.open_chat("Kitchen")
    expect(line_of(ada, "Garden")).to_contain_text("You: half a thought")
    expect(line_of(ada, "Garden")).not_to_contain_text("Draft")


def test_what_is_unread_is_counted_and_reading_it_in_one_tab_clears_the_other(
    ada: Visitor, bob: Visitor, chat: str, kitchen: str
) -> None:
    for text in ("one", "two\n\n" * 40, "three"):
        bob.post(chat, text)
    expect(line_of(ada, "Garden").get_by_text("3 unread messages")).to_be_attached()
    expect(ada.page).to_have_title("(3) Kitchen · InfiTalks")
    expect(ada.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:image.*%3E3%3C%2Ftext"))
    other = ada.new_page()
    other.goto(f"{ada.url}/c/{chat}")
    divider = other.locator(".new-line")
    expect(divider).to_be_in_viewport()
    assert "one" in divider.evaluate("line => line.nextElementSibling.textContent")
    expect(ada.page).to_have_title(re.compile(r"^\(2\) \w+ · InfiTalks$"))
    other.get_by_role("log").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    expect(line_of(ada, "Garden").locator(".count")).to_have_count(0)
    expect(ada.page).to_have_title(re.compile(r"^\w+ · InfiTalks$"))
    expect(other).to_have_title("Garden · InfiTalks")
    expect(divider).to_have_count(1)


def test_a_page_that_nobody_looks_at_reads_nothing(ada: Visitor, bob: Visitor, chat: str) -> None:
    ada.page.evaluate(BEHIND, True)
    bob.post(chat, "unseen")
    ada.sees("unseen")
    expect(ada.page).to_have_title(re.compile(r"^\(1\) \w+ · InfiTalks$"))
    assert ada.call("GET", f"/api/chats/{chat}")["unread"] == 1
    with ada.page.expect_response(re.compile("/read$")):
        ada.page.evaluate(BEHIND, False)
    expect(ada.page).to_have_title(re.compile(r"^\w+ · InfiTalks$"))
    assert ada.call("GET", f"/api/chats/{chat}")["unread"] == 0


def test_what_was_seen_a_moment_before_one_leaves_is_read(ada: Visitor, bob: Visitor, chat: str) -> None:
    read = ada.call("GET", f"/api/chats/{chat}")["read_seq"]
    # What the page gathers is told only by leaving it.
    ada.page.clock.install()
    ada.enter(chat)
    # What is on its way when the clock leaps would be given up, and no timer would ever try again.
    ada.is_live()
    ada.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    sent = bob.post(chat, "seen in passing")
    ada.sees("seen in passing")
    expect(ada.page).to_have_title("Garden · InfiTalks")
    assert ada.call("GET", f"/api/chats/{chat}")["read_seq"] == read
    ada.page.goto("about:blank")
    ada.until(lambda: ada.call("GET", f"/api/chats/{chat}")["read_seq"] >= sent["seq"], "it is read")


def test_older_messages_come_as_one_scrolls_up_and_what_one_looks_at_stays(ada: Visitor, chat: str) -> None:
    say_many(ada, chat, 300)
    ada.enter(chat)
    ada.sees("number 300")
    assert at_bottom(ada)
    log = log_of(ada)
    while "Loading older messages" in (before := log.inner_text()):
        looked_at = log.evaluate(f"box => {{ box.scrollTop = 0; return ({LOOKED_AT})(box); }}")
        ada.until(lambda seen=before: log.inner_text() != seen, "older messages are there")  # type: ignore[misc]
        stays(log, looked_at)
    expect(log).to_contain_text("This is where Garden begins.")
    shown = ada.page.get_by_role("article").evaluate_all("rows => rows.map(row => +row.dataset.seq)")
    assert shown == list(range(2, 302))


def stays(log: Locator, looked_at: dict[str, Any]) -> None:
    """The row has moved by a pixel at most."""
    assert abs(log.evaluate(TOP_OF, looked_at["seq"]) - looked_at["top"]) <= 1


def test_the_address_of_an_old_message_leads_to_it_and_from_there_to_the_newest(ada: Visitor, chat: str) -> None:
    say_many(ada, chat, 160)
    ada.page.goto(f"{ada.url}/c/{chat}/21")
    old = ada.page.locator("article[data-seq='21']")
    expect(old).to_be_in_viewport()
    ada.page.get_by_role("button", name="Newest messages").click()
    ada.sees("number 160")
    ada.until(lambda: at_bottom(ada), "the newest message is in view")


def test_at_the_bottom_one_stays_there_and_above_it_nothing_moves(ada: Visitor, bob: Visitor, chat: str) -> None:
    say_many(ada, chat, 40)
    ada.enter(chat)
    log = log_of(ada)
    bob.post(chat, "a line\n\n" * 20)
    ada.sees("a line")
    ada.until(lambda: at_bottom(ada), "the new message is in view")
    show(bob, chat, "the sky", upload(bob, still(), "sky.jpg"))
    ada.sees("the sky")
    ada.page.wait_for_function(LOADED)
    ada.until(lambda: at_bottom(ada), "the picture is in view")
    ada.composer.fill("a long draft\n" * 12)
    ada.until(lambda: at_bottom(ada), "it stays in view beside a taller composer")
    log.evaluate(SCROLL_UP, 900)
    pill = ada.page.get_by_role("button", name=re.compile("new message|Newest"))
    expect(pill).to_have_text("Newest messages")
    looked_at = log.evaluate(LOOKED_AT)
    for text in ("news", "more news"):
        bob.post(chat, text)
    expect(pill).to_have_text("2 new messages")
    stays(log, looked_at)
    pill.click()
    ada.until(lambda: at_bottom(ada), "the newest message is in view")
    expect(pill).to_have_count(0)
