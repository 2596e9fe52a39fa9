"""Incoming webhooks as their senders see them: Slack's and Mattermost's formats, answers to the byte, and who may."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.integrations.markdown import render_markdown
from infitalks.integrations.mrkdwn import to_markdown
from infitalks.models.users import user_by_id
from tests.api.corpus import MALFORMED, nothing_changes
from tests.hooks import Hook
from tests.people import Person


def check_ok(answer: TestResponse) -> None:
    """Alertmanager and Grafana compare these two bytes, unless the type is JSON."""
    assert (answer.status_code, answer.data) == (200, b"ok")
    assert answer.mimetype == "text/plain"


TEXT = json.dumps({"text": "Build *failed*"}).encode()
WAYS: dict[str, dict[str, Any]] = {
    "JSON": {"data": TEXT, "content_type": "application/json"},
    "JSON with a charset": {"data": TEXT, "content_type": "application/json; charset=utf-8"},
    "no content type": {"data": TEXT, "content_type": ""},
    "curl -d": {"data": TEXT, "content_type": "application/x-www-form-urlencoded"},
    "plain text": {"data": TEXT, "content_type": "text/plain"},
    "a form": {"data": {"payload": TEXT.decode()}},
    "a form in parts": {"data": {"payload": TEXT.decode()}, "content_type": "multipart/form-data"},
    "raw line breaks": {
        "data": b'{"text": "Build *failed*", "ignored": "a\nb\tc"}',
        "content_type": "application/json",
    },
    "blanks around it": {"data": b"\n  " + TEXT + b"\n", "content_type": "application/json"},
    "fields of Slack's that say nothing here": {
        "json": {"text": "Build *failed*", "channel": "#x", "link_names": 1, "mrkdwn": True, "unfurl_links": False}
    },
}


@pytest.mark.parametrize("sent", WAYS.values(), ids=WAYS)
def test_what_senders_send_is_posted_and_answered_with_ok(hook: Hook, sent: dict[str, Any]) -> None:
    check_ok(hook.client.post(hook.path, **sent))
    (message,) = hook.messages()
    assert message["html"] == "<p>Build <strong>failed</strong></p>"
    assert message["author"]["kind"] == "bot" and message["author"]["display_name"] == "Builds"
    assert message["author"]["id"] == hook.made["bot_id"]


def test_the_name_that_a_sender_gives_itself_is_never_the_author(hook: Hook, ada: Person) -> None:
    check_ok(
        hook.post({"text": "hi", "username": ada.username, "icon_emoji": ":ghost:", "icon_url": "https://e.example/x"})
    )
    (message,) = hook.messages()
    assert message["author"]["id"] == hook.made["bot_id"] and message["author"]["kind"] == "bot"
    assert message["via"]["name"] == ada.username
    check_ok(hook.post({"text": "hi", "username": "x" * 5000}))
    assert len(hook.messages()[-1]["via"]["name"]) == 80


# What Slack shows for the left is what the right shows.
MRKDWN = {
    "*bold* and _em_": "<strong>bold</strong> and <em>em</em>",
    "~gone~": "<s>gone</s>",
    "`*code*`": "<code>*code*</code>",
    "`a &lt; b &amp;&amp; c`": "<code>a &lt; b &amp;&amp; c</code>",
    "a &lt; b &amp; c &gt; d": "a &lt; b &amp; c &gt; d",
    "&amp;lt;": "&amp;lt;",
    "&amp;amp;": "&amp;amp;",
    "&lt;b&gt;bold?&lt;/b&gt;": "&lt;b&gt;bold?&lt;/b&gt;",
    "<https://e.example/a>": '<a href="https://e.example/a" REL>https://e.example/a</a>',
    "<https://e.example/a|the label>": '<a href="https://e.example/a" REL>the label</a>',
    "<https://e.example/?a=1&amp;b=2|two>": '<a href="https://e.example/?a=1&amp;b=2" REL>two</a>',
    "*<https://e.example/a|bold>*": '<strong><a href="https://e.example/a" REL>bold</a></strong>',
    "<mailto:a@e.example|mail>": '<a href="mailto:a@e.example" REL>mail</a>',
    "<@U123> <@U123|ada>": "@U123 @ada",
    "<#C123|general>": "#general",
    "<!channel> <!here> <!everyone>": "@channel @here @everyone",
    "<!subteam^S1|@team>": "@team",
    "<!date^1392734382^{date}|Feb 18>": "Feb 18",
    "2 * 3 * 4": "2 * 3 * 4",
    "snake_case_name": "snake_case_name",
    "one\ntwo": "one<br>\ntwo",
}
INERT = ["<javascript:alert(1)|click>", "<script>alert(1)</script>", "<//evil.example|x>", "<data:text/html,x|x>"]
INERT += ["[x](javascript:alert(1))", '<https://e.example/"onmouseover=alert(1)|x>', "![x](https://e.example/x.png)"]


@pytest.mark.parametrize("mrkdwn", MRKDWN)
def test_mrkdwn_looks_as_in_slack(mrkdwn: str) -> None:
    expected = MRKDWN[mrkdwn].replace("REL", 'rel="noopener noreferrer nofollow ugc"')
    assert render_markdown(to_markdown(mrkdwn)) == f"<p>{expected}</p>"


@pytest.mark.parametrize("mrkdwn", INERT)
def test_nothing_of_a_senders_runs_or_loads(mrkdwn: str) -> None:
    html = render_markdown(to_markdown(mrkdwn)).replace("&lt;", "").lower()
    for bad in ("<script", "<img", 'href="javascript', 'href="data', 'href="//', '" onmouse', '"onmouse'):
        assert bad not in html, html


def test_attachments_and_blocks_are_told_as_text(hook: Hook) -> None:
    payload = {
        "text": "the line for a notification",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Deploy"}},
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": "*prod*"},
                "fields": [{"type": "mrkdwn", "text": "v7"}],
            },
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "by ada"}]},
            {"type": "of tomorrow", "text": "still read"},
        ],
        "attachments": [
            {"title": "Log", "title_link": "https://e.example/log", "text": "x", "fields": [{"title": "n", "value": 5}]}
        ],
    }
    check_ok(hook.post(payload))
    text = hook.messages()[0]["text"]
    for part in ("**Deploy**", "**prod**", "v7", "by ada", "still read", "[Log](<https://e.example/log>)", "**n:** 5"):
        assert part in text, part
    assert "notification" not in text


def test_an_alert_that_is_only_a_title_is_no_empty_post(hook: Hook) -> None:
    alert = {
        "username": "Alertmanager",
        "attachments": [{"title": "[FIRING:1] Disk", "text": "", "fallback": "x", "color": "danger"}],
    }
    check_ok(hook.post(alert))
    assert "[FIRING:1] Disk" in hook.messages()[0]["text"]
    check_ok(hook.post({"attachments": [None, {"fallback": "only this", "fields": None}]}))
    assert hook.messages()[1]["text"] == "only this"


def test_a_long_post_is_taken(hook: Hook) -> None:
    check_ok(hook.post({"text": "word " * 10_000}))
    assert len(hook.messages()[0]["text"]) == 16_000


WORDS: dict[str, tuple[Any, int, bytes]] = {
    "no text": ({}, 400, b"no_text"),
    "blank text": ({"text": " \n"}, 400, b"no_text"),
    "empty attachments": ({"attachments": [{}]}, 400, b"no_text"),
    "a number as text": ({"text": 5}, 400, b"invalid_payload"),
    "a list": ([{"text": "x"}], 400, b"invalid_payload"),
    "101 attachments": ({"attachments": [{"text": "x"}] * 101}, 400, b"too_many_attachments"),
}


@pytest.mark.parametrize(("payload", "status", "word"), WORDS.values(), ids=WORDS)
def test_what_is_wrong_is_said_in_slacks_words(quiet: Hook, payload: Any, status: int, word: bytes) -> None:
    with nothing_changes():
        answer = quiet.post(payload)
    assert (answer.status_code, answer.data, answer.mimetype) == (status, word, "text/plain")


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_what_cannot_be_read_posts_nothing(quiet: Hook, data: bytes, content_type: str) -> None:
    with nothing_changes():
        answer = quiet.client.post(quiet.path, data=data, content_type=content_type)
    assert (answer.status_code, answer.data in (b"invalid_payload", b"no_text")) == (400, True)


STRANGE: dict[str, Any] = {
    "attachments that are a number": {"attachments": 5},
    "attachments of numbers": {"attachments": [5, None, "x"]},
    "fields that are a number": {"attachments": [{"fields": 5}]},
    "fields that are a text": {"attachments": [{"fields": "abc"}]},
    "fields that are an object": {"attachments": [{"fields": {"title": 1}}]},
    "blocks that are an object": {"blocks": {"type": "section"}},
    "elements that are a number": {"blocks": [{"type": "context", "elements": 5}]},
    "block fields that are true": {"blocks": [{"type": "section", "fields": True}]},
    "a text without end": {"blocks": [{"type": "section", "text": {"text": {"text": {"text": []}}}}]},
}


@pytest.mark.parametrize("payload", STRANGE.values(), ids=STRANGE)
def test_a_strange_shape_costs_its_own_part_only(hook: Hook, payload: Any) -> None:
    check_ok(hook.post({"attachments": [{"text": "what counts"}], **payload} | {"text": "what counts"}))
    (message,) = hook.messages()
    assert "what counts" in message["text"]


def test_a_text_of_texts_without_end_is_refused(quiet: Hook) -> None:
    levels = 940  # shallow enough for a parser, too deep for whoever walks it
    data = b'{"blocks": [{"type": "section", "text": ' + b'{"text": ' * levels + b'"x"' + b"}" * levels + b"}]}"
    with nothing_changes():
        answer = quiet.client.post(quiet.path, data=data, content_type="application/json")
    assert (answer.status_code, answer.text) == (400, "invalid_payload")


def test_over_a_megabyte_is_too_large(quiet: Hook) -> None:
    with nothing_changes():
        answer = quiet.client.post(quiet.path, data=b'{"text": "' + b"x" * 2**20 + b'"}')
    assert (answer.status_code, answer.text) == (413, "invalid_payload")


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery"])
def test_a_repeat_under_one_key_posts_once_also_at_once(app: Flask, hook: Hook, header: str) -> None:
    headers = {header: f"é {secrets.token_hex(8)} ." * 20}

    def send(_: int) -> bytes:
        return app.test_client().post(hook.path, json={"text": "once"}, headers=headers).data

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(6))) == [b"ok"] * 6
    assert len(hook.messages()) == 1
    check_ok(hook.post({"text": "once"}))
    check_ok(hook.post({"text": "once"}, headers={header: "another"}))
    assert len(hook.messages()) == 3


# Who may


def no_service(answer: TestResponse) -> bool:
    return (answer.status_code, answer.data, answer.mimetype) == (404, b"no_service", "text/plain")


def test_an_address_that_nobody_gave_out_is_no_service(app: Flask) -> None:
    for secret in (secrets.token_urlsafe(24), "x", "%00", "%ff", "x" * 5000):
        assert no_service(app.test_client().post(f"/hooks/{secret}", json={"text": "x"})) or secret == "%00"


def test_a_deleted_webhook_is_no_service_and_its_bot_is_gone(hook: Hook, ada: Person) -> None:
    check_ok(hook.post({"text": "what stays"}))
    assert ada.delete(f"/api/webhooks/{hook.made['id']}").status_code == 204
    assert no_service(hook.post({"text": "too late"}))
    assert [m["text"] for m in hook.messages()] == ["what stays"]
    members = ada.get(f"/api/chats/{hook.chat}").json["members"]
    assert hook.made["bot_id"] not in [m["user"]["id"] for m in members]
    assert ada.get(f"/api/webhooks/{hook.made['id']}").status_code == 404


@pytest.mark.parametrize("step", ["user_by_id", "disable_user"])
def test_deleting_a_webhook_can_be_repeated_wherever_it_broke_off(
    hook: Hook, ada: Person, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def dies(*args: object) -> None:
        raise SystemError("killed")

    path = f"/api/webhooks/{hook.made['id']}"
    with monkeypatch.context() as broken:
        broken.setattr(f"infitalks.actions.webhooks.{step}", dies)
        assert ada.delete(path).status_code == 500
    assert no_service(hook.post({"text": "too late"}))
    assert [ada.delete(path).status_code for _ in range(2)] == [204, 404]
    bot = user_by_id(ObjectId(hook.made["bot_id"]))
    assert bot and bot.disabled_at
    assert [m["user"]["id"] for m in ada.get(f"/api/chats/{hook.chat}").json["members"]] == [ada.id]


def test_a_rotated_address_replaces_the_old_one_at_once(hook: Hook, ada: Person) -> None:
    rotated = ada.post(f"/api/webhooks/{hook.made['id']}/rotate")
    assert rotated.status_code == 200 and rotated.json["url"] != hook.made["url"]
    assert no_service(hook.post({"text": "old"}))
    check_ok(hook.client.post(urlsplit(rotated.json["url"]).path, json={"text": "new"}))
    assert [m["text"] for m in hook.messages()] == ["new"]


def test_a_bot_that_was_removed_posts_nothing_until_it_is_back(hook: Hook, ada: Person) -> None:
    member = f"/api/chats/{hook.chat}/members/{hook.made['bot_id']}"
    assert ada.delete(member).status_code == 204
    with nothing_changes():
        assert no_service(hook.post({"text": "x"}))
    ada.post(f"/api/chats/{hook.chat}/members", {"user_ids": [hook.made["bot_id"]]})
    check_ok(hook.post({"text": "back"}))


def test_the_address_is_shown_once_and_kept_nowhere(hook: Hook, ada: Person) -> None:
    secret = hook.path.rpartition("/")[2]
    assert len(secret) >= 32
    shown = [ada.get(f"/api/webhooks/{hook.made['id']}"), ada.get(f"/api/chats/{hook.chat}/webhooks")]
    shown.append(ada.get(f"/c/{hook.chat}/settings"))
    for answer in shown:
        assert answer.status_code == 200 and secret not in answer.text


def test_owners_look_after_a_groups_webhooks_and_nobody_else(hook: Hook, ada: Person, bob: Person, eve: Person) -> None:
    ada.post(f"/api/chats/{hook.chat}/members", {"user_ids": [bob.id]})
    one, all_of = f"/api/webhooks/{hook.made['id']}", f"/api/chats/{hook.chat}/webhooks"
    asked: list[Callable[[Person], TestResponse]] = [
        lambda who: who.get(all_of),
        lambda who: who.post(all_of, {"kind": "incoming", "name": "Mine"}),
        lambda who: who.get(one),
        lambda who: who.patch(one, {"name": "Renamed"}),
        lambda who: who.post(f"{one}/rotate"),
        lambda who: who.delete(one),
    ]
    with nothing_changes():
        assert [ask(bob).status_code for ask in asked] == [403] * 6
        assert [ask(eve).status_code for ask in asked] == [404] * 6
    assert [ask(ada).status_code for ask in asked] == [200, 201, 200, 200, 200, 204]


def test_either_one_makes_webhooks_in_a_direct_chat(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    for who in (ada, bob):
        hook = Hook(app, who, chat, f"{who.username}'s")
        check_ok(hook.post({"text": f"by {who.username}"}))
    assert len(hook.messages()) == 2


def test_a_webhooks_new_name_is_its_bots(hook: Hook, ada: Person) -> None:
    assert ada.patch(f"/api/webhooks/{hook.made['id']}", {"name": "Deploys"}).json["name"] == "Deploys"
    check_ok(hook.post({"text": "x"}))
    assert hook.messages()[0]["author"]["display_name"] == "Deploys"
