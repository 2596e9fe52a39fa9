"""What a program is told when its button was pressed, to the field, and what its answers come to."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infitalks.integrations.actions import (
    Effect,
    Pressed,
    as_asked,
    asked_as,
    is_mattermosts,
    read_mattermosts,
    write_press,
)
from infitalks.integrations.post import PayloadRefused, Post
from infitalks.integrations.slack import parse_slack
from infitalks.schemas.cards import Button, CardOut, kept_card, stored_card
from infitalks.schemas.messages import MessageOut
from infitalks.schemas.users import UserOut
from tests.integrations.test_buttons import block, legacy, mattermost
from tests.integrations.test_hostile import KEYS, objects

AT = datetime(2026, 11, 22, 10, 0, 5, 123456, UTC)
MESSAGE, CHAT, BOT, ADA, APP = (letter * 24 for letter in "abcde")


def person(user_id: str, name: str, kind: str) -> UserOut:
    return UserOut.model_validate(
        {"id": user_id, "username": name, "display_name": name.title(), "avatar_url": None, "kind": kind}
    )


def kept(post: Post) -> list[CardOut]:
    return [kept_card(stored_card(card)) for card in post.cards]


def pressed(payload: Any, **more: Any) -> Pressed:
    """The first button of the message that this payload makes."""
    post = parse_slack(payload)
    cards = kept(post)
    button = next(each for card in cards for each in card.buttons if isinstance(each, Button) and each.press)
    assert button.press
    empty = {"via": None, "html": "", "attachments": [], "reply_to": None, "reactions": [], "edited_at": None}
    where = {"id": MESSAGE, "chat_id": CHAT, "seq": 7, "deleted": False, "created_at": AT, "client_id": "x"}
    shown = MessageOut(author=person(BOT, "deployer", "bot"), text=post.text, cards=cards, **where, **empty)  # type: ignore[arg-type]
    known: dict[str, Any] = {"at": AT, "chat": "Garden", "app": APP, "token": "tok", "trigger_id": "t.1", **more}
    return Pressed(
        button, button.press, person(ADA, "ada", "person"), shown=shown, cards=cards, response_url="u", **known
    )


def form_of(written: tuple[str, bytes]) -> Any:
    content_type, body = written
    assert content_type == "application/x-www-form-urlencoded"
    fields = parse_qs(body.decode(), strict_parsing=True)
    assert fields.keys() == {"payload"}
    return json.loads(fields["payload"][0])


AROUND: dict[str, Any] = {
    "team": {"id": "infitalks", "domain": "infitalks"},
    "channel": {"id": CHAT, "name": "Garden"},
    "token": "tok",
    "trigger_id": "t.1",
    "response_url": "u",
}
ORIGINAL = {"type": "message", "subtype": "bot_message", "ts": MESSAGE, "user": BOT}


def test_a_press_in_a_block_is_told_as_slack_does() -> None:
    assert form_of(write_press("json", pressed(block(style="primary")))) == {
        "type": "block_actions",
        "user": {"id": ADA, "username": "ada", "name": "ada", "team_id": "infitalks"},
        "container": {"type": "message", "message_ts": MESSAGE, "channel_id": CHAT, "is_ephemeral": False},
        "message": {**ORIGINAL, "text": "Approve"},
        "actions": [
            {
                "type": "button",
                "action_id": "approve",
                "block_id": "deploy",
                "text": {"type": "plain_text", "text": "Approve", "emoji": True},
                "value": "known-to-the-program-alone",
                "action_ts": "1795341605.123456",
                "style": "primary",
            }
        ],
        "api_app_id": APP,
        **AROUND,
    }


def test_a_press_in_words_to_one_person_says_so() -> None:
    told = form_of(write_press(None, pressed(block(), ephemeral=True)))
    assert told["container"]["is_ephemeral"] is True
    event = json.loads(write_press("events", pressed(block(), ephemeral=True))[1])
    assert event["data"]["message"] is None and event["data"]["ephemeral"]["id"] == MESSAGE


def test_a_press_in_an_attachment_is_told_as_slack_does() -> None:
    told = form_of(write_press(None, pressed({"text": "Ready", **legacy(style="danger")})))
    action = {"name": "decision", "type": "button", "value": "known-to-the-program-alone"}
    again = {"id": "1", "text": "Approve", "style": "danger", **action}
    attachment = {"id": 1, "text": "Deploy?", "callback_id": "deploy", "actions": [again]}
    assert told == {
        "type": "interactive_message",
        "actions": [action],
        "callback_id": "deploy",
        "user": {"id": ADA, "name": "ada"},
        "action_ts": "1795341605.123456",
        "message_ts": MESSAGE,
        "attachment_id": "1",
        "is_app_unfurl": False,
        "original_message": {**ORIGINAL, "text": "Ready", "attachments": [attachment]},
        **AROUND,
    }


def test_an_original_that_is_sent_back_makes_the_same_message() -> None:
    fields = [{"title": "Host", "value": "db1", "short": True}]
    link = {"type": "button", "text": "Log", "url": "https://e.example/log"}
    rich = {"color": "#aa0000", "title": "Disk", "title_link": "https://e.example/d", "fields": fields}
    payload = legacy()
    payload["attachments"][0].update(rich, footer="by cron")
    payload["attachments"][0]["actions"].append(link)
    told = form_of(write_press(None, pressed({"text": "*Look*", **payload})))
    assert kept(parse_slack(told["original_message"])) == kept(parse_slack({"text": "*Look*", **payload}))


def test_a_press_is_told_as_mattermost_does_whatever_the_webhooks_format() -> None:
    for form in (None, "json", "form", "events"):
        content_type, body = write_press(form, pressed(mattermost()))
        assert content_type == "application/json"
        assert json.loads(body) == {
            "user_id": ADA,
            "user_name": "ada",
            "channel_id": CHAT,
            "channel_name": "Garden",
            "team_id": "infitalks",
            "team_domain": "infitalks",
            "post_id": MESSAGE,
            "trigger_id": "t.1",
            "type": "button",
            "data_source": "",
            "context": {"job": "known-to-the-program-alone", "$a.b": 2**80},
        }


def test_a_webhook_of_events_is_told_in_our_own_shape() -> None:
    told = pressed(block())
    content_type, body = write_press("events", told)
    event = json.loads(body)
    assert (content_type, event["type"], event["timestamp"]) == (
        "application/json",
        "action",
        "2026-11-22T10:00:05.123Z",
    )
    data = event["data"]
    assert (data["chat_id"], data["user"]["id"], data["message"]["id"]) == (CHAT, ADA, MESSAGE)
    assert data["button"] == {
        "id": told.button.id,
        "text": "Approve",
        "action_id": "approve",
        "block_id": "deploy",
        "name": "",
        "value": "known-to-the-program-alone",
        "callback_id": "",
        "context": {},
    }
    assert (data["response_url"], data["trigger_id"], data["ephemeral"]) == ("u", "t.1", None)
    assert "press" not in data["message"]["cards"][0]["buttons"][0]
    own = json.loads(write_press("events", pressed(mattermost(integration={"context": {"job": 7}})))[1])
    assert own["type"] == "action" and own["data"]["button"]["context"] == {"job": 7}


def test_a_body_says_what_was_asked() -> None:
    told = [write_press(form, pressed(each)) for each in (block(), legacy(), mattermost()) for form in (None, "events")]
    asked = [asked_as(*each) for each in told]
    assert asked == ["block_actions", "action", "interactive_message", "action", "button", "button"]
    tricky = mattermost(integration={"url": "https://bot.example/", "context": {"a": "&payload=x"}})
    assert asked_as(*write_press(None, pressed(tricky))) == "button"


def done(payload: Any) -> list[tuple[str, str]]:
    """What an answer of Mattermost's form does, and the text."""
    post = parse_slack({"text": "Ready", **legacy()})
    assert is_mattermosts(payload)
    return [(each.do, each.post.text) for each in read_mattermosts(payload, kept(post), post.text)]


OLD, NEW = "interactive_message", "block_actions"
# the answer, what it answers, whether it is to take the message's place
SLACKS: list[tuple[dict[str, Any], str, Any]] = [
    ({"text": "done"}, NEW, None),
    ({"text": "done", "replace_original": True}, NEW, True),
    ({"text": "done"}, OLD, True),
    ({"text": "done", "response_type": "in_channel"}, OLD, True),
    ({"text": "done", "response_type": "ephemeral"}, OLD, None),
    ({"text": "done", "response_type": "ephemeral", "replace_original": True}, OLD, True),
    ({"text": "done", "replace_original": False}, OLD, False),
    ({"text": "done"}, "button", None),
    ({"text": "done"}, "action", None),
]


@pytest.mark.parametrize(("payload", "asked", "replaces"), SLACKS, ids=range(len(SLACKS)))
def test_answers_to_slacks_older_kind_take_the_messages_place(payload: Any, asked: str, replaces: Any) -> None:
    meant = as_asked(payload, asked)
    assert meant.get("replace_original") == replaces and not is_mattermosts(meant)
    assert {**meant, "replace_original": 0} == {**payload, "replace_original": 0}


MATTERMOSTS: list[tuple[dict[str, Any], list[tuple[str, str | None]]]] = [
    ({"ephemeral_text": "*you* did"}, [("tell", "*you* did")]),
    ({"error": {"message": "no such job"}}, [("tell", "no such job")]),
    ({"update": {"message": "**done**", "props": {}}}, [("replace", "**done**")]),
    ({"update": {"props": {"attachments": [{"text": "x"}]}}}, [("replace", "x")]),
    ({"update": {"message": "done"}}, [("replace", "done\n\nDeploy?\nApprove")]),
    (
        {"update": {"message": "done", "props": {}}, "ephemeral_text": "thanks"},
        [("tell", "thanks"), ("replace", "done")],
    ),
    ({"update": None, "ephemeral_text": ""}, []),
    ({"error": "x", "update": 5}, []),
]


@pytest.mark.parametrize(("payload", "expected"), MATTERMOSTS, ids=range(len(MATTERMOSTS)))
def test_answers_of_mattermosts_kind(payload: Any, expected: Any) -> None:
    assert done(payload) == expected


def test_an_update_without_props_leaves_the_buttons_pressable() -> None:
    original = parse_slack({"text": "Ready", **mattermost()})
    (effect,) = read_mattermosts({"update": {"message": "still ready"}}, kept(original), original.text)
    assert [stored_card(card) for card in effect.post.cards[1:]] == [stored_card(card) for card in original.cards[1:]]


@pytest.mark.parametrize("payload", [{"update": {"props": {}}}, {"update": {"message": " ", "props": {"card": []}}}])
def test_a_message_cannot_become_empty(payload: Any) -> None:
    with pytest.raises(PayloadRefused) as refused:
        done(payload)
    assert refused.value.code == "no_text"


ANSWER_KEYS = ["update", "ephemeral_text", "error", "props"]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=st.dictionaries(st.sampled_from([*ANSWER_KEYS, *KEYS]), objects, max_size=8))
def test_whatever_json_is_answered_it_is_read_or_refused_in_a_known_word(payload: Any) -> None:
    post = parse_slack(legacy())
    with suppress(PayloadRefused):
        effects: list[Effect] = list(read_mattermosts(payload, kept(post), post.text))
        assert len(effects) <= 2 and all(each.post.text for each in effects)
