"""How a log reads: in its order, by day and by person, by eye, by ear and by keys."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser, Locator, WebSocketRoute, expect

from tests.browser.archive import APART, Archive
from tests.browser.visitors import Visit, Visitor
from tests.whole import WholeRun

# All that the polite region says from now on.
LISTEN = """() => {
    window.heard = [];
    const region = document.getElementById("announcer");
    new MutationObserver(() => window.heard.push(region.textContent)).observe(region, {
        childList: true, characterData: true, subtree: true
    });
}"""
# What stands in the middle of the log, as a day, when its first row in view is this one.
DAY_AT = """(box, seq) => {
    const row = box.querySelector(`[data-seq='${seq}']`);
    box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - 4;
    const {left, top, width} = box.getBoundingClientRect();
    const day = document.elementsFromPoint(left + width / 2, top + 20).map(each => each.closest(".day")).find(Boolean);
    return day?.textContent;
}"""


def log_of(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("log")


def test_events_that_come_out_of_order_are_shown_in_the_order_of_the_log(ada: Visitor, bob: Visitor, chat: str) -> None:
    held: list[Any] = []
    holding = [False]

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            if holding[0] and json.loads(frame)["event"] == "log":
                held.append(frame)
            else:
                socket.send(frame)

        server.on_message(pass_on)
        held.append(socket)

    ada.page.route_web_socket(re.compile("/app/"), connect)
    ada.page.reload()
    ada.until(lambda: held, "the page is connected")
    socket = held.pop()
    ada.hears_live(bob, chat, "before")
    ada.page.route(re.compile("/api/sync$"), lambda route: route.fulfill(json={"changed": [], "gone": []}))
    ada.page.route(re.compile(r"/log\?after"), lambda route: route.abort())
    holding[0] = True
    for number, text in enumerate(("five", "six", "seven"), start=1):
        bob.post(chat, text)
        ada.until(lambda number=number: len(held) == number, "its event has come")  # type: ignore[misc]
    for frame in (held[0], held[2]):
        socket.send(frame)
    texts = ada.page.locator("article .text")
    expect(texts).to_have_text(["before", "five"])
    socket.send(held[1])
    expect(texts).to_have_text(["before", "five", "six", "seven"])


def test_days_stand_where_they_change_in_ones_own_zone_and_the_one_in_view_stays_in_view(
    browser: Browser, whole: WholeRun
) -> None:
    archive = Archive(browser, whole, 300)
    tops = {}
    # Where it is past nine and past three in the afternoon: enough of today is above and below.
    for offset in (zone_of(9), zone_of(15)):
        # The signs of these names are turned round: Etc/GMT-9 is east of Greenwich.
        zone = f"Etc/GMT{-offset:+d}"
        with browser.new_context(storage_state=archive.ada.context.storage_state(), timezone_id=zone) as context:
            page = context.new_page()
            page.goto(f"{archive.ada.url}/c/{archive.chat}")
            log = page.get_by_role("log")
            expect(log.get_by_text("number 300")).to_be_visible()
            log.evaluate("box => { box.scrollTop = 0; }")
            expect(log).to_contain_text("number 151")
            here = datetime.now(UTC) + timedelta(hours=offset)
            today = next(n for n in range(300, 0, -1) if date_of(n - 1, offset) != here.date())
            day_before = log.locator(f"section:has([data-seq='{today}']) .day")
            expect(day_before).to_have_text("Yesterday")
            expect(log.locator("section").last.locator(".day")).to_have_text("Today")
            first = log.locator("section").last.locator("article").first
            tops[zone] = first.get_attribute("data-seq")
            assert tops[zone] == str(today + 1)
            assert log.evaluate(DAY_AT, today - 8) == "Yesterday"
            assert log.evaluate(DAY_AT, today + 4) == "Today"
    assert len(set(tops.values())) == 2
    archive.close()


def zone_of(hour: int) -> int:
    """The hours from Greenwich of where it is this hour now, from -11 to 12."""
    return (hour - datetime.now(UTC).hour + 11) % 24 - 11


def date_of(number: int, offset: int) -> Any:
    """The day of the archive's message before this one, this many hours from Greenwich."""
    at = datetime.now(UTC) - (300 - number) * APART
    return (at + timedelta(hours=offset)).date()


def test_today_becomes_yesterday_at_midnight_and_nothing_moves(ada: Visitor, chat: str) -> None:
    ada.post(chat, "a late word")
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    ada.page.clock.install(time=midnight - timedelta(minutes=1))
    ada.enter(chat)
    ada.sees("a late word")
    day = log_of(ada).locator(".day").last
    expect(day).to_have_text("Today")
    top = ada.message("a late word").bounding_box()
    ada.page.clock.fast_forward("02:00")
    expect(day).to_have_text("Yesterday")
    assert ada.message("a late word").bounding_box() == top


def test_messages_of_one_person_share_a_head_and_show_their_time_when_pointed_at(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    for who, text in ((bob, "one"), (bob, "two"), (ada, "mine"), (bob, "three")):
        who.post(chat, text)
    ada.sees("three")
    heads = ada.page.get_by_role("article").evaluate_all("rows => rows.map(row => row.classList.contains('head'))")
    assert heads == [True, False, True, True]
    expect(ada.message("two").locator(".name, .face")).to_have_count(0)
    expect(ada.message("one").locator(".who time")).to_be_visible()
    time = ada.message("two").locator(".tools time")
    opacity = "each => getComputedStyle(each.closest('.tools')).opacity"
    ada.composer.hover()
    assert time.evaluate(opacity) == "0"
    ada.message("two").hover()
    assert time.evaluate(opacity) == "1"


def test_the_log_is_one_stop_for_tab_and_arrows_walk_it(ada: Visitor, bob: Visitor, chat: str) -> None:
    texts = ["with a [link](https://example.org/)", "```\nwide enough\n```", "plain", "last of all"]
    for text in texts:
        sent = bob.post(chat, text)
        bob.call("PUT", f"/api/messages/{sent['id']}/reactions/🎉")
    ada.sees("last of all")
    expect(ada.page.get_by_role("button", name="🎉 1: Bob")).to_have_count(4)
    page, log = ada.page, log_of(ada)
    log.focus()
    inside = "() => !!document.activeElement.closest('.log')"
    for key in ("Tab", "Shift+Tab"):
        page.keyboard.press(key)
        assert page.evaluate(inside) == (key == "Shift+Tab")
    for key, text in (
        ("ArrowUp", "last"),
        ("ArrowUp", "plain"),
        ("Home", "with a"),
        ("ArrowDown", "wide"),
        ("End", "last"),
    ):
        page.keyboard.press(key)
        expect(ada.message(text)).to_be_focused()
    page.keyboard.press("Enter")
    expect(ada.message("last").get_by_role("button", name="React", exact=True)).to_be_focused()
    for name in ("Reply", "Reply in thread", "More"):
        page.keyboard.press("ArrowRight")
        expect(ada.message("last").get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(ada.message("last")).to_be_focused()
    page.keyboard.press("Escape")
    expect(ada.composer).to_be_focused()


def test_times_are_written_as_in_the_readers_language(visit: Visit, bob: Visitor) -> None:
    labels = {}
    for locale in ("de-DE", "en-US"):
        reader = visit("Ada", locale=locale, timezone_id="Europe/Berlin")
        chat = reader.group("Garden", bob)
        bob.post(chat, "good evening")
        reader.enter(chat)
        reader.sees("good evening")
        labels[locale] = reader.message("good evening").get_attribute("aria-label") or ""
    assert re.fullmatch(r"Bob, good evening, \d{1,2}:\d\d", labels["de-DE"]), labels
    assert re.fullmatch(r"Bob, good evening, \d{1,2}:\d\d\s[AP]M", labels["en-US"]), labels


def test_new_messages_of_the_open_chat_are_read_out_and_nothing_else(ada: Visitor, bob: Visitor, chat: str) -> None:
    for number in range(80):
        bob.post(chat, f"number {number}")
    other = ada.group("Attic", bob)
    ada.enter(chat)
    ada.sees("number 79")
    ada.page.evaluate(LISTEN)
    log_of(ada).evaluate("box => { box.scrollTop = 0; }")
    expect(log_of(ada)).to_contain_text("This is where Garden begins.")
    bob.post(other, "elsewhere")
    for number, text in enumerate(("*news*", "*news*", "more of it"), start=1):
        bob.post(chat, text)
        ada.until(lambda number=number: ada.page.evaluate("heard.length") == number, "it is read out")  # type: ignore[misc]
    heard = [said.strip("\u00a0") for said in ada.page.evaluate("heard")]
    assert heard == ["Bob: news", "Bob: news", "Bob: more of it"]
    ada.say("my own")
    ada.sees("my own")
    assert len(ada.page.evaluate("heard")) == 3
    expect(log_of(ada)).to_have_attribute("aria-live", "off")
    label = ada.message("more of it").get_attribute("aria-label") or ""
    assert re.fullmatch(r"Bob, more of it, \d{1,2}:\d\d\s?([AP]M)?", label), label


def test_who_types_is_told_at_most_each_three_seconds_and_moves_nothing(ada: Visitor, bob: Visitor, chat: str) -> None:
    bob.page.clock.install()
    bob.enter(chat)
    ada.page.clock.install()
    ada.enter(chat)
    ada.is_live()
    told: list[str] = []
    bob.page.on("request", lambda request: told.append(request.url) if request.url.endswith("/typing") else None)
    height = log_of(ada).bounding_box()
    bob.composer.press_sequentially("some words")
    line = ada.page.get_by_text("Bob is typing")
    expect(line).to_be_visible()
    assert len(told) == 1
    assert log_of(ada).bounding_box() == height
    bob.page.clock.fast_forward(3100)
    bob.composer.press_sequentially("more")
    bob.until(lambda: len(told) == 2, "he is told to type once more")
    ada.page.clock.fast_forward(6200)
    expect(line).to_have_count(0)
    assert log_of(ada).bounding_box() == height


def test_who_has_seen_ones_newest_message_is_shown_unless_they_do_not_want_that(
    ada: Visitor, bob: Visitor, visit: Visit, chat: str
) -> None:
    eve = visit("Eve")
    with ada.page.expect_response(re.compile(rf"/api/chats/{chat}\?limit=1$")):
        ada.call("POST", f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    # Ada's page knows her as one who tells; that she does not any more is told to nobody.
    eve.call("PATCH", "/api/users/me/preferences", {"read_receipts": False})
    ada.say("look at this")
    ada.sees("look at this")
    receipt = ada.message("look at this").locator(".receipt")
    expect(receipt).to_have_text("Sent")
    height = ada.message("look at this").bounding_box()
    for visitor in (eve, bob):
        with visitor.page.expect_response(re.compile("/read$")):
            visitor.enter(chat)
    expect(ada.page.get_by_role("button", name="Seen by Bob", exact=True)).to_be_visible()
    assert ada.message("look at this").bounding_box() == height
    ada.page.get_by_role("button", name="Seen by Bob", exact=True).click()
    dialog = ada.page.get_by_role("dialog", name="Who has seen it")
    expect(dialog.get_by_role("listitem")).to_have_text(["BBob"])
    ada.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    ada.page.reload()
    expect(ada.page.get_by_role("button", name="Seen by Bob", exact=True)).to_be_visible()
    direct = ada.call("POST", "/api/chats", {"kind": "direct", "user_id": bob.id})["id"]
    ada.enter(direct)
    ada.say("between us")
    expect(ada.message("between us").locator(".receipt")).to_have_text("Sent")
    bob.enter(direct)
    expect(ada.message("between us").locator(".receipt")).to_have_text("Seen")
