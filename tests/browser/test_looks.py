"""How the pages are for everybody: on a phone, in the dark, read aloud, on a slow line."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.albums import as_file, show, still, upload
from tests.browser.visitors import PASSWORD, Visit, Visitor
from tests.whole import WholeRun

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FAULTS = """async rules => {
    const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
    return violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`);
}"""
LOOKS: list[tuple[Literal["light", "dark"], str]] = [
    (scheme, theme) for scheme in ("light", "dark") for theme in ("system", "contrast")
]
# The bytes of all scripts that were asked for before the page's own first look at the chat.
FIRST_SCRIPTS = """() => {
    const [shown] = performance.getEntriesByName("first-view");
    return performance.getEntriesByType("resource")
        .filter(each => each.name.endsWith(".js") && each.startTime < shown.startTime)
        .reduce((sum, each) => sum + each.encodedBodySize, 0);
}"""
# What scrolls sideways, but for code and tables, and what one could not press; to either side.
TOO_WIDE = """() => [...document.querySelectorAll("html, body *")].filter(each =>
    !each.closest("pre, table, .scroll, [popover]") && (
        each.matches("a, button, input, textarea") && each.checkVisibility() && !each.closest(".hidden") &&
            (each.getBoundingClientRect().right > innerWidth + 1 || each.getBoundingClientRect().left < -1) ||
        each.scrollWidth > each.clientWidth + 1 &&
            (each.matches("html") || /auto|scroll/.test(getComputedStyle(each).overflowX))
    )).map(each => each.outerHTML.slice(0, 120))"""

# What a finger would miss: less than 44 px, but for words in a line of text, and what is covered.
TOO_SMALL = """() => {
    const hit = (each, across, down) => {
        const {left, top, width, height} = each.getBoundingClientRect();
        const there = document.elementFromPoint(left + width / 2 + across, top + height / 2 + down);
        return each.contains(there);
    };
    const above = [...document.querySelectorAll("dialog:modal, :popover-open")];
    const large = ({width, height}) => width >= 43.5 && height >= 43.5;
    const targets = "a, button, input, select, textarea, summary, [role=button]";
    return [...document.querySelectorAll(targets)].filter(each => {
        const {width} = each.getBoundingClientRect();
        if (!each.checkVisibility({opacityProperty: true, visibilityProperty: true}) || each.disabled) return false;
        if (width <= 1 || above.some(cover => !cover.contains(each))) return false;
        if ([each, ...(each.labels ?? [])].some(target => large(target.getBoundingClientRect()))) return false;
        if (each.closest(".hidden, .text, p, td, th, dd, [popover]:not(:popover-open)")) return false;
        each.scrollIntoView({block: "center"});
        const ends = [[0, -21], [0, 21], ...(width >= 43.5 ? [] : [[-21, 0], [21, 0]])];
        return !ends.every(([across, down]) => hit(each, across, down));
    }).map(each => {
        const {width, height} = each.getBoundingClientRect();
        return `${Math.round(width)}x${Math.round(height)} ${each.outerHTML.slice(0, 110)}`;
    });
}"""
# What a phone would enlarge the page for when one types into it.
ENLARGED = """() => [...document.querySelectorAll("textarea, select, input")]
    .filter(each => !["checkbox", "radio", "range", "file"].includes(each.type))
    .filter(each => each.checkVisibility() && parseFloat(getComputedStyle(each).fontSize) < 16)
    .map(each => each.outerHTML.slice(0, 110))"""


def faults(page: Page) -> list[str]:
    """What axe finds wrong on the page as it is now."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(FAULTS, RULES)
    return found


@pytest.fixture(scope="module")
def keeper(browser: Browser, whole: WholeRun) -> Iterator[Visitor]:
    """An admin, in a group in which all kinds of messages stand. `id` is the group's."""
    visitor = Visitor(browser, whole.url, "Keeper")
    made = whole.command("admin", "create", f"{visitor.username}@example.org", visitor.username, said=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    answer = visitor.call("POST", "/api/auth/login", {"login": visitor.username, "password": PASSWORD})
    visitor.csrf = answer["csrf_token"]
    visitor.id = visitor.group("Garden")
    visitor.group("Empty")
    friend = Visitor(browser, whole.url, "Friend")
    friend.register()
    visitor.call("POST", f"/api/chats/{visitor.id}/members", {"user_ids": [friend.id]})
    first = friend.post(
        visitor.id, "A [link](https://example.org), `code` and\n\n> a quote\n\n```\n" + "wide " * 60 + "\n```"
    )
    friend.call("PUT", f"/api/messages/{first['id']}/reactions/🎉")
    visitor.call("PUT", f"/api/messages/{first['id']}/reactions/🎉")
    visitor.call("DELETE", f"/api/messages/{visitor.post(visitor.id, 'gone')['id']}")
    edited = visitor.post(visitor.id, "| a | table |\n|---|---|\n| " + "w" * 80 + " | x |")
    visitor.call("PATCH", f"/api/messages/{edited['id']}", {"text": edited["text"] + "!"})
    visitor.call(
        "POST",
        "/api/messages",
        {"chat_id": visitor.id, "client_id": secrets.token_hex(8), "text": "a" * 90, "reply_to": first["id"]},
    )
    for kept in ("pin", "saved"):
        visitor.call("PUT", f"/api/messages/{first['id']}/{kept}")
    visitor.call("POST", f"/api/chats/{visitor.id}/webhooks", {"kind": "incoming", "name": "Builds"})
    show(visitor, visitor.id, "the sky", upload(visitor, still(), "sky.jpg"))
    yield visitor
    visitor.context.close()
    friend.context.close()


def look_at(page: Page, keeper: Visitor) -> Iterator[str]:
    """Opens one page after the other, then what opens above the chat; gives the name of each."""
    chat = f"/c/{keeper.id}"
    (hook,) = keeper.call("GET", f"/api/chats/{keeper.id}/webhooks")["webhooks"]
    own = keeper.call("GET", "/api/users/me")["id"]
    parts = ("", "/users", "/chats", "/webhooks", "/maintenance", "/dead", "/settings")
    places = ["/c", chat, "/settings", "/chats/new", f"{chat}/settings", f"{chat}/settings/webhooks/{hook['id']}"]
    for path in [*places, *(f"/admin{part}" for part in parts), f"/admin/users/{own}", "/nothing", "/offline"]:
        page.goto(keeper.url + path)
        if path == chat:
            expect(page.get_by_role("textbox", name="Message Garden")).to_be_visible()
        yield path
    yield from look_beside(page, keeper)
    keeper_chat(page, keeper)
    last = page.get_by_role("article").last
    last.focus()
    last.get_by_role("button", name="More").click()
    yield "menu of a message"
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    yield "question before deleting"
    for keys in ("Control+k", "Control+/"):
        keeper_chat(page, keeper)
        page.keyboard.press(keys)
        expect(page.get_by_role("dialog")).to_be_visible()
        yield keys
    for button in ("More about this chat", "React"):
        keeper_chat(page, keeper)
        page.get_by_role("article").last.focus()
        page.get_by_role("button", name=button, exact=True).last.click()
        expect(page.locator(":popover-open.placed")).to_be_visible()
        yield button
    keeper_chat(page, keeper)
    page.get_by_role("button", name="More about this chat").click()
    page.get_by_role("button", name="Notifications").click()
    expect(page.get_by_role("dialog", name="Notifications").get_by_role("radio").first).to_be_visible()
    yield "notices"
    keeper_chat(page, keeper)
    page.get_by_role("button", name=re.compile("^Emoji")).last.click()
    expect(page.locator(":popover-open").get_by_role("searchbox")).to_be_visible()
    yield "emoji"
    keeper_chat(page, keeper)
    page.get_by_role("button", name="Open picture sky.jpg").click()
    expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    yield "viewer"
    page.goto(f"{keeper.url}/settings")
    page.get_by_label("New picture").set_input_files(as_file("sky.jpg", still()))
    expect(page.get_by_role("dialog").get_by_role("button", name="Use this part")).to_be_enabled()
    yield "crop"
    page.goto(f"{keeper.url}/c")
    page.get_by_role("button", name="New chat").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Group", exact=True).click()
    yield "new chat"
    page.route(re.compile("/log"), lambda route: route.fulfill(status=500))
    keeper_chat(page, keeper)
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_text("The messages could not be loaded.")).to_be_visible()
    page.unroute_all()
    yield "messages that do not come"


def look_beside(page: Page, keeper: Visitor) -> Iterator[str]:
    """The panels beside the chat, with what is in them, and one in which nothing is."""
    chats = {each["name"]: each["id"] for each in keeper.call("GET", "/api/chats")["chats"]}
    (pinned,) = keeper.call("GET", f"/api/chats/{keeper.id}/pins")["messages"]
    full = [(keeper.id, beside, "A link") for beside in ("pins", "saved", f"t-{pinned['id']}")]
    for chat, beside, said in [*full, (chats["Empty"], "pins", "Nothing is pinned here yet")]:
        page.goto(f"{keeper.url}/c/{chat}?panel={beside}")
        expect(page.get_by_role("complementary").last).to_contain_text(said)
        yield f"{beside} of {chat}"
    page.goto(f"{keeper.url}/c")
    page.get_by_role("button", name=re.compile("^Threads")).click()
    expect(page.get_by_role("dialog", name="Threads").get_by_role("listitem").first).to_be_visible()
    yield "threads"


def keeper_chat(page: Page, keeper: Visitor) -> None:
    page.goto(f"{keeper.url}/c/{keeper.id}")
    expect(page.get_by_role("textbox", name="Message Garden")).to_be_visible()


def look_in_at(page: Page, keeper: Visitor) -> Iterator[str]:
    """As look_at, for somebody who is not signed in, and then for somebody who has no chat yet."""
    for name in ("login", "register", "nothing"):
        page.goto(f"{keeper.url}/{name}")
        yield name
    page.goto(f"{keeper.url}/login")
    page.get_by_label("E-mail or username").fill("nobody")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    yield "sign-in that failed"
    newcomer = f"new-{secrets.token_hex(3)}"
    page.goto(f"{keeper.url}/register")
    page.get_by_label("E-mail").fill(f"{newcomer}@example.org")
    page.get_by_label("Username").fill(newcomer)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_text("No chats yet.")).to_be_visible()
    yield "no chat yet"


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest, playwright: Playwright) -> dict[str, Any]:
    """What makes a browser of this size."""
    if request.param == "desktop":
        return {"viewport": {"width": 1280, "height": 800}}
    return {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}


@pytest.mark.timeout(600)
def test_no_page_breaks_a_rule_of_accessibility_nor_is_too_small_for_a_finger(
    browser: Browser, keeper: Visitor, size: dict[str, Any]
) -> None:
    found: list[str] = []
    small: dict[str, str] = {}

    def check(page: Page, name: str) -> None:
        if size.get("has_touch"):
            small.update((each, name) for each in page.evaluate(TOO_SMALL) + page.evaluate(ENLARGED))
        page.evaluate(AXE)
        for scheme, theme in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found.extend(f"{name}, {scheme} {theme}: {fault}" for fault in page.evaluate(FAULTS, RULES))

    for way, state in ((look_at, keeper.context.storage_state()), (look_in_at, None)):
        with browser.new_context(storage_state=state, reduced_motion="reduce", **size) as context:
            page = context.new_page()
            for name in way(page, keeper):
                check(page, name)
    assert not found and not small, "\n".join([*found, *(f"{name}: {each}" for each, name in small.items())])


def test_no_page_is_wider_than_a_narrow_screen_whichever_way_it_is_read(browser: Browser, keeper: Visitor) -> None:
    narrow: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
    for way, state in ((look_at, keeper.context.storage_state()), (look_in_at, None)):
        with browser.new_context(storage_state=state, **narrow) as context:
            page = context.new_page()
            for name in way(page, keeper):
                for way_to_read in ("rtl", "ltr"):
                    page.evaluate("way => { document.documentElement.dir = way; }", way_to_read)
                    assert page.evaluate(TOO_WIDE) == [], (name, way_to_read)


def test_a_phone_shows_one_thing_at_a_time(visit: Visit, playwright: Playwright) -> None:
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    ada = visit("Ada", **phone)
    ada.group("Garden")
    ada.page.goto(f"{ada.url}/c")
    chats = ada.page.get_by_role("navigation", name="Chats")
    expect(chats).to_be_visible()
    chats.get_by_role("link", name="Garden").tap()
    ada.is_in("Garden")
    expect(chats).to_be_hidden()
    ada.composer.fill("two")
    ada.composer.press("Enter")
    ada.composer.press_sequentially("lines")
    expect(ada.composer).to_have_value("two\nlines")
    ada.page.get_by_role("button", name="Send").tap()
    ada.sees("lines")
    ada.page.get_by_role("link", name="Chat settings").tap()
    expect(ada.page.get_by_role("heading", name="People")).to_be_visible()
    ada.page.go_back()
    ada.sees("lines")
    ada.page.get_by_role("link", name="Back to all chats").tap()
    expect(chats).to_be_visible()
    expect(ada.composer).to_be_hidden()
    ada.page.go_back()
    ada.is_in("Garden")


def test_the_first_view_is_small_and_comes_from_one_host(browser: Browser, keeper: Visitor) -> None:
    with browser.new_context(storage_state=keeper.context.storage_state()) as context:
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        kinds: dict[str, str] = {}
        bytes_of: dict[str, int] = {"Script": 0, "Stylesheet": 0}

        def came(event: dict[str, Any]) -> None:
            picture = "/media/" in event["response"]["url"]
            kinds[event["requestId"]] = "Picture" if picture else event["type"]

        def ended(event: dict[str, Any]) -> None:
            kind = kinds.get(event["requestId"], "")
            bytes_of[kind] = bytes_of.get(kind, 0) + event["encodedDataLength"]

        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        page.on("websocket", lambda socket: urls.append(socket.url))
        devtools.on("Network.responseReceived", came)
        devtools.on("Network.loadingFinished", ended)
        page.goto(f"{keeper.url}/c/{keeper.id}", wait_until="networkidle")
        expect(page.get_by_role("article").last).to_be_visible()
        first = page.evaluate(FIRST_SCRIPTS)
    assert 0 < first <= 60_000 and 0 < bytes_of["Stylesheet"] <= 12_000, (first, bytes_of)
    # What it asks for once it is live depends on what others did meanwhile.
    assert bytes_of.pop("Picture") and bytes_of.pop("Fetch") and sum(bytes_of.values()) <= 120_000, bytes_of
    assert {url.split("/")[2].partition(":")[0] for url in urls} == {"127.0.0.1"}, json.dumps(urls)


# The colour of the page's ground as it is first painted, before any script has run.
GROUND = "() => getComputedStyle(document.documentElement).backgroundColor"
DARK, LIGHT = "rgb(14, 20, 21)", "rgb(241, 245, 244)"


def test_a_theme_can_be_forced_and_is_there_from_the_first_byte(visit: Visit, browser: Browser) -> None:
    ada = visit("Ada", color_scheme="dark")
    page = ada.page
    page.goto(f"{ada.url}/settings")
    assert page.evaluate(GROUND) == DARK
    page.get_by_role("radio", name="Light Always").check()
    page.get_by_label("Motion").select_option("None")
    page.get_by_role("button", name="Save look").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_role("radio", name="Light Always")).to_be_checked()
    ada.call("POST", "/api/auth/logout")
    # Without script nothing but the server can have set it; the sign-in page has it too.
    with browser.new_context(
        storage_state=ada.context.storage_state(), java_script_enabled=False, color_scheme="dark"
    ) as context:
        fresh = context.new_page()
        fresh.goto(f"{ada.url}/login")
        assert fresh.evaluate(GROUND) == LIGHT
        assert fresh.locator("meta[name=theme-color]").get_attribute("content") == "#f1f5f4"
        moves = "() => getComputedStyle(document.querySelector('.button')).transitionProperty"
        assert fresh.evaluate(moves) == "none"


def test_the_site_can_be_installed_as_an_app(keeper: Visitor) -> None:
    page = keeper.new_page()
    page.goto(f"{keeper.url}/login")
    address = page.locator("link[rel=manifest]").get_attribute("href")
    answer = keeper.context.request.get(f"{keeper.url}{address}")
    assert answer.headers["content-type"] == "application/manifest+json"
    for icon in answer.json()["icons"]:
        drawn = keeper.context.request.get(keeper.url + icon["src"])
        assert drawn.ok and drawn.headers["content-type"].startswith(icon["type"])
    devtools = keeper.context.new_cdp_session(page)
    assert devtools.send("Page.getAppManifest")["errors"] == []
    page.close()
