"""A message's way from the composer to everybody: pending, sent, failed, tried again; never lost, never doubled."""

import re

from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.renderers import crash
from tests.browser.visitors import Visitor

MESSAGES = re.compile(r"/api/messages$")


class Held:
    """Holds a visitor's sends back until the test lets them go on."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.routes = visitor, list[Route]()
        visitor.page.route(MESSAGES, lambda route: self.routes.append(route))

    def newest(self) -> Route:
        self.visitor.until(lambda: self.routes, "the page sends a message")
        return self.routes.pop()


def test_a_message_is_there_at_once_and_its_element_stays_when_it_is_sent(ada: Visitor, chat: str) -> None:
    held = Held(ada)
    ada.say("patience")
    row = ada.message("patience")
    expect(row).to_have_attribute("data-state", "pending")
    expect(ada.composer).to_have_value("")
    expect(ada.composer).to_be_focused()
    element = row.element_handle()
    held.newest().continue_()
    expect(row).to_have_attribute("data-state", "sent")
    expect(row).to_have_count(1)
    assert row.evaluate("(now, then) => now === then", element)


def test_the_live_event_before_the_answer_makes_no_second_row(ada: Visitor, chat: str) -> None:
    held = Held(ada)
    ada.say("twice told")
    element = ada.message("twice told").element_handle()
    route = held.newest()
    answer = route.fetch()
    ada.sees("twice told")
    route.fulfill(response=answer)
    ada.say("after it")
    held.newest().continue_()
    ada.sees("after it")
    ada.sees("twice told")
    assert ada.message("twice told").evaluate("(now, then) => now === then", element)


def test_a_failed_message_survives_a_reload_and_can_be_tried_again_or_deleted(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    refuse(ada.page)
    ada.say("worth keeping")
    expect(ada.message("worth keeping")).to_have_attribute("data-state", "failed")
    ada.say("worth nothing")
    expect(ada.message("worth nothing")).to_have_attribute("data-state", "failed")
    ada.page.reload()
    for text in ("worth keeping", "worth nothing"):
        expect(ada.message(text)).to_have_attribute("data-state", "failed")
    ada.message("worth nothing").get_by_role("button", name="Delete").click()
    expect(ada.message("worth nothing")).to_have_count(0)
    ada.page.unroute_all()
    ada.message("worth keeping").get_by_role("button", name="Retry").click()
    ada.sees("worth keeping")
    ada.page.reload()
    ada.sees("worth keeping")
    expect(ada.message("worth nothing")).to_have_count(0)


def test_trying_again_what_the_server_had_stored_leaves_one_message_for_both(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    bob.enter(chat)
    # Deaf to live events, so that only the answer could tell her; and that one is lost.
    ada.page.route_web_socket(re.compile("/app/"), lambda socket: socket.close())
    ada.page.route(re.compile("/api/(sync|chats)"), lambda route: route.fulfill(status=500, json={}))
    ada.page.reload()
    ada.page.route(MESSAGES, lambda route: (route.fetch(), route.abort())[-1], times=1)
    ada.say("only one")
    expect(ada.message("only one")).to_have_attribute("data-state", "failed")
    bob.sees("only one")
    ada.message("only one").get_by_role("button", name="Retry").click()
    ada.sees("only one")
    bob.post(chat, "the end")
    bob.sees("the end")
    bob.sees("only one")
    assert [m["text"] for m in bob.call("GET", f"/api/messages?chat={chat}")["messages"]] == ["only one", "the end"]


def test_messages_arrive_in_the_order_in_which_they_were_written(ada: Visitor, bob: Visitor, chat: str) -> None:
    bob.enter(chat)
    held = Held(ada)
    lines = [f"line {number}" for number in range(8)]
    for line in lines:
        ada.say(line)
    expect(ada.page.locator("[data-state=pending]")).to_have_count(8)
    for _ in lines:
        held.newest().continue_()
    bob.sees(lines[-1])
    for visitor in (ada, bob):
        expect(visitor.page.locator("article .text")).to_have_text(lines)


def test_a_crash_in_mid_send_costs_neither_the_messages_nor_the_draft(
    ada: Visitor, bob: Visitor, chat: str, browser: Browser
) -> None:
    held = Held(ada)
    ada.say("on its way")
    ada.say("behind it")
    ada.composer.fill("half a thought")
    expect(ada.page.locator("[data-state=pending]")).to_have_count(2)
    held.newest().fetch()  # the server has it, and nobody will ever hear so
    with ada.page.expect_event("crash"):
        crash(browser)
    ada.page = ada.new_page()
    ada.enter(chat)
    expect(ada.composer).to_have_value("half a thought")
    ada.sees("behind it")
    ada.sees("on its way")
    assert [m["text"] for m in bob.call("GET", f"/api/messages?chat={chat}")["messages"]] == ["on its way", "behind it"]


def test_two_tabs_that_both_find_a_message_unsent_make_one_of_it(ada: Visitor, bob: Visitor, chat: str) -> None:
    held = Held(ada)
    ada.say("only once")
    ada.composer.fill("half a thought")
    held.newest()
    first, second = ada.page, ada.new_page()
    ada.page = second
    ada.enter(chat)
    ada.sees("only once")
    first.unroute_all()
    first.reload()
    for tab in (first, second):
        ada.page = tab
        ada.sees("only once")
        expect(ada.composer).to_have_value("half a thought")
    bob.enter(chat)
    bob.sees("only once")
    assert len(bob.call("GET", f"/api/messages?chat={chat}")["messages"]) == 1


PRESSES = [
    ({"key": "Enter", "shiftKey": True}, False),
    # It confirms what an input method offers; Safari tells so by the code alone.
    ({"key": "Enter", "isComposing": True}, False),
    ({"key": "Enter", "keyCode": 229}, False),
    ({"key": "Enter"}, True),
]
PRESSED = """(field, press) =>
    field.dispatchEvent(new KeyboardEvent("keydown", {...press, bubbles: true, cancelable: true}))"""


def test_only_a_plain_enter_sends(ada: Visitor, chat: str) -> None:
    ada.composer.fill("almost")
    for press, sends in PRESSES:
        left_to_the_field = ada.composer.evaluate(PRESSED, press)
        assert left_to_the_field != sends, press
        expect(ada.composer).to_have_value("" if sends else "almost")
    ada.sees("almost")


def refuse(page: Page) -> None:
    error = {"error": {"code": "invalid", "message": "Not today."}}
    page.route(MESSAGES, lambda route: route.fulfill(status=422, json=error))
