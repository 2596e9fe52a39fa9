"""What a reply shows of a message far above it, which the page has not loaded."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from playwright.sync_api import Browser, Locator, Route, expect
from pymongo import MongoClient

from tests.browser.archive import Archive
from tests.browser.test_pins import is_clean_in_both_themes
from tests.browser.visitors import Visit, Visitor
from tests.whole import WholeRun

IDS = re.compile(r"/api/messages\?.*ids=")
COUNT = 350
EARLIER = "In reply to an earlier message"


@pytest.fixture(scope="module")
def archive(browser: Browser, whole: WholeRun) -> Iterator[Archive]:
    made = Archive(browser, whole, COUNT)
    yield made
    made.close()


def keep_the_past_from_newcomers(whole: WholeRun, chat: str) -> None:
    ports = json.loads((Path(whole.environ["INFITALKS_DATA"]) / "ports.json").read_text())
    client: MongoClient[Any]
    with MongoClient("127.0.0.1", ports["mongod"], directConnection=True) as client:
        client["infitalks"]["chats"].update_one({"_id": ObjectId(chat)}, {"$set": {"history": False}})


def reply(visitor: Visitor, chat: str, text: str, to: Any) -> None:
    body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text, "reply_to": to["id"]}
    visitor.call("POST", "/api/messages", body)


def quote_in(visitor: Visitor, text: str) -> Locator:
    return visitor.message(text).locator(".quote")


def shows(quote: Locator, author: str, words: str) -> None:
    expect(quote).to_have_accessible_name(f"{author} {words}")


def bubbles(visitor: Visitor) -> list[Any]:
    return [row.bounding_box() for row in visitor.page.locator(".bubble").all()]


def focus_by_keys(visitor: Visitor, row: Locator, wanted: Locator) -> None:
    row.focus()
    visitor.page.keyboard.press("Enter")
    for _ in range(12):
        if wanted.evaluate("each => each == document.activeElement"):
            return
        visitor.page.keyboard.press("ArrowRight")
    raise AssertionError("arrows do not lead there")


def test_the_words_of_a_message_far_above_come_moving_nothing_and_follow_what_happens_to_it(archive: Archive) -> None:
    ada, bob, chat = archive.ada, archive.bob, archive.chat
    by_id = {ada.id: ada, bob.id: bob}
    one, two = ada.call("GET", f"/api/messages?chat={chat}&before=52&limit=2")["messages"]
    authors = [by_id[each["author"]["id"]] for each in (one, two)]
    reply(bob, chat, "about that", one)
    reply(ada, chat, "and this", two)
    held: list[Route] = []
    ada.page.route(IDS, lambda route: held.append(route))
    ada.page.route(IDS, lambda route: route.abort(), times=1)
    ada.enter(chat)
    expect(quote_in(ada, "about that")).to_have_text(EARLIER)
    ada.until(lambda: held, "the words are asked for again")
    before = bubbles(ada)
    held[0].continue_()
    for text, author, quoted in zip(("about that", "and this"), authors, (one, two), strict=True):
        shows(quote_in(ada, text), author.name, quoted["text"])
    assert bubbles(ada) == before and len(held) == 1
    ada.page.unroute(IDS)
    is_clean_in_both_themes(ada)

    ada.is_live()
    authors[0].call("PATCH", f"/api/messages/{one['id']}", {"text": "quite *other* words"})
    shows(quote_in(ada, "about that"), authors[0].name, "quite other words")
    authors[1].call("DELETE", f"/api/messages/{two['id']}")
    shows(quote_in(ada, "and this"), authors[1].name, "Message deleted")
    assert bubbles(ada) == before

    focus_by_keys(ada, ada.message("about that"), quote_in(ada, "about that"))
    ada.page.keyboard.press("Enter")
    row = ada.page.locator(f"article[data-seq='{one['seq']}']")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_class("sought")
    expect(row).to_contain_text("quite other words")
    ada.page.get_by_role("button", name="Newest messages").click()
    shows(quote_in(ada, "about that"), authors[0].name, "quite other words")


def test_a_reply_says_that_one_may_not_see_what_it_answers(whole: WholeRun, ada: Visitor, visit: Visit) -> None:
    chat = ada.group("Garden")
    first = ada.post(chat, "before you came")
    keep_the_past_from_newcomers(whole, chat)
    cat = visit("Cat")
    ada.call("POST", f"/api/chats/{chat}/members", {"user_ids": [cat.id]})
    cat.enter(chat)
    cat.is_live()
    reply(ada, chat, "about that", first)
    shows(quote_in(cat, "about that"), EARLIER, "You cannot see this message.")
    quote_in(cat, "about that").click()
    expect(cat.page.get_by_text("This message is not there any more")).to_be_visible()
