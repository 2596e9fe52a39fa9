"""How the pages are for everybody: on a phone, in the dark, read aloud, on a slow line."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.visitors import PASSWORD, Visit, Visitor
from tests.whole import WholeRun

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FAULTS = """async rules => {
    const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
    return violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`);
}"""
# The bytes of all scripts that were asked for before the page's own first look at the chat.
FIRST_SCRIPTS = """() => {
    const [shown] = performance.getEntriesByName("first-view");
    return performance.getEntriesByType("resource")
        .filter(each => each.name.endsWith(".js") && each.startTime < shown.startTime)
        .reduce((sum, each) => sum + each.encodedBodySize, 0);
}"""
# What scrolls sideways, but for code and tables, and what one could not press.
TOO_WIDE = """() => [...document.querySelectorAll("html, body *")].filter(each =>
    !each.closest("pre, table, .scroll, [popover]") && (
        each.matches("a, button, input, textarea") && each.getBoundingClientRect().right > innerWidth + 1 ||
        each.scrollWidth > each.clientWidth + 1 &&
            (each.matches("html") || /auto|scroll/.test(getComputedStyle(each).overflowX))
    )).map(each => each.outerHTML.slice(0, 120))"""


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
    visitor.call("POST", f"/api/chats/{visitor.id}/webhooks", {"kind": "incoming", "name": "Builds"})
    yield visitor
    visitor.context.close()
    friend.context.close()


def look_at(page: Page, keeper: Visitor) -> Iterator[str]:
    """Opens one page after the other; gives the name of each."""
    places = {"list": "/c", "chat": f"/c/{keeper.id}", "settings": "/settings", "admin": "/admin"}
    for name, path in {**places, "chat settings": f"/c/{keeper.id}/settings", "new chat": "/chats/new"}.items():
        page.goto(keeper.url + path)
        if name == "chat":
            expect(page.get_by_role("textbox", name="Message Garden")).to_be_visible()
        yield name
    page.goto(f"{keeper.url}/c/{keeper.id}")
    page.get_by_role("article").last.focus()
    page.get_by_role("article").last.get_by_role("button", name="More").click()
    yield "menu of a message"
    page.keyboard.press("Escape")
    page.goto(f"{keeper.url}/c")
    page.get_by_role("button", name="New chat").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Group", exact=True).click()
    yield "dialog"


def look_in_at(page: Page, keeper: Visitor) -> Iterator[str]:
    """As look_at, for somebody who is not signed in."""
    for name in ("login", "register"):
        page.goto(f"{keeper.url}/{name}")
        yield name


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest, playwright: Playwright) -> dict[str, Any]:
    """What makes a browser of this size."""
    if request.param == "desktop":
        return {"viewport": {"width": 1280, "height": 800}}
    return {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}


def test_no_page_breaks_a_rule_of_accessibility(browser: Browser, keeper: Visitor, size: dict[str, Any]) -> None:
    found: list[str] = []

    def check(page: Page, name: str) -> None:
        page.evaluate(AXE)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found.extend(f"{name}, {scheme}: {fault}" for fault in page.evaluate(FAULTS, RULES))

    for way, state in ((look_at, keeper.context.storage_state()), (look_in_at, None)):
        with browser.new_context(storage_state=state, reduced_motion="reduce", **size) as context:
            page = context.new_page()
            for name in way(page, keeper):
                check(page, name)
    assert not found, "\n".join(found)


def test_no_page_is_wider_than_a_narrow_screen(browser: Browser, keeper: Visitor) -> None:
    narrow: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
    for way, state in ((look_at, keeper.context.storage_state()), (look_in_at, None)):
        with browser.new_context(storage_state=state, **narrow) as context:
            page = context.new_page()
            for name in way(page, keeper):
                assert page.evaluate(TOO_WIDE) == [], name


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
            kinds[event["requestId"]] = event["type"]

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
    assert sum(bytes_of.values()) <= 120_000, bytes_of
    assert {url.split("/")[2].partition(":")[0] for url in urls} == {"127.0.0.1"}, json.dumps(urls)
