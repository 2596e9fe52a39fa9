"""Where the reader's system chooses all colours, what was told by a colour is told by an edge."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_looks import faults
from tests.browser.visitors import Visit

# How wide the line around it is, in pixels: its edge, or the mark of its focus or choice.
LINE = """each => {
    const {borderTopStyle, borderTopWidth, outlineStyle, outlineWidth} = getComputedStyle(each);
    const width = (style, size) => ["none", "hidden"].includes(style) ? 0 : parseFloat(size);
    return {edge: width(borderTopStyle, borderTopWidth), ring: width(outlineStyle, outlineWidth)};
}"""


def lines(place: Locator) -> dict[str, float]:
    found: dict[str, float] = place.evaluate(LINE)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_focus_choice_and_buttons_are_seen_without_a_colour_of_ours(visit: Visit, scheme: str) -> None:
    ada = visit("Ada", forced_colors="active", color_scheme=scheme)
    bob = visit("Bob")
    attic, garden = ada.group("Attic", bob), ada.group("Garden", bob)
    bob.post(attic, "one unread")
    said = ada.post(garden, "with a reaction")
    for person in (ada, bob):
        person.call("PUT", f"/api/messages/{said['id']}/reactions/🎉")
    ada.enter(garden)
    page, chats = ada.page, ada.page.get_by_role("navigation", name="Chats")
    chosen, other = chats.get_by_role("link", name="Garden"), chats.get_by_role("link", name="Attic")
    assert lines(chosen)["ring"] >= 2 and lines(other)["ring"] == 0
    assert lines(other.locator(".count"))["edge"] >= 1
    assert lines(ada.message("with a reaction").locator(".bubble"))["edge"] >= 1
    assert lines(page.get_by_role("button", name="🎉 2"))["edge"] >= 1
    places = [other, page.get_by_role("button", name="New chat").first, page.get_by_role("button", name="Send")]
    ada.composer.fill("so that it can be sent")
    page.keyboard.press("Tab")  # from now on by keys
    for place in (*places, ada.message("with a reaction")):
        place.focus()
        assert lines(place)["ring"] >= 2, place
    assert faults(page) == []
    page.keyboard.press("Control+k")
    switcher = page.get_by_role("dialog")
    expect(switcher.get_by_role("option").first).to_be_visible()
    assert lines(switcher.locator("[aria-selected=true]"))["ring"] >= 2
    assert lines(switcher)["edge"] >= 1
    page.goto(f"{ada.url}/settings")
    buttons = page.locator("main .button:visible")
    for button in buttons.all():
        assert lines(button)["edge"] >= 1, button.inner_text()
    page.keyboard.press("Tab")
    buttons.first.focus()
    assert lines(buttons.first)["ring"] >= 2
    ada.enter(garden)
