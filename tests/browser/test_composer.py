"""Writing: the field grows, edits, completes names, marks words, warns, and takes what is typed anywhere."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Playwright, expect

from tests.browser.visitors import Visit, Visitor


def field(visitor: Visitor) -> Locator:
    """The composer, which is a combobox while something is offered."""
    return visitor.page.locator("#composer")


def offered(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("listbox", name=name).get_by_role("option")


def phone(playwright: Playwright) -> dict[str, Any]:
    return {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}


def select(visitor: Visitor, start: int, end: int) -> None:
    field(visitor).evaluate("(field, [start, end]) => field.setSelectionRange(start, end)", [start, end])


def test_enter_makes_a_line_and_ctrl_enter_sends_where_that_is_chosen_in_other_tabs_too(
    ada: Visitor, chat: str
) -> None:
    open_tab = ada.page
    settings = ada.new_page()
    settings.goto(f"{ada.url}/settings")
    settings.get_by_label("To send a message, press").select_option("off")
    settings.get_by_role("button", name="Save preferences").click()
    expect(settings.get_by_text("Saved.")).to_be_visible()
    ada.until(lambda: ada.call("GET", "/api/users/me")["preferences"]["enter_sends"] is False, "it is stored")

    def is_known() -> bool:
        field(ada).fill("one")
        field(ada).press("Enter")
        return field(ada).input_value() == "one\n"

    ada.until(is_known, "the open tab hears of it")
    assert open_tab is ada.page
    field(ada).press_sequentially("two")
    field(ada).press("Control+Enter")
    ada.sees("one\ntwo")
    expect(field(ada)).to_have_value("")
    ada.page.reload()
    field(ada).fill("three")
    field(ada).press("Enter")
    expect(field(ada)).to_have_value("three\n")


def test_on_a_touch_screen_enter_is_a_line_and_the_button_sends(visit: Visit, playwright: Playwright) -> None:
    ada = visit("Ada", **phone(playwright))
    ada.enter(ada.group("Garden"))
    field(ada).tap()
    ada.page.keyboard.type("one\ntwo")
    expect(field(ada)).to_have_value("one\ntwo")
    ada.page.get_by_role("button", name="Send").tap()
    ada.sees("one")


@pytest.mark.parametrize("sizing", [True, False], ids=["sized by the browser", "sized by script"])
def test_the_field_grows_to_two_fifths_of_the_height_and_then_scrolls(ada: Visitor, chat: str, sizing: bool) -> None:
    if not sizing:
        ada.page.add_init_script(
            "CSS.supports = () => false; addEventListener('DOMContentLoaded', () => {"
            "const sheet = new CSSStyleSheet(); sheet.replaceSync('textarea { field-sizing: fixed !important }');"
            "document.adoptedStyleSheets.push(sheet); })"
        )
        ada.page.reload()
    heights = []
    for lines in (1, 4, 60):
        field(ada).fill("\n".join(["line"] * lines))
        heights.append((field(ada).bounding_box() or {})["height"])
    viewport = (ada.page.viewport_size or {})["height"]
    assert heights[0] < heights[1] < heights[2] <= 0.4 * viewport + 1, heights
    assert heights[2] > 0.38 * viewport
    assert field(ada).evaluate("field => field.scrollHeight > field.clientHeight")
    field(ada).fill("")
    assert (field(ada).bounding_box() or {})["height"] == heights[0]


def test_up_in_an_empty_field_edits_the_last_own_message_and_only_there(ada: Visitor, bob: Visitor, chat: str) -> None:
    bob.post(chat, "first of his")
    ada.say("hers")
    ada.sees("hers")
    bob.post(chat, "last of his")
    ada.sees("last of his")
    field(ada).fill("something")
    field(ada).press("ArrowUp")
    expect(field(ada)).to_have_value("something")
    expect(ada.page.get_by_text("Editing a message")).to_have_count(0)
    field(ada).fill("")
    field(ada).press("ArrowUp")
    expect(ada.page.get_by_text("Editing a message")).to_be_visible()
    expect(field(ada)).to_have_value("hers")
    field(ada).fill("changed")
    field(ada).press("Escape")
    expect(field(ada)).to_have_value("")
    ada.sees("hers")
    field(ada).press("ArrowUp")
    field(ada).fill("hers, mended")
    field(ada).press("Enter")
    expect(ada.message("hers, mended")).to_contain_text("edited")
    expect(field(ada)).to_have_value("")


def test_people_are_offered_members_first_and_whoever_is_called_is_told(
    ada: Visitor, bob: Visitor, visit: Visit, chat: str
) -> None:
    visit("Bobby")
    bob.enter(bob.group("Elsewhere"))
    field(ada).press_sequentially("hello @bob")
    people = offered(ada, "People")
    expect(people.nth(1)).to_contain_text("· not in this chat")
    expect(people.nth(0)).to_have_text(re.compile(f"Bob @{bob.username}$"))
    box = ada.page.get_by_role("combobox", name="Message Garden")
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(box).to_have_attribute("aria-activedescendant", people.nth(0).get_attribute("id") or "")
    field(ada).press("Escape")
    expect(people).to_have_count(0)
    expect(field(ada)).to_have_value("hello @bob")
    field(ada).press("Backspace")
    expect(people.nth(0)).to_have_attribute("aria-selected", "true")
    field(ada).press("Tab")
    expect(field(ada)).to_have_value(f"hello @{bob.username} ")
    field(ada).press("Control+z")
    expect(field(ada)).to_have_value("hello @bo")
    field(ada).press("End")  # undone, the words that were replaced are chosen
    expect(people.nth(0)).to_contain_text(f"@{bob.username}")
    field(ada).press("Enter")
    expect(field(ada)).to_have_value(f"hello @{bob.username} ")
    field(ada).press("Enter")
    name = ada.message("hello").locator(".mention")
    expect(name).to_have_text(f"@{bob.username}")
    expect(name).not_to_have_class(re.compile("own"))
    line = bob.page.get_by_role("link", name=re.compile("Garden"))
    expect(line).to_contain_text("1 mention of you")
    expect(bob.page).to_have_title(re.compile(r"^\(@1\)"))
    line.click()
    expect(bob.message("hello").locator(".mention")).to_have_class("mention own")
    expect(line).not_to_contain_text("mention of you")


def test_chats_and_emoji_are_offered_where_they_are_named(ada: Visitor, chat: str) -> None:
    ada.group("Kitchen table")
    ada.page.reload()
    field(ada).press_sequentially("see #kit")
    expect(offered(ada, "Chats")).to_have_count(1)
    field(ada).press("Enter")
    expect(field(ada)).to_have_value("see #Kitchen table ")
    field(ada).press_sequentially(":tad")
    expect(offered(ada, "Emoji").first).to_contain_text("🎉:tada:")
    field(ada).press("ArrowDown")
    expect(offered(ada, "Emoji").nth(1)).to_have_attribute("aria-selected", "true")
    field(ada).press("ArrowUp")
    field(ada).press("Enter")
    expect(field(ada)).to_have_value("see #Kitchen table 🎉")
    field(ada).press_sequentially(" :+1: `:+1:` 10:30:00")
    expect(field(ada)).to_have_value("see #Kitchen table 🎉 👍 `:+1:` 10:30:00")
    field(ada).fill("pasted :heart: whole")
    field(ada).press("Enter")
    ada.sees("pasted ❤️ whole")


def test_emoji_are_picked_by_name_group_and_skin_tone_and_remembered(ada: Visitor, chat: str) -> None:
    field(ada).fill("well done ")
    button = ada.page.locator(".composer").get_by_role("button", name="Emoji")
    button.click()
    search = ada.page.get_by_role("searchbox", name="Find an emoji")
    expect(search).to_be_focused()
    smileys = ada.page.get_by_role("group", name="Smileys")
    expect(smileys.get_by_role("button", name="grinning face", exact=True)).to_be_visible()
    ada.page.get_by_role("button", name="Medium dark").click()
    search.fill("thumbs up")
    expect(ada.page.get_by_role("group", name="Found emoji").get_by_role("button").first).to_have_text("👍🏾")
    search.press("Enter")
    expect(field(ada)).to_have_value("well done 👍🏾")
    expect(field(ada)).to_be_focused()
    button.click()
    used = ada.page.get_by_role("group", name="Used last").get_by_role("button")
    expect(used).to_have_text(["👍🏾"])
    ada.page.get_by_role("button", name="Flags").click()
    flags = ada.page.get_by_role("group", name="Flags").get_by_role("button")
    search.press("ArrowDown")
    expect(flags.nth(0)).to_be_focused()
    ada.page.keyboard.press("ArrowRight")
    expect(flags.nth(1)).to_be_focused()
    ada.page.keyboard.press("ArrowDown")
    below = ada.page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert below > (flags.nth(1).bounding_box() or {})["y"] + 20
    for _ in range(2):
        ada.page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(search).to_be_hidden()
    expect(button).to_be_focused()


def test_words_are_marked_by_keys_and_undone(ada: Visitor, chat: str) -> None:
    field(ada).press_sequentially("make it so")
    for keys, marked in (
        ("Control+b", "make **it** so"),
        ("Control+i", "make *it* so"),
        ("Control+Shift+C", "make `it` so"),
        ("Control+Shift+K", "make [it](https://) so"),
    ):
        select(ada, 5, 7)
        field(ada).press(keys)
        expect(field(ada)).to_have_value(marked)
        if "K" not in keys:  # the same words are still chosen: once more takes the mark away
            field(ada).press(keys)
            expect(field(ada)).to_have_value("make it so")
            field(ada).press("Control+z")
        field(ada).press("Control+z")
        expect(field(ada)).to_have_value("make it so")
    select(ada, 5, 7)
    paste(ada, "https://example.org/a_(b)")
    expect(field(ada)).to_have_value("make [it](https://example.org/a_%28b%29) so")
    field(ada).press("Control+z")
    expect(field(ada)).to_have_value("make it so")


def paste(visitor: Visitor, text: str) -> None:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    field(visitor).press("Control+v")


def test_the_limit_is_shown_in_time_and_too_long_a_text_can_go_as_a_file(ada: Visitor, chat: str) -> None:
    left = ada.page.locator(".room-left")
    field(ada).fill("x" * 14_399)
    expect(left).to_have_count(0)
    field(ada).fill("x" * 14_400)
    expect(left).to_have_text("1,600 characters left")
    field(ada).fill("word " * 3_300)
    expect(left).to_contain_text("500 characters too long")
    expect(ada.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    left.get_by_role("button", name="Send as a file").click()
    expect(field(ada)).to_have_value("")
    expect(ada.page.locator(".chip")).to_contain_text("message.txt")
    ada.say("see there")
    expect(ada.message("see there")).to_contain_text("message.txt")


def test_calling_everybody_in_a_large_group_is_warned_of(ada: Visitor, newcomer: Visit, visit: Visit) -> None:
    others = [visit(f"Member{number}") for number in range(10)]
    small, large = ada.group("Few", *others[:9]), ada.group("Many", *others)
    ada.enter(small)
    field(ada).fill("@all")
    expect(field(ada)).to_have_value("@all")
    expect(ada.page.get_by_text("This calls all")).to_have_count(0)
    ada.enter(large)
    field(ada).fill("dear @all")
    expect(ada.page.get_by_text("This calls all 11 people here.")).to_be_visible()
    field(ada).fill("mail@all `@all`")
    expect(ada.page.get_by_text("This calls all")).to_have_count(0)


def test_what_is_typed_where_nothing_takes_it_goes_to_the_composer(ada: Visitor, chat: str) -> None:
    ada.say("something")
    ada.sees("something")
    ada.page.locator(":focus").evaluate("element => element.blur()")
    ada.page.keyboard.type("hello")
    expect(field(ada)).to_have_value("hello")
    expect(field(ada)).to_be_focused()
    ada.page.get_by_role("article").last.focus()
    ada.page.keyboard.press("Control+c")
    expect(field(ada)).not_to_be_focused()
    ada.page.keyboard.type("!")
    expect(field(ada)).to_have_value("hello!")
    ada.page.get_by_role("searchbox").first.focus()
    ada.page.keyboard.type("x")
    expect(field(ada)).to_have_value("hello!")
