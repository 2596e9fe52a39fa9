"""What people do with messages and what the others then see; and what a page says when it may see no more."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visitors import PASSWORD, Visit, Visitor


@pytest.fixture
def both(ada: Visitor, bob: Visitor, chat: str) -> tuple[Visitor, Visitor]:
    """Both look at the chat, where Ada has said something."""
    bob.enter(chat)
    ada.say("first words")
    for visitor in (ada, bob):
        visitor.sees("first words")
    return ada, bob


def tool(row: Locator, name: str) -> Locator:
    row.hover()
    return row.get_by_role("button", name=name, exact=True)


def ask_to_delete(visitor: Visitor, text: str) -> Locator:
    """The dialog that asks whether one is sure."""
    tool(visitor.message(text), "More").click()
    visitor.message(text).get_by_role("button", name="Delete", exact=True).click()
    return visitor.page.get_by_role("dialog", name="Delete this message?")


def test_the_arrow_up_edits_ones_last_message_for_everybody(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    ada.composer.press("ArrowUp")
    expect(ada.composer).to_have_value("first words")
    ada.composer.fill("other **words**")
    ada.composer.press("Enter")
    for visitor in both:
        visitor.sees("other words")
        expect(visitor.message("other words").locator("strong")).to_have_text("words")
        expect(visitor.message("other words")).to_contain_text("edited")
        expect(visitor.message("first words")).to_have_count(0)
    expect(ada.composer).to_have_value("")
    ada.composer.fill("not empty")
    ada.composer.press("ArrowUp")
    ada.composer.press("End")
    ada.composer.press("!")
    expect(ada.composer).to_have_value("not empty!")


def test_deleting_asks_first_and_is_told_to_everybody(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    ask_to_delete(ada, "first words").get_by_role("button", name="Cancel").click()
    ada.sees("first words")
    ask_to_delete(ada, "first words").get_by_role("button", name="Delete").click()
    for visitor in both:
        expect(visitor.message("This message was deleted.")).to_have_count(1)
        expect(visitor.message("first words")).to_have_count(0)
    expect(ada.page.get_by_role("dialog")).to_have_count(0)


def test_a_deletion_that_is_refused_says_so_and_the_message_stays(both: tuple[Visitor, Visitor]) -> None:
    ada, _ = both
    error = {"error": {"code": "unavailable", "message": "Not at the moment."}}
    ada.page.route(re.compile("/api/messages/"), lambda route: route.fulfill(status=503, json=error))
    ask_to_delete(ada, "first words").get_by_role("button", name="Delete").click()
    expect(ada.page.get_by_text("Not at the moment.")).to_be_visible()
    ada.sees("first words")


def test_reactions_are_counted_for_everybody_and_taken_back(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    tool(bob.message("first words"), "React").click()
    bob.page.get_by_role("button", name="React with 🎉").click()
    counted = ada.message("first words").get_by_role("button", name="🎉 1: Bob")
    expect(counted).to_have_text("🎉 1")
    counted.click()
    expect(bob.message("first words").get_by_role("button", name=re.compile("🎉 .*Ada"))).to_have_text("🎉 2")
    bob.message("first words").get_by_role("button", name=re.compile("🎉 .*Ada")).click()
    expect(ada.message("first words").get_by_role("button", name="🎉 1: You")).to_have_text("🎉 1")
    tool(bob.message("first words"), "React").click()
    bob.page.get_by_role("button", name="Other emoji").click()
    picker = bob.page.get_by_role("dialog", name="React")
    picker.get_by_role("searchbox").fill("rocket")
    expect(picker.get_by_text("🚀").first).to_be_visible()
    picker.get_by_role("searchbox").press("Enter")
    expect(picker).to_have_count(0)
    expect(ada.message("first words").get_by_role("button", name="🚀 1: Bob")).to_be_visible()


def test_a_reply_shows_what_it_answers_and_leads_there(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    tool(bob.message("first words"), "Reply").click()
    expect(bob.composer).to_be_focused()
    bob.say("wise words")
    ada.sees("wise words")
    quote = ada.message("wise words").get_by_role("button", name=re.compile("Ada.*first words"))
    quote.click()
    expect(ada.page.locator(".sought")).to_contain_text("first words")


def test_a_removed_member_is_told_so_and_gets_nothing_later(
    both: tuple[Visitor, Visitor], chat: str, visit: Visit
) -> None:
    ada, bob = both
    other = visit("Eve").group("Attic", bob)
    heard: list[str] = []
    bob.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    bob.page.on("response", lambda answer: heard.append(answer.text()) if "/api/" in answer.url else None)
    bob.page.reload()
    bob.sees("first words")
    ada.call("DELETE", f"/api/chats/{chat}/members/{bob.id}")
    expect(bob.page.get_by_role("heading", name="This chat is not here")).to_be_visible()
    expect(bob.composer).to_have_count(0)
    ada.say("behind his back")
    ada.sees("behind his back")
    bob.post(other, "still here")
    bob.until(lambda: any("still here" in frame for frame in heard), "Bob's other chat is live")
    assert not any("behind his back" in frame for frame in heard)
    bob.page.goto(f"{bob.url}/c/{chat}")
    expect(bob.page.get_by_text("behind his back")).to_have_count(0)


def test_a_page_whose_session_ended_keeps_its_text_and_goes_on_after_a_sign_in(
    both: tuple[Visitor, Visitor], chat: str
) -> None:
    ada, bob = both
    ada.composer.fill("unfinished")
    other = ada.new_page()
    other.goto(f"{ada.url}/settings")
    other.get_by_role("button", name="Log out").click()
    prompt = ada.page.get_by_role("dialog", name="You are signed out")
    expect(prompt).to_be_visible()
    prompt.get_by_role("button", name="I have signed in").click()
    expect(prompt).to_contain_text("Not signed in yet.")
    with ada.context.expect_page() as opened:
        prompt.get_by_role("link", name="Sign in").click()
    page = opened.value
    page.locator("[name=login]").fill(ada.username)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="New chat").first).to_be_visible()
    prompt.get_by_role("button", name="I have signed in").click()
    expect(prompt).to_have_count(0)
    expect(ada.composer).to_have_value("unfinished")
    ada.composer.press("Enter")
    bob.sees("unfinished")
    ada.hears_live(bob, chat, "welcome back")
