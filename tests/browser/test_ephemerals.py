"""Words to one person alone and the buttons that bots give: seen by whom they are for, and gone for good."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.programs import add_command, running
from tests.browser.test_commands import only_for, order
from tests.browser.test_looks import AXE, FAULTS, RULES, TOO_WIDE
from tests.browser.visitors import Visit, Visitor
from tests.receivers import Receiver, answering

ACTIONS = re.compile("/actions$")
QUESTION = {
    "text": "Roll out?",
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Roll out version 7?"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "go",
                    "value": "7",
                    "style": "primary",
                    "text": {"type": "plain_text", "text": "Roll out"},
                },
                {
                    "type": "button",
                    "action_id": "stop",
                    "value": "7",
                    "text": {"type": "plain_text", "text": "Stop"},
                    "confirm": {
                        "title": {"type": "plain_text", "text": "Really stop?"},
                        "text": {"type": "plain_text", "text": "Nobody gets version 7."},
                        "confirm": {"type": "plain_text", "text": "Stop it"},
                        "deny": {"type": "plain_text", "text": "Go on"},
                    },
                },
            ],
        },
    ],
}


def answer(asked: dict[str, Any]) -> object:
    """`/echo` answers its caller, `/ask` asks them alone; a press edits what was asked."""
    if asked.get("type") == "block_actions":
        chosen = asked["actions"][0]["action_id"]
        return {"replace_original": True, "text": f"{asked['user']['username']} chose {chosen}"}
    return QUESTION if asked["command"] == "/ask" else {"text": asked["text"]}


@pytest.fixture
def program(ada: Visitor, chat: str) -> Iterator[Receiver]:
    with running(answer) as program:
        for command in ("echo", "ask"):
            add_command(ada, chat, command, program.url)
        yield program


@pytest.fixture
def asked(ada: Visitor, chat: str) -> Iterator[Receiver]:
    """Everybody is asked by an incoming webhook; the program is told of presses."""
    with running(answer) as program:
        made = {"kind": "incoming", "name": "Robot", "actions_url": program.url}
        url = ada.call("POST", f"/api/chats/{chat}/webhooks", made)["url"]
        posted = ada.context.request.post(f"{ada.url}/hooks/{url.rpartition('/')[2]}", data=QUESTION)
        assert posted.ok, posted.text()
        yield program


def asides(page: Page, text: str) -> Locator:
    return page.get_by_role("article").filter(has_text=text).filter(has_text="Only you can see this")


def button(visitor: Visitor, name: str) -> Locator:
    return visitor.message("Roll out version 7?").get_by_role("button", name=name, exact=True)


@pytest.mark.usefixtures("program")
def test_all_pages_of_one_person_see_and_dismiss_it_and_nobody_else_ever_does(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    bob.enter(chat)
    second = ada.new_page()
    second.goto(ada.page.url)
    order(ada, "/echo a secret")
    for page in (ada.page, second):
        expect(asides(page, "a secret")).to_have_count(1)
    bob.hears_live(ada, chat, "said aloud")
    expect(bob.message("a secret")).to_have_count(0)
    assert "a secret" not in str(bob.call("POST", "/api/sync", {"chats": {}}))
    assert "a secret" not in str(bob.call("GET", f"/api/chats/{chat}/log?after=0"))
    second.reload()
    expect(asides(second, "a secret")).to_have_count(1)
    asides(second, "a secret").get_by_role("button", name="Dismiss").click()
    for page in (ada.page, second):
        expect(asides(page, "a secret")).to_have_count(0)
    second.reload()
    expect(second.get_by_role("article").filter(has_text="said aloud")).to_have_count(1)
    expect(asides(second, "a secret")).to_have_count(0)


@pytest.mark.usefixtures("program")
def test_it_stands_where_it_was_said_and_counts_as_no_message(ada: Visitor, bob: Visitor, chat: str) -> None:
    bob.enter(chat)
    bob.post(chat, "before")
    ada.sees("before")
    order(ada, "/echo between")
    expect(only_for(ada, "between")).to_have_count(1)
    bob.post(chat, "after")
    ada.sees("after")
    rows = ada.page.get_by_role("article")
    for _ in range(2):
        expect(rows).to_have_text([re.compile(word) for word in ("before", "between", "after")])
        expect(ada.page.locator(".day")).to_have_count(1)
        expect(only_for(ada, "between").get_by_role("button")).to_have_text(["Dismiss"])
        ada.page.reload()
    ada.until(lambda: ada.call("GET", f"/api/chats/{chat}")["unread"] == 0, "all is read")
    ada.page.goto(f"{ada.url}/c")
    ada.call("POST", f"/api/chats/{chat}/commands", {"text": "/echo unseen", "client_id": "one-more"})
    ada.until(lambda: "unseen" in str(ada.call("GET", "/api/ephemerals")), "it was said")
    bob.post(chat, "again")
    line = ada.page.get_by_role("link", name=re.compile("Garden.* 1 unread message"))
    expect(line).to_contain_text("Bob: again")


@pytest.mark.usefixtures("program")
def test_it_moves_nothing_that_is_being_read(ada: Visitor, chat: str) -> None:
    for number in range(40):
        ada.post(chat, f"line {number:02}")
    ada.enter(chat)
    ada.sees("line 39")
    log = ada.page.get_by_role("log")
    log.evaluate("box => box.scrollTop = 300")
    expect(ada.page.get_by_role("button", name="Newest messages")).to_be_visible()
    before = log.evaluate("box => box.scrollTop")
    ada.call("POST", f"/api/chats/{chat}/commands", {"text": "/echo below", "client_id": "from-elsewhere"})
    expect(only_for(ada, "below")).to_have_count(1)
    assert log.evaluate("box => box.scrollTop") == before
    expect(ada.page.get_by_role("button", name="Newest messages")).to_be_visible()
    order(ada, "/echo mine")
    expect(only_for(ada, "mine")).to_be_in_viewport()


@pytest.mark.usefixtures("program")
def test_what_cannot_be_dismissed_comes_back(ada: Visitor, chat: str) -> None:
    order(ada, "/echo stubborn")
    expect(only_for(ada, "stubborn")).to_have_count(1)
    error = {"error": {"code": "unavailable", "message": "Not at the moment."}}
    ada.page.route(re.compile("/api/ephemerals/"), lambda route: route.fulfill(status=503, json=error))
    only_for(ada, "stubborn").get_by_role("button", name="Dismiss").click()
    expect(ada.page.get_by_text("Not at the moment.")).to_be_visible()
    expect(only_for(ada, "stubborn")).to_have_count(1)


def test_a_press_of_a_button_edits_the_message_for_everybody(
    asked: Receiver, ada: Visitor, bob: Visitor, chat: str
) -> None:
    bob.enter(chat)
    button(bob, "Stop").click()
    dialog = bob.page.get_by_role("dialog", name="Really stop?")
    expect(dialog).to_contain_text("Nobody gets version 7.")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_have_count(0)
    assert asked.got == []
    button(bob, "Stop").click()
    dialog.get_by_role("button", name="Stop it").click()
    for visitor in (ada, bob):
        visitor.sees(f"{bob.username} chose stop")
        expect(visitor.message("Roll out version 7?")).to_have_count(0)
    assert len(asked.got) == 1


def test_a_press_that_fails_says_so_beside_the_card_and_again_is_no_second_press(asked: Receiver, ada: Visitor) -> None:
    ids: list[str] = []

    def lose(route: Route) -> None:
        ids.append(route.request.post_data_json["client_id"])
        if len(ids) == 1:
            route.fetch()
            route.abort()
        else:
            route.fallback()

    asked.plan.append(answering(200))
    ada.page.route(ACTIONS, lose)
    button(ada, "Roll out").click()
    expect(ada.message("Roll out version 7?").get_by_role("alert")).to_contain_text("could not be reached")
    button(ada, "Roll out").click()
    expect(ada.page.locator("#announcer")).to_have_text("Roll out: sent")
    expect(ada.message("Roll out version 7?").get_by_role("alert")).to_have_count(0)
    assert len(ids) == 2 and ids[0] == ids[1]
    button(ada, "Roll out").click()
    ada.sees(f"{ada.username} chose go")
    assert len(set(ids)) == 2 and len(asked.got) == 2


def test_a_button_that_leads_nowhere_cannot_be_pressed(ada: Visitor, chat: str) -> None:
    url = ada.call("POST", f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Robot"})["url"]
    ada.context.request.post(f"{ada.url}/hooks/{url.rpartition('/')[2]}", data=QUESTION)
    expect(button(ada, "Roll out")).to_be_disabled()


@pytest.mark.usefixtures("program")
def test_buttons_of_a_word_to_one_person_change_that_word(ada: Visitor, bob: Visitor, chat: str) -> None:
    bob.enter(chat)
    order(ada, "/ask")
    button(ada, "Roll out").click()
    expect(only_for(ada, f"{ada.username} chose go")).to_have_count(1)
    expect(ada.message("Roll out version 7?")).to_have_count(0)
    bob.hears_live(ada, chat, "said aloud")
    expect(bob.message("chose go")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
def test_what_bots_show_can_be_used_by_everybody(visit: Visit, width: int) -> None:
    ada = visit("Ada", viewport={"width": width, "height": 700}, reduced_motion="reduce")
    chat = ada.group("Garden")
    ada.call("PATCH", f"/api/chats/{chat}", {"topic": "Beds, hedges, and who waters them " * 7})
    ada.enter(chat)
    with running(answer) as program:
        for command in ("echo", "ask"):
            add_command(ada, chat, command, program.url, usage="text " * 20, description="Says the same again " * 8)
        order(ada, "/echo " + "long" * 60)
        expect(only_for(ada, "longlong")).to_have_count(1)
        order(ada, "/ask")
        expect(button(ada, "Roll out")).to_be_visible()
    order(ada, "/nothing")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    ada.page.locator("#composer").fill("/")
    expect(ada.page.get_by_role("listbox")).to_be_visible()
    ada.page.evaluate(AXE)
    for scheme in ("light", "dark"):
        ada.page.emulate_media(color_scheme=scheme)
        assert ada.page.evaluate(FAULTS, RULES) == [], scheme
        assert ada.page.evaluate(TOO_WIDE) == [], scheme
    ada.page.locator("#composer").press("Escape")
    button(ada, "Stop").click()
    assert ada.page.evaluate(FAULTS, RULES) == []
