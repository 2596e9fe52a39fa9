"""Sends that are refused, or not answered: each says why, keeps the text, and goes out once it is asked again."""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.visitors import PASSWORD, Visitor

MESSAGES = re.compile(r"/api/messages$")
REFUSALS = (400, 403, 404, 409, 413, 422, 429, 500, 502, 503)
# What the page would wait for twenty seconds, it waits for one.
IMPATIENT = """() => {
    const wait = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = () => wait(1000);
}"""


def refuse(page: Page) -> None:
    """Answers "refused 409;" with 409, and whatever holds no such number with nothing at all."""

    def answer(route: Route) -> None:
        status = re.search(r"\d+", json.loads(route.request.post_data or "")["text"])
        if not status:
            return route.abort()
        error = {"code": "refused", "message": f"No, and the reason is {status[0]}."}
        route.fulfill(status=int(status[0]), json={"error": error})

    page.route(MESSAGES, answer)


def has_failed(row: Locator, reason: str) -> None:
    expect(row).to_have_attribute("data-state", "failed")
    expect(row.get_by_role("alert")).to_contain_text(reason)
    for name in ("Retry", "Delete"):
        expect(row.get_by_role("button", name=name)).to_be_visible()


def goes_out(visitor: Visitor, text: str) -> None:
    """By itself where something was away, which answers again; else when it is asked to."""
    row = visitor.message(text)
    retry = row.get_by_role("button", name="Retry")

    def sent() -> bool:
        if retry.is_visible():
            retry.click(timeout=1000)
        return row.get_attribute("data-state") == "sent"

    visitor.until(sent, f"{text!r} is sent")


def test_whatever_a_send_is_answered_with_its_text_stays_and_goes_out_later(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    page = ada.page
    refuse(page)
    texts = [*(f"refused {status};" for status in REFUSALS), "cut off;"]
    reasons = [*(f"No, and the reason is {status}." for status in REFUSALS), "could not be reached"]
    for text in texts:
        ada.say(text)
        expect(ada.composer).to_have_value("")
    ada.composer.fill("half a thought")
    for _ in range(2):
        for text, reason in zip(texts, reasons, strict=True):
            has_failed(ada.message(text), reason)
        expect(ada.composer).to_have_value("half a thought")
        page.reload()
    page.unroute_all()
    for text in texts:
        goes_out(ada, text)
    bob.enter(chat)
    for text in texts:
        bob.sees(text)
    expect(ada.composer).to_have_value("half a thought")


def test_a_send_without_any_answer_fails_in_time_and_makes_one_message(ada: Visitor, bob: Visitor, chat: str) -> None:
    asked: list[Any] = []

    def swallow(route: Route) -> None:
        asked.append(route.fetch())  # the server has it, and nobody will ever hear so

    ada.page.route_web_socket(re.compile("/app/"), lambda socket: socket.close())
    ada.page.route(re.compile("/api/(sync|chats)"), lambda route: route.fulfill(status=500, json={}))
    ada.page.route(MESSAGES, swallow)
    ada.page.reload()
    ada.page.evaluate(IMPATIENT)
    ada.say("into the void")
    has_failed(ada.message("into the void"), "could not be reached")
    ada.page.unroute_all()
    goes_out(ada, "into the void")
    assert [m["text"] for m in bob.call("GET", f"/api/messages?chat={chat}")["messages"]] == ["into the void"]
    assert asked


def test_a_send_after_the_session_has_expired_keeps_draft_and_message(ada: Visitor, bob: Visitor, chat: str) -> None:
    ada.is_live()
    # Else one of these may tell it before anything is sent, and what is written waits in its field.
    others = re.compile("/api/(?!messages$|auth/session)")
    ada.page.route(others, lambda route: route.abort())
    ada.context.clear_cookies()
    ada.say("one moment too late")
    prompt = ada.page.get_by_role("dialog", name="You are signed out")
    expect(prompt).to_be_visible()
    ada.page.unroute(others)
    expect(ada.message("one moment too late")).to_have_count(1)
    ada.csrf = ""
    ada.call("POST", "/api/auth/login", {"login": ada.username, "password": PASSWORD})
    prompt.get_by_role("button", name="I have signed in").click()
    expect(prompt).to_have_count(0)
    ada.sees("one moment too late")
    bob.enter(chat)
    bob.sees("one moment too late")
