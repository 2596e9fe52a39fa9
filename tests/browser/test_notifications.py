"""Notifications of the browser: asked for by a click, shown by one tab, not for what one looks at, gone when read."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitors import Visit, Visitor

# Real ones, of which is noted what becomes of them.
NOTED = """
self.alerts = []; self.asked = 0;
const ask = Notification.requestPermission;
self.Notification = class extends Notification {
  static requestPermission() { self.asked++; return ask.call(Notification); }
  constructor(...given) { super(...given); self.alerts.push(this); }
  close() { this.gone = true; super.close(); }
};
"""
ALERTS = "() => self.alerts.map(({ title, body, tag, gone = false }) => ({ title, body, tag, gone }))"


def alerts(*pages: Page) -> list[Any]:
    """All that was shown by these tabs."""
    return [alert for page in pages for alert in page.evaluate(ALERTS)]


def listens(page: Page, chat: str) -> None:
    """Returns once what shows notifications is there, and has said which chat is looked at."""
    page.wait_for_function(
        "async (chat) => (await navigator.locks.query()).held.some(({ name }) => name.endsWith(chat))", arg=chat
    )


@pytest.fixture
def ada(visit: Visit) -> Iterator[Visitor]:
    ada = visit("Ada")
    ada.context.add_init_script(NOTED)
    yield ada


def test_one_tab_shows_one_for_each_chat_unless_it_is_looked_at_or_read_elsewhere(visit: Visit, ada: Visitor) -> None:
    bob = visit("Bob")
    garden, yard = bob.group("Garden", ada), bob.group("Yard", ada)
    ada.enter(garden)
    assert ada.page.evaluate("self.asked") == 0  # nobody is asked on load
    ada.context.grant_permissions(["notifications"])
    first, second = ada.page, ada.new_page()
    for page in (first, second):
        page.goto(f"{ada.url}/c/{garden}")
        listens(page, garden)

    bob.post(garden, "seen at once")
    bob.post(yard, "one")
    ada.until(lambda: alerts(first, second), "it is shown")
    last = bob.post(yard, "two")
    ada.until(lambda: len(alerts(first, second)) == 2, "the newer one is shown")
    shown = alerts(first, second)
    assert [(each["title"], each["body"], each["tag"]) for each in shown] == [
        ("Yard", "Bob: one", yard),
        ("Yard", "Bob: two", yard),
    ]
    (leader,) = [page for page in (first, second) if alerts(page)]

    leader.evaluate("self.alerts.at(-1).dispatchEvent(new Event('click'))")
    expect(leader.get_by_role("textbox", name="Message Yard", exact=True)).to_be_visible()
    expect(leader.get_by_role("article").filter(has_text="two")).to_be_in_viewport()
    assert alerts(leader)[-1]["gone"]

    leader.goto(f"{ada.url}/c/{garden}")
    listens(leader, garden)
    why = bob.post(yard, "three")
    ada.until(lambda: any(not each["gone"] for each in alerts(first, second)), "it is shown")
    ada.call("POST", f"/api/chats/{yard}/read", {"seq": why["seq"]})
    ada.until(lambda: all(each["gone"] for each in alerts(leader)), "read elsewhere, it goes")
    assert ada.call("GET", f"/api/messages/{last['id']}/notification")["reason"] == "every_message"


AS_ON_A_PHONE = """
self.Notification = class extends Notification { constructor() { throw new TypeError("Illegal constructor"); } };
"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }))"""


def test_where_only_the_worker_may_it_shows_them_and_it_says_when_one_is_offline(visit: Visit) -> None:
    ada, bob = visit("Ada"), visit("Bob")
    garden, yard = bob.group("Garden", ada), bob.group("Yard", ada)
    ada.context.add_init_script(AS_ON_A_PHONE)
    ada.context.grant_permissions(["notifications"])
    ada.enter(garden)
    page = ada.page
    listens(page, garden)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    bob.post(yard, "one")
    last = bob.post(yard, "two")
    wanted = {"title": "Yard", "body": "Bob: two", "tag": yard, "path": f"/c/{yard}/{last['seq']}"}
    ada.until(lambda: page.evaluate(SHOWN) == [wanted], "the newest of the chat is shown")
    ada.call("POST", f"/api/chats/{yard}/read", {"seq": last["seq"]})
    ada.until(lambda: page.evaluate(SHOWN) == [], "read elsewhere, it goes")

    ada.composer.fill("half a thought")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    kept = page.evaluate(
        "async () => (await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys())))"
        ".flat().map(({ url }) => new URL(url).pathname)"
    )
    assert "/offline" in kept and all(path == "/offline" or path.startswith("/static/") for path in kept)
    ada.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    assert "Ada" not in page.content()
    assert page.evaluate("getComputedStyle(document.querySelector('.button')).borderRadius") != "0px"
    ada.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(ada.composer).to_have_value("half a thought")


def test_the_chats_menu_chooses_what_notifies_and_a_message_says_why_it_did_not(visit: Visit, ada: Visitor) -> None:
    bob = visit("Bob")
    garden = bob.group("Garden", ada)
    ada.enter(garden)
    page = ada.page
    page.get_by_role("button", name="More about this chat").click()
    page.get_by_role("button", name="Notifications").click()
    dialog = page.get_by_role("dialog", name="Notifications")
    with page.expect_response(f"**/api/chats/{garden}"):
        dialog.get_by_role("radio", name="Nothing").check()
    dialog.get_by_role("button", name="Pause all for an hour").click()
    expect(dialog.get_by_role("button", name="Paused: go on")).to_be_visible()
    page.keyboard.press("Escape")
    assert ada.call("GET", f"/api/chats/{garden}")["level"] == "none"
    assert ada.call("GET", "/api/users/me/preferences")["quiet_until"]

    bob.post(garden, "quietly")
    ada.message("quietly").hover()
    ada.message("quietly").get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Why was I (not) notified?").click()
    expect(page.get_by_role("dialog")).to_contain_text("You were not notified: you chose nothing for this chat.")
