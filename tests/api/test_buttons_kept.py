"""What a button is to tell its program is kept with the message, and shown to nobody else, by no way out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.models.log import Entry
from tests.api.hooking import Relay, tell
from tests.api.listening import Page
from tests.bots.listener import Bot
from tests.hooks import Hook
from tests.integrations.payloads import payload
from tests.integrations.test_buttons import SECRET, block, legacy, mattermost
from tests.people import Person
from tests.receivers import Receiver

KINDS = {"block": block(), "attachment": legacy(), "mattermost": mattermost()}
NAMES = ("press", "action_id", "block_id", "callback_id", "context", "bot.example")


def check_shown(words: str) -> None:
    """The button is there; what it tells is not."""
    assert "Approve" in words
    assert SECRET not in words and SECRET[:8] not in words
    assert not [name for name in NAMES if f'"{name}"' in words or "bot.example" in words]


def stored(hook: Hook) -> list[Any]:
    return list(Entry.raw().find({"chat": ObjectId(hook.chat), "kind": {"$in": ["message", "edit"]}}).sort("seq", 1))


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_answer_event_or_other_bot_is_told_what_a_button_tells(
    app: Flask, hook: Hook, page: Callable[[Person], Page], receiver: Receiver, kind: str
) -> None:
    ada, chat = hook.owner, hook.chat
    bot, relay, open_page = Bot(app, ada), Relay(ada, chat, receiver.url, on_bots=True), page(ada)
    bot.join(chat)
    before = ada.get(f"/api/chats/{chat}").json["last_seq"]
    assert hook.post(KINDS[kind]).text == "ok"
    (entry,) = stored(hook)
    assert SECRET in json.dumps(entry["cards"])
    message = str(entry["_id"])
    for path in (
        f"/api/messages?chat={chat}",
        f"/api/chats/{chat}/log",
        f"/api/chats/{chat}",
        "/api/chats",
        f"/c/{chat}",
        f"/c/{chat}/{entry['seq']}",
    ):
        check_shown(ada.get(path).text)
    check_shown(ada.post("/api/sync", {"chats": {chat: before}}).text)
    check_shown(ada.put(f"/api/messages/{message}/reactions/👍").text)
    check_shown(json.dumps(bot.hear()))
    tell(chat, relay)
    check_shown(receiver.wait_for(1)[0].body.decode())
    check_shown(json.dumps(relay.deliveries()))
    check_shown(json.dumps(open_page.entries(entry["seq"])))


def test_the_page_without_script_shows_it_as_a_button_that_cannot_be_pressed(hook: Hook) -> None:
    hook.post(legacy(style="danger"))
    assert '<button type="button" class="button small danger" disabled><bdi>Approve</bdi></button>' in (
        hook.owner.get(f"/c/{hook.chat}").text
    )


def buttons(hook: Hook) -> list[Any]:
    return [button for message in hook.messages() for card in message["cards"] for button in card["buttons"]]


def test_an_answer_shows_what_is_asked_first_and_which_button_to_name(hook: Hook) -> None:
    hook.rules(actions_url="https://bot.example/pressed")
    hook.post(block(confirm={"title": {"text": "Sure?"}}))
    (button,) = buttons(hook)
    confirm = {"title": "Sure?", "text": "", "ok": "Yes", "dismiss": "No"}
    assert button.pop("id").startswith("b0")
    assert button == {"text": "Approve", "url": None, "style": "default", "confirm": confirm}


def test_a_button_whose_program_nobody_named_cannot_be_pressed_until_somebody_does(hook: Hook) -> None:
    for payload_of_kind in KINDS.values():
        hook.post(payload_of_kind)
    unheard = [bool(button["id"]) for button in buttons(hook)]
    assert unheard == [False, False, True]  # Mattermost's names its program itself
    hook.rules(actions_url="https://bot.example/pressed")
    assert all(button["id"] for button in buttons(hook))
    entries = [entry["message"] for entry in hook.entries() if entry["kind"] == "message"]
    assert all(entry["cards"][0]["buttons"][0]["id"] for entry in entries)
    assert hook.owner.patch(f"/api/webhooks/{hook.made['id']}", {"active": False}).status_code == 200
    assert not any(button["id"] for button in buttons(hook))


def test_a_repeat_says_the_same_though_its_button_would_tell_something_else_in_other_words(hook: Hook) -> None:
    once = {"Idempotency-Key": "deploy 7"}
    assert [hook.post(block(), headers=once).text for _ in range(2)] == ["ok", "ok"]
    assert hook.post(block(value="other"), headers=once).status_code == 409
    assert len(stored(hook)) == 1


def test_discords_edit_of_other_words_keeps_what_its_cards_buttons_tell(hook: Hook) -> None:
    hook.post({"text": "Ready", **legacy()})
    (entry,) = stored(hook)
    path = f"{hook.path}/discord/messages/{entry['_id']}"
    assert hook.client.patch(path, json={"content": "Still ready"}).status_code == 200
    after, edit = stored(hook)
    buttons = [card.get("buttons") for card in entry["cards"]]
    assert buttons[1] and [card.get("buttons") for card in after["cards"]] == buttons == [
        card.get("buttons") for card in edit["cards"]
    ]


@pytest.mark.parametrize("end", ["deleted", "edited"])
def test_nothing_of_it_is_kept_when_the_message_has_gone_or_become_another(hook: Hook, end: str) -> None:
    hook.post(block())
    (entry,) = stored(hook)
    path = f"{hook.path}/discord/messages/{entry['_id']}"
    answer = (
        hook.client.delete(path) if end == "deleted" else hook.client.patch(path, json={"content": "x", "embeds": []})
    )
    assert answer.status_code in (200, 204)
    assert SECRET not in json.dumps([each.get("cards") for each in stored(hook)])


def test_links_of_alerts_are_buttons_as_before(hook: Hook) -> None:
    hook.send("alertmanager", payload("alertmanager_firing"))
    (button,) = hook.messages()[0]["cards"][1]["buttons"]
    assert (button["url"], button["id"]) == ("https://runbooks.example/disk", None)
