"""Threads beside their chat: opened by an address, written in and read by two at once, followed, kept apart."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_looks import faults
from tests.browser.visitors import Visit, Visitor


def panel(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("complementary", name="Thread")


def in_panel(visitor: Visitor, text: str) -> Locator:
    return panel(visitor).get_by_role("article").filter(has_text=text)


def in_log(visitor: Visitor, text: str) -> Locator:
    return visitor.page.locator("main .log").get_by_role("article").filter(has_text=text)


def field(visitor: Visitor) -> Locator:
    return panel(visitor).get_by_role("textbox", name="Reply in thread")


def reply(visitor: Visitor, text: str) -> None:
    field(visitor).fill(text)
    field(visitor).press("Enter")
    expect(in_panel(visitor, text)).to_have_attribute("data-state", "sent")


@pytest.fixture
def both(ada: Visitor, bob: Visitor, chat: str) -> tuple[Visitor, Visitor]:
    bob.enter(chat)
    ada.say("lunch anybody")
    ada.say("of other things")
    for visitor in (ada, bob):
        visitor.sees("of other things")
    return ada, bob


def begin(visitor: Visitor, text: str) -> None:
    in_log(visitor, text).hover()
    in_log(visitor, text).get_by_role("button", name="Reply in thread").click()
    expect(field(visitor)).to_be_focused()


def test_two_talk_in_a_thread_that_an_address_brings_back(both: tuple[Visitor, Visitor], chat: str) -> None:
    ada, bob = both
    field_of_chat = bob.composer
    field_of_chat.fill("a draft of the chat")
    begin(bob, "lunch anybody")
    expect(panel(bob)).to_contain_text("No replies yet")
    reply(bob, "me, soon")
    line = in_log(ada, "lunch anybody").get_by_role("button", name=re.compile("1 reply"))
    line.click()
    expect(in_panel(ada, "me, soon")).to_have_count(1)
    reply(ada, "then at noon")
    expect(in_panel(bob, "then at noon")).to_have_count(1)
    expect(in_log(bob, "then at noon")).to_have_count(1)
    expect(in_log(bob, "lunch anybody").get_by_role("button", name=re.compile("2 replies"))).to_be_visible()
    expect(field_of_chat).to_have_value("a draft of the chat")

    field(bob).fill("a draft of the thread")
    address = bob.page.url
    bob.page.reload()
    expect(in_panel(bob, "then at noon")).to_have_count(1)
    expect(field(bob)).to_have_value("a draft of the thread")
    expect(bob.composer).to_have_value("a draft of the chat")
    bob.page.goto(f"{bob.url}/c/{chat}")
    expect(bob.composer).to_be_visible()
    expect(panel(bob)).to_have_count(0)
    bob.page.go_back()
    expect(in_panel(bob, "me, soon")).to_have_count(1)
    assert bob.page.url == address
    field(bob).press("Escape")
    expect(panel(bob)).to_have_count(0)
    bob.page.go_back()
    expect(panel(bob)).to_be_visible()

    tidy = in_panel(ada, "then at noon")
    tidy.hover()
    tidy.get_by_role("button", name="More").click()
    tidy.get_by_role("button", name="Edit").click()
    expect(field(ada)).to_have_value("then at noon")
    field(ada).fill("then at one")
    field(ada).press("Enter")
    expect(in_panel(bob, "then at one")).to_have_count(1)
    mine = in_panel(bob, "me, soon")
    mine.hover()
    mine.get_by_role("button", name="More").click()
    mine.get_by_role("button", name="Delete").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(in_log(ada, "lunch anybody").get_by_role("button", name=re.compile("1 reply"))).to_be_visible()
    assert faults(bob.page) == []


def test_esc_closes_the_panel_and_the_focus_goes_back(both: tuple[Visitor, Visitor]) -> None:
    ada, _ = both
    begin(ada, "lunch anybody")
    ada.page.keyboard.press("Escape")
    expect(panel(ada)).to_have_count(0)
    expect(in_log(ada, "lunch anybody")).to_be_focused()
    begin(ada, "lunch anybody")
    panel(ada).get_by_role("button", name="Show in chat").click()
    expect(in_log(ada, "lunch anybody")).to_have_class(re.compile("sought"))


def test_what_came_while_nothing_arrived_is_in_the_panel_afterwards(both: tuple[Visitor, Visitor], chat: str) -> None:
    ada, bob = both
    begin(ada, "lunch anybody")
    reply(ada, "first")
    root = in_log(ada, "lunch anybody")
    expect(root.get_by_role("button", name=re.compile("1 reply"))).to_be_visible()
    found = bob.call("GET", f"/api/messages?chat={chat}")["messages"]
    (message,) = [each for each in found if each["text"] == "lunch anybody"]
    ada.context.set_offline(True)
    for number in range(3):
        answer = {"chat_id": chat, "client_id": f"gap-{number}", "text": f"meanwhile {number}"}
        bob.call("POST", "/api/messages", {**answer, "reply_to": message["id"]})
    ada.context.set_offline(False)
    expect(in_panel(ada, "meanwhile 2")).to_have_count(1)
    expect(in_panel(ada, "meanwhile")).to_have_count(3)
    expect(root.get_by_role("button", name=re.compile("4 replies"))).to_be_visible()


def test_threads_that_wait_are_counted_listed_and_can_be_left(both: tuple[Visitor, Visitor], chat: str) -> None:
    ada, bob = both
    ada.page.goto(f"{ada.url}/c")
    entry = ada.page.get_by_role("button", name=re.compile("^Threads"))
    begin(bob, "lunch anybody")
    reply(bob, "me, soon")
    expect(entry).to_contain_text("1 with new replies")
    entry.click()
    ada.page.get_by_role("dialog", name="Threads").get_by_role("button", name=re.compile("lunch anybody")).click()
    expect(in_panel(ada, "me, soon")).to_have_count(1)
    expect(entry).not_to_contain_text("with new replies")
    ada.page.keyboard.press("F6")
    expect(ada.page.locator(".chats a").first).to_be_focused()
    ada.page.keyboard.press("Shift+F6")
    expect(panel(ada)).to_be_focused()
    panel(ada).get_by_role("button", name="Unfollow").click()
    expect(panel(ada).get_by_role("button", name="Follow", exact=True)).to_be_visible()
    entry.click()
    expect(ada.page.get_by_role("dialog", name="Threads")).to_contain_text("Threads that you write in")


def test_on_a_phone_a_thread_takes_the_screen(both: tuple[Visitor, Visitor], visit: Visit) -> None:
    ada, _ = both
    ada.page.set_viewport_size({"width": 390, "height": 800})
    in_log(ada, "lunch anybody").focus()
    in_log(ada, "lunch anybody").get_by_role("button", name="Reply in thread").click()
    expect(field(ada)).to_be_visible()
    box = panel(ada).bounding_box()
    assert box and (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 800)
    reply(ada, "on my way")
    expect(ada.composer).to_be_hidden()
    assert faults(ada.page) == []
    panel(ada).get_by_role("button", name="Close panel").click()
    expect(ada.composer).to_be_visible()
