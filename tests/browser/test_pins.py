"""Pinned messages, which all members see, and saved ones, which are one's own: marked in the log, listed in panels."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_looks import faults
from tests.browser.visitors import Visit, Visitor


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name=name)


def item(page: Page, name: str, text: str) -> Locator:
    return panel(page, name).get_by_role("listitem").filter(has_text=text)


def in_log(page: Page, text: str) -> Locator:
    return page.locator("main .log").get_by_role("article").filter(has_text=text)


def act(page: Page, text: str, what: str) -> None:
    """By the menu of a message, as keys and touch open it too."""
    message = in_log(page, text)
    message.focus()
    message.get_by_role("button", name="More").click()
    message.get_by_role("button", name=what, exact=True).click()


def open_pins(page: Page) -> None:
    page.get_by_role("button", name="More about this chat").click()
    page.get_by_role("button", name="Pinned messages").click()


def is_clean_in_both_themes(visitor: Visitor) -> None:
    visitor.page.emulate_media(color_scheme="light")
    assert faults(visitor.page) == []
    visitor.page.emulate_media(color_scheme="dark")
    assert faults(visitor.page) == []


@pytest.fixture
def both(ada: Visitor, bob: Visitor, chat: str) -> tuple[Visitor, Visitor]:
    ada.post(chat, "lunch at **noon**")
    for number in range(40):
        ada.post(chat, f"of other things {number}")
    bob.enter(chat)
    for visitor in (ada, bob):
        visitor.sees("of other things 39")
        visitor.is_live()
    return ada, bob


def test_what_one_pins_the_other_sees_at_once_goes_to_and_unpins(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    open_pins(bob.page)
    expect(panel(bob.page, "Pinned messages")).to_be_focused()
    expect(panel(bob.page, "Pinned messages")).to_contain_text("Nothing is pinned here yet")
    message = in_log(ada.page, "lunch at noon")
    before = message.bounding_box()
    act(ada.page, "lunch at noon", "Pin for everybody")
    expect(message).to_have_accessible_name(re.compile("pinned$"))
    after = message.bounding_box()
    assert before and after and before["height"] == after["height"]
    listed = item(bob.page, "Pinned messages", "lunch at noon")
    expect(listed).to_contain_text("Pinned by Ada")
    is_clean_in_both_themes(bob)

    listed.get_by_role("link").click()
    expect(in_log(bob.page, "lunch at noon")).to_have_class(re.compile("sought"))
    expect(in_log(bob.page, "lunch at noon")).to_be_in_viewport()
    bob.page.reload()
    expect(listed).to_have_count(1)
    listed.get_by_role("button", name="Unpin").press("Enter")
    expect(listed).to_have_count(0)
    expect(panel(bob.page, "Pinned messages")).to_be_focused()
    expect(in_log(ada.page, "lunch at noon")).not_to_have_accessible_name(re.compile("pinned"))

    act(ada.page, "of other things 39", "Pin for everybody")
    gone = item(bob.page, "Pinned messages", "of other things 39")
    expect(gone).to_have_count(1)
    in_log(ada.page, "of other things 39").get_by_role("button", name="More").click()
    in_log(ada.page, "of other things 39").get_by_role("button", name="Delete").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(gone).to_have_count(0)
    bob.page.keyboard.press("Escape")
    expect(panel(bob.page, "Pinned messages")).to_have_count(0)


def test_what_one_saves_is_ones_own_in_every_tab_and_leads_to_its_chat(both: tuple[Visitor, Visitor]) -> None:
    ada, bob = both
    other = bob.new_page()
    other.goto(f"{bob.url}/c?panel=saved")
    expect(panel(other, "Saved")).to_contain_text("Nothing is saved yet")
    act(bob.page, "lunch at noon", "Save for later")
    expect(in_log(bob.page, "lunch at noon")).to_have_accessible_name(re.compile("saved$"))
    there = item(other, "Saved", "lunch at noon")
    expect(there).to_contain_text("Garden")
    assert ada.call("GET", "/api/saved/ids") == {"ids": []}
    there.get_by_role("link").click()
    expect(in_log(other, "lunch at noon")).to_have_class(re.compile("sought"))
    expect(in_log(other, "lunch at noon")).to_have_accessible_name(re.compile("saved$"))
    expect(there).to_have_count(1)

    entry = bob.page.get_by_role("button", name="Saved", exact=True)
    entry.press("Enter")
    expect(panel(bob.page, "Saved")).to_be_focused()
    is_clean_in_both_themes(bob)
    for name in ("Close panel", "lunch at noon", "Take out of saved"):
        bob.page.keyboard.press("Tab")
        expect(bob.page.locator(":focus")).to_have_accessible_name(re.compile(name))
    bob.page.keyboard.press("Enter")
    for page in (bob.page, other):
        expect(panel(page, "Saved")).to_contain_text("Nothing is saved yet")
        expect(in_log(page, "lunch at noon")).not_to_have_accessible_name(re.compile("saved$"))
    bob.page.keyboard.press("Escape")
    expect(entry).to_be_focused()


def test_on_a_phone_both_panels_take_the_screen_and_lead_back_to_the_message(ada: Visitor, visit: Visit) -> None:
    cat = visit("Cat", viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    chat = ada.group("Garden", cat)
    ada.post(chat, "lunch at noon")
    cat.enter(chat)
    cat.is_live()
    for deed in ("Pin for everybody", "Save for later"):
        act(cat.page, "lunch at noon", deed)
    for name in ("Pinned messages", "Saved"):
        if name == "Saved":
            cat.page.get_by_role("link", name="Back to all chats").click()
            cat.page.get_by_role("button", name="Saved", exact=True).tap()
        else:
            open_pins(cat.page)
        expect(item(cat.page, name, "lunch at noon")).to_have_count(1)
        box = panel(cat.page, name).bounding_box()
        assert box and (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 800)
        is_clean_in_both_themes(cat)
        item(cat.page, name, "lunch at noon").get_by_role("link").tap()
        expect(in_log(cat.page, "lunch at noon")).to_have_class(re.compile("sought"))
        expect(panel(cat.page, name)).to_have_count(0)


def say_later(route: Route) -> None:
    route.fulfill(status=503, json={"error": {"code": "away", "message": "Later."}})


def test_a_list_that_does_not_come_says_why_and_is_asked_for_again(ada: Visitor, chat: str) -> None:
    for name, path in (("Pinned messages", f"/c/{chat}?panel=pins"), ("Saved", f"/c/{chat}?panel=saved")):
        away = re.compile(r"/api/(chats/\w+/pins|saved\?)")
        ada.page.route(away, say_later)
        ada.page.goto(ada.url + path)
        expect(panel(ada.page, name).get_by_role("alert")).to_contain_text("Later.")
        ada.page.unroute(away)
        panel(ada.page, name).get_by_role("button", name="Retry").click()
        expect(panel(ada.page, name)).to_contain_text("yet")
