"""What can be seen of a message and done with it, by pointer, finger and keys."""

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from tests.browser.test_reading import TO_BOTTOM
from tests.browser.test_talking import ask_to_delete, both, tool
from tests.browser.visitors import Visit, Visitor

__all__ = ["both"]

FLAG, FAMILY = "\U0001f1e9\U0001f1ea", "\U0001f468\u200d\U0001f469\u200d\U0001f467"
CODE = "```\n" + "wide = " * 60 + "\nsecond line\n```"


def see(visitor: Visitor, text: str) -> Locator:
    expect(visitor.message(text)).to_have_count(1)
    return visitor.message(text)


def height_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["height"]


def test_code_is_copied_and_scrolled_sideways_links_stay_outside_and_emoji_are_big(ada: Visitor, chat: str) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for text in (CODE, "> quoted\n\n- one\n- two", "see https://example.org/", FLAG + FAMILY, "1️⃣ 👍🏽", f"{FLAG} won"):
        ada.post(chat, text)
    code = see(ada, "second line")
    pre = code.locator("pre")
    assert pre.evaluate("box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX == 'auto'")
    code.get_by_role("button", name="Copy", exact=True).click()
    expect(ada.page.get_by_text("Copied")).to_be_visible()
    assert ada.page.evaluate("navigator.clipboard.readText()").strip() == ("wide = " * 60 + "\nsecond line").strip()
    expect(see(ada, "quoted").locator("blockquote")).to_have_text("quoted")
    expect(see(ada, "quoted").locator("li")).to_have_text(["one", "two"])
    link = see(ada, "see https").get_by_role("link")
    assert "noopener" in (link.get_attribute("rel") or "") and link.get_attribute("target") == "_blank"
    small = float(see(ada, "won").locator(".text").evaluate("each => parseFloat(getComputedStyle(each).fontSize)"))
    for emoji in (FAMILY, "👍🏽"):
        size = see(ada, emoji).locator(".text").evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        assert size > 2 * small


def test_a_long_message_is_folded_and_one_a_little_too_long_is_not(ada: Visitor, chat: str) -> None:
    ada.post(chat, "\n".join(f"line {number}" for number in range(60)))
    ada.post(chat, "\n".join(f"row {number}" for number in range(21)))
    ada.page.goto("about:blank")
    ada.enter(chat)
    long, short = see(ada, "line 59"), see(ada, "row 20")
    ada.page.wait_for_function("() => document.querySelector('.fold-more')")
    ada.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert ada.page.get_by_role("log").evaluate(TO_BOTTOM) <= 1
    bubble = long.locator(".bubble")
    line = bubble.evaluate("each => parseFloat(getComputedStyle(each).lineHeight)")
    expect(long.get_by_role("button", name="Show more")).to_be_visible()
    assert 18 * line < height_of(bubble) < 24 * line
    expect(short.get_by_role("button", name="Show more")).to_have_count(0)
    assert height_of(short.locator(".bubble")) > 20 * line
    long.get_by_role("button", name="Show more").click()
    assert height_of(bubble) > 59 * line
    long.get_by_role("button", name="Show less").click()
    assert height_of(bubble) < 24 * line


def test_what_an_edited_message_said_is_shown_to_its_author_and_owners(ada: Visitor, bob: Visitor, chat: str) -> None:
    eve_sees = bob.post(chat, "the first words")
    for text in ("the second words", "the third **words**"):
        bob.call("PATCH", f"/api/messages/{eve_sees['id']}", {"text": text})
    mine = ada.post(chat, "said by Ada")
    ada.call("PATCH", f"/api/messages/{mine['id']}", {"text": "said better by Ada"})
    bob.enter(chat)
    for visitor in (ada, bob):
        see(visitor, "the third words").get_by_role("button", name="edited: what it said before").click()
        dialog = visitor.page.get_by_role("dialog", name="What this message said")
        expect(dialog.locator("li .text")).to_have_text(["the third words", "the second words", "the first words"])
        expect(dialog.locator("li time")).to_have_count(3)
        visitor.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    expect(see(bob, "said better by Ada")).to_contain_text("edited")
    expect(see(bob, "said better by Ada").get_by_role("button", name="edited: what it said before")).to_have_count(0)


def test_a_deletion_is_undone_within_five_seconds_or_done_by_leaving(both: tuple[Visitor, Visitor], chat: str) -> None:
    ada, bob = both
    ada.say("last words")
    ada.sees("last words")
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url) if request.method == "DELETE" else None)
    ask_to_delete(ada, "first words").get_by_role("button", name="Delete").click()
    undo = ada.page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(ada.message("first words")).to_have_count(0)
    undo.press("Enter")
    ada.sees("first words")
    ask_to_delete(ada, "last words").get_by_role("button", name="Delete").click()
    expect(undo).to_be_visible()
    bob.sees("last words")
    assert asked == []
    ada.page.goto(f"{ada.url}/settings")
    expect(bob.message("This message was deleted.")).to_have_count(1)
    expect(bob.message("last words")).to_have_count(0)
    bob.sees("first words")


def test_a_link_to_a_message_is_copied_and_leads_there(ada: Visitor, chat: str) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.post(chat, "worth a link")
    for number in range(30):
        ada.post(chat, f"filler {number}")
    tool(see(ada, "worth a link"), "More").click()
    see(ada, "worth a link").get_by_role("button", name="Copy link").click()
    expect(ada.page.get_by_text("Link copied")).to_be_visible()
    link = ada.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{re.escape(ada.url)}/c/{chat}/\d+", link)
    ada.page.goto(link)
    expect(ada.message("worth a link")).to_be_in_viewport()
    expect(ada.message("worth a link")).to_contain_class("sought")


def test_who_reacted_and_when_something_was_said_is_told_to_pointer_and_keys(
    both: tuple[Visitor, Visitor], chat: str
) -> None:
    ada, bob = both
    message = ada.call("GET", f"/api/messages?chat={chat}")["messages"][0]
    bob.call("PUT", f"/api/messages/{message['id']}/reactions/🎉")
    row = ada.message("first words")
    reaction = row.get_by_role("button", name="🎉 1: Bob")
    tip = "each => getComputedStyle(each, '::after').display == 'block' && getComputedStyle(each, '::after').content"
    assert not reaction.evaluate(tip)
    reaction.hover()
    assert "Bob" in reaction.evaluate(tip)
    ada.composer.click()
    ada.page.get_by_role("log").focus()
    ada.page.keyboard.press("ArrowUp")
    expect(row).to_be_focused()
    when = row.locator("time").first
    exact = datetime.fromisoformat(message["created_at"])
    assert when.get_attribute("datetime") == message["created_at"]
    assert str(exact.year) in when.evaluate(tip)


def test_a_selection_over_messages_is_copied_as_a_line_for_each(ada: Visitor, bob: Visitor, chat: str) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bob.post(chat, "one **bold** word")
    bob.post(chat, "two lines\nof it")
    ada.post(chat, "and three")
    see(ada, "and three")
    ada.page.evaluate("""() => {
        const texts = [...document.querySelectorAll("article .text")];
        const walk = document.createTreeWalker(texts[0], NodeFilter.SHOW_TEXT);
        getSelection().setBaseAndExtent(walk.nextNode(), 2, texts[2].querySelector("p").firstChild, 3);
    }""")
    ada.page.keyboard.press("Control+c")
    copied = ada.page.evaluate("navigator.clipboard.readText()")
    time_ = r"\d{1,2}:\d\d(\s[AP]M)?"
    expected = rf"Bob, {time_}: e bold word\nBob, {time_}: two lines\nof it\nAda, {time_}: and"
    assert re.fullmatch(expected, copied), copied


@pytest.fixture
def phone(playwright: Playwright) -> dict[str, Any]:
    return {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}


def test_the_same_menu_opens_by_button_right_click_keys_and_a_long_press(
    visit: Visit, bob: Visitor, phone: dict[str, Any]
) -> None:
    desk, hand = visit("Ada"), visit("Ann", **phone)
    chat = desk.group("Garden", bob, hand)
    bob.post(chat, "what about this")
    desk.enter(chat)
    hand.enter(chat)
    row = see(desk, "what about this")
    offered = row.locator(".popover.menu").get_by_role("button", name="Copy link")
    for way in (lambda: tool(row, "More").click(), lambda: row.click(button="right"), lambda: by_keys(desk, row)):
        way()
        expect(offered).to_be_visible()
        desk.page.keyboard.press("Escape")
        expect(offered).to_have_count(0)
    row = see(hand, "what about this")
    press_long(hand.page, row.locator(".bubble"))
    sheet = row.locator(".popover.menu")
    expect(sheet.get_by_role("button", name="Reply", exact=True)).to_be_visible()
    place = sheet.bounding_box()
    assert place and place["x"] == 0 and place["width"] == phone["viewport"]["width"]
    assert place["y"] + place["height"] == phone["viewport"]["height"]
    sheet.get_by_role("button", name="React with 👍").tap()
    expect(row.get_by_role("button", name="👍 1: You")).to_be_visible()
    expect(sheet).to_be_hidden()


def by_keys(visitor: Visitor, row: Locator) -> None:
    visitor.page.get_by_role("log").focus()
    visitor.page.keyboard.press("ArrowUp")
    expect(row).to_be_focused()
    visitor.page.keyboard.press("ContextMenu")


def press_long(page: Page, where: Locator) -> None:
    """A finger that stays for more than half a second."""
    box = where.bounding_box()
    assert box
    touches = [{"x": box["x"] + 20, "y": box["y"] + box["height"] / 2}]
    devtools = page.context.new_cdp_session(page)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touches})
    page.wait_for_timeout(700)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
