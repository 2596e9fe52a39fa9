"""Getting about: by keys, by the address, by the list of chats; and who is here."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.visitors import Visit, Visitor
from tests.whole import WholeRun

FOCUSED = "() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
# The row at the top of the messages, and how far it stands below their upper edge.
TOP_ROW = """() => {
    const top = document.querySelector(".log").getBoundingClientRect().top;
    const rows = [...document.querySelectorAll(".log [data-seq]")];
    const row = rows.find(each => each.getBoundingClientRect().bottom > top);
    return [row.dataset.seq, Math.round(row.getBoundingClientRect().top - top)];
}"""
# Counts the frames in which no message is shown.
WATCH = """() => {
    window.frames = window.blank = 0;
    const look = () => {
        window.frames++;
        if (!document.querySelector(".log article")) window.blank++;
        requestAnimationFrame(look);
    };
    look();
}"""
# Counts how often nobody in the list was here.
NOTE_GONE = """() => {
    window.gone = 0;
    const list = document.querySelector(".chats");
    const look = () => { if (!list.querySelector(".online, .away")) window.gone++; };
    new MutationObserver(look).observe(list, {subtree: true, childList: true});
}"""


@pytest.fixture(scope="module")
def people(browser: Browser, whole: WholeRun) -> Iterator[dict[str, Visitor]]:
    """Ada with three groups and a direct chat, each with words in it; the others wrote in Kitchen and Garden."""
    ada, bob, cook = (Visitor(browser, whole.url, name) for name in ("Ada", "Bob", "Cook"))
    for visitor in (ada, bob, cook):
        visitor.register()
    yield {"ada": ada, "bob": bob, "cook": cook}
    for visitor in (ada, bob, cook):
        visitor.context.close()
        assert visitor.problems == []


@pytest.fixture
def chats(people: dict[str, Visitor]) -> dict[str, str]:
    """Ids by name; the newest words stand in Kitchen, then Garden, Attic, and those of Bob."""
    ada, bob = people["ada"], people["bob"]
    direct = str(ada.call("POST", "/api/chats", {"kind": "direct", "user_id": bob.id})["id"])
    made = {"Bob": direct} | {name: ada.group(name, bob) for name in ("Attic", "Garden", "Kitchen")}
    for name, chat in made.items():
        ada.post(chat, f"first words of {name}")
    return made


def lines(page: Page) -> list[str]:
    return [name for name in page.locator(".chat-line .name").all_inner_texts() if name != "Cook"]


def line_of(page: Page, name: str) -> Locator:
    return page.locator(".chat-line", has=page.locator(".name", has_text=re.compile(f"^{name}$"))).first


def forget(ada: Visitor) -> None:
    """So that each test has its own chats alone: closes what earlier ones made."""
    for chat in ada.call("GET", "/api/chats")["chats"]:
        ada.call("DELETE", f"/api/chats/{chat['id']}")


@pytest.fixture(autouse=True)
def alone(people: dict[str, Visitor]) -> Iterator[None]:
    yield
    forget(people["ada"])


def test_keys_lead_to_any_chat_or_person_and_back(people: dict[str, Visitor], chats: dict[str, str]) -> None:
    ada, bob, cook = people["ada"], people["bob"], people["cook"]
    bob.post(chats["Attic"], "unread here")
    page = ada.page
    ada.enter(chats["Kitchen"])
    page.get_by_role("log").focus()  # its own arrows must not take those with Alt
    for keys, name in (
        ("Alt+ArrowDown", "Garden"),
        ("Alt+ArrowUp", "Kitchen"),
        ("Alt+ArrowUp", "Attic"),
    ):
        if name == "Attic":  # it has moved up, as something new stands in it
            expect(line_of(page, "Attic").locator(".count")).to_contain_text("1")
        page.keyboard.press(keys)
        ada.is_in(name)
    ada.until(lambda: ada.call("GET", f"/api/chats/{chats['Attic']}")["unread"] == 0, "Attic is read")
    ada.enter(chats["Kitchen"])
    bob.post(chats["Bob"], "and here")
    expect(line_of(page, "Bob").locator(".count")).to_be_attached()
    page.keyboard.press("Alt+Shift+ArrowDown")
    ada.is_in("Bob")
    page.keyboard.press("Alt+Shift+ArrowDown")  # nothing else waits
    ada.is_in("Bob")

    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Name of a chat or person")
    options = page.get_by_role("option")
    expect(box).to_be_focused()
    expect(options.first).to_contain_text("Kitchen")  # where one comes from
    box.fill("atic")
    expect(options).to_have_count(1)
    expect(options).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.get_attribute("id")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    ada.is_in("Bob")
    page.keyboard.press("Control+k")
    box.fill("a")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    ada.is_in("Attic")
    bob.post(chats["Garden"], "now")
    expect(line_of(page, "Garden").locator(".count")).to_contain_text("1")
    page.keyboard.press("Control+k")
    expect(options.filter(has_text="Garden").locator(".count")).to_contain_text("1 unread message")
    box.fill(cook.username)  # no chat with Cook yet
    expect(options.filter(has_text="Cook")).to_have_count(1)
    page.keyboard.press("Enter")
    ada.is_in("Cook")


def test_f6_goes_through_the_parts_of_the_page_and_dialogs_give_the_focus_back(
    people: dict[str, Visitor], chats: dict[str, str]
) -> None:
    ada = people["ada"]
    page = ada.page
    ada.enter(chats["Garden"])
    expect(ada.composer).to_be_focused()
    seen = []
    for keys in ("F6", "F6", "F6", "Shift+F6"):
        page.keyboard.press(keys)
        seen.append(str(page.evaluate(FOCUSED)).split()[0])
    assert seen == ["chat-line", "log", "composer", "log"]
    page.reload()
    expect(ada.composer).to_be_visible()
    page.evaluate("() => document.activeElement.blur()")
    page.evaluate("() => document.body.firstElementChild.focus()")
    page.keyboard.press("Tab")
    skip = page.get_by_role("button", name="Skip to the chat")
    skip.focus()
    expect(skip).to_be_in_viewport()
    assert page.evaluate("() => document.querySelector('a, button, input') === document.activeElement")
    page.keyboard.press("Enter")
    expect(ada.composer).to_be_focused()

    for name, inside in (("New chat", "dialog"), ("Your menu", "popover"), ("More about this chat", "popover")):
        opener = page.get_by_role("button", name=name).first
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]" if inside == "dialog" else ":popover-open.placed")).to_be_visible()
        page.wait_for_function("() => document.activeElement.closest('dialog, [popover]') !== null")
        page.keyboard.press("Escape")
        expect(opener).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="More about this chat")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    ada.composer.focus()
    page.keyboard.type("?")
    expect(ada.composer).to_have_value("?")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    ada.composer.fill("")

    page.goto(f"{ada.url}/settings")
    page.get_by_label("Single keys as shortcuts").select_option("off")
    page.get_by_role("button", name="Save look").click()
    ada.enter(chats["Garden"])
    page.get_by_role("log").focus()
    page.keyboard.press("?")
    expect(ada.composer).to_have_value("?")  # no shortcut any more, but what is typed anywhere
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(ada.composer).to_be_focused()
    ada.composer.fill("")


# Again and again: a page that is still settling at the end of the log goes back there.
SCROLLED = """() => {
    if (!history.state?.place) document.querySelector("[role=log]").scrollTop = 900;
    return history.state?.place;
}"""


def test_back_and_forward_lead_to_chat_place_and_panel(people: dict[str, Visitor], chats: dict[str, str]) -> None:
    ada, page = people["ada"], people["ada"].page
    for number in range(40):
        ada.post(chats["Garden"], f"line {number}\n\nand more of it")
    ada.enter(chats["Garden"])
    ada.sees("line 39")
    ada.until(lambda: page.evaluate(SCROLLED), "its place is kept")
    place = page.evaluate(TOP_ROW)
    ada.open_chat("Kitchen")
    assert page.url.endswith(chats["Kitchen"])
    page.go_back()
    ada.is_in("Garden")
    page.wait_for_function(
        f"([seq, top]) => {{ const now = ({TOP_ROW})(); return now[0] === seq && Math.abs(now[1] - top) <= 1; }}",
        arg=place,
    )
    page.go_forward()
    ada.is_in("Kitchen")
    page.go_back()
    ada.is_in("Garden")
    page.get_by_role("link", name="Chat settings").click()
    expect(page.get_by_role("heading", name="Garden")).to_be_visible()
    page.go_back()  # the page is loaded anew
    ada.is_in("Garden")
    page.wait_for_function(
        f"([seq, top]) => {{ const now = ({TOP_ROW})(); return now[0] === seq && Math.abs(now[1] - top) <= 1; }}",
        arg=place,
    )


def test_a_chat_that_is_known_is_shown_without_an_empty_moment(
    people: dict[str, Visitor], chats: dict[str, str]
) -> None:
    ada, page = people["ada"], people["ada"].page
    ada.enter(chats["Garden"])
    ada.sees("first words of Garden")
    ada.open_chat("Kitchen")
    ada.sees("first words of Kitchen")
    page.evaluate(WATCH)
    held = []
    page.route(re.compile(r"/api/chats/\w+"), lambda route: held.append(route))  # nothing is answered meanwhile
    for name in ("Garden", "Kitchen", "Garden"):
        line_of(page, name).click()
        ada.sees(f"first words of {name}")
    page.wait_for_function("() => window.frames > 20")
    assert page.evaluate("() => window.blank") == 0
    assert held
    page.unroute_all()


def test_the_list_has_sections_and_stands_still_under_the_pointer(
    people: dict[str, Visitor], chats: dict[str, str]
) -> None:
    ada, bob = people["ada"], people["bob"]
    page = ada.page
    ada.enter(chats["Garden"])
    other = ada.new_page()
    other.goto(f"{ada.url}/c/{chats['Kitchen']}")
    headings = page.locator(".fold h2")
    expect(headings).to_have_text(["Groups", "Direct"])
    page.get_by_role("button", name="More about this chat").click()
    page.get_by_role("button", name="Add to favourites").click()
    for each in (page, other):
        expect(each.locator(".fold h2")).to_have_text(["Favourites", "Groups", "Direct"])
    assert lines(page) == ["Garden", "Kitchen", "Attic", "Bob"]
    page.get_by_role("button", name="Groups").click()
    expect(line_of(page, "Kitchen")).to_be_hidden()
    bob.post(chats["Attic"], "while it is folded")
    expect(page.get_by_role("button", name=re.compile("Groups.*1 chat with unread"))).to_be_visible()
    page.reload()
    expect(line_of(page, "Kitchen")).to_be_hidden()
    page.get_by_role("button", name=re.compile("Groups")).click()
    expect(line_of(page, "Kitchen")).to_be_visible()

    assert lines(page) == ["Garden", "Attic", "Kitchen", "Bob"]
    line_of(page, "Attic").hover()
    bob.post(chats["Kitchen"], "new, but somebody is about to press")
    expect(line_of(page, "Kitchen")).to_contain_text("new, but")
    assert lines(page) == ["Garden", "Attic", "Kitchen", "Bob"]
    page.mouse.move(900, 300)
    expect(page.locator(".chat-line .name").nth(1)).to_have_text("Kitchen")

    other.get_by_role("button", name="More about this chat").click()
    other.get_by_role("button", name="Mute", exact=True).click()
    expect(line_of(page, "Kitchen").get_by_text("Muted", exact=True)).to_be_attached()
    expect(line_of(page, "Kitchen").locator(".count")).to_have_count(0)
    other.close()


def test_others_see_who_is_here_who_is_away_and_who_has_gone(
    people: dict[str, Visitor], chats: dict[str, str], visit: Visit
) -> None:
    ada, bob = people["ada"], people["bob"]
    ada.enter(chats["Garden"])
    seen = line_of(ada.page, "Bob")
    page = bob.page
    page.clock.install()
    page.goto(f"{bob.url}/c/{chats['Garden']}")
    expect(seen.get_by_text("Online", exact=True)).to_be_attached()
    ada.page.evaluate(NOTE_GONE)
    page.reload()
    expect(bob.composer).to_be_visible()
    page.clock.fast_forward("05:01")
    expect(seen.get_by_text("Away", exact=True)).to_be_attached()
    assert ada.page.evaluate("() => window.gone") == 0  # a reload is no leaving
    page.keyboard.press("Shift")
    expect(seen.get_by_text("Online", exact=True)).to_be_attached()
    page.close()
    expect(seen.locator(".online, .away")).to_have_count(0)
