"""`/hooks` in all formats: what each sender is told, to the byte, who may, and what a repeat does."""

import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.app import create_app
from infitalks.blueprints.hooks import ABUSE, MOST_FORMAT_BYTES
from infitalks.integrations.catalogue import FORMATS
from infitalks.integrations.checks import hex_hmac
from infitalks.models.log import Entry
from infitalks.settings import load_settings
from tests.api.corpus import MALFORMED, nothing_changes
from tests.api.test_outages import no_mongod
from tests.hooks import Hook
from tests.integrations.payloads import payload
from tests.people import Person
from tests.running import Running, wait_until

__all__ = ["no_mongod"]


GOOD: dict[str, Any] = {
    "slack": payload("slack_alertmanager"),
    "mattermost": payload("mattermost"),
    "discord": payload("discord_embed"),
    "github": payload("github_push"),
    "gitea": payload("gitea_push"),
    "gitlab": payload("gitlab_push"),
    "alertmanager": payload("alertmanager_firing"),
    "grafana": payload("grafana_firing"),
    "sentry": payload("sentry_event_alert"),
    "text": b"*hello*",
    "json": {"title": "Backup", "message": "done"},
}
EVENTS = {"X-GitHub-Event": "push", "X-Gitea-Event": "push"}
PLAIN = "text/plain; charset=utf-8"
TOOK = {"discord": (204, b"", "application/json"), "json": (200, b'{"ok": true}', "application/json")}


def seen(answer: TestResponse) -> tuple[int, bytes, str]:
    return answer.status_code, answer.data, answer.content_type


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_posted_and_answered_as_its_sender_expects(hook: Hook, form: str) -> None:
    assert seen(hook.send(form, GOOD[form], EVENTS)) == TOOK.get(form, (200, b"ok", PLAIN))
    (message,) = hook.messages()
    assert message["text"] and message["html"]
    assert message["author"]["id"] == hook.made["bot_id"]


def app_error(word: str, message: str, status: int) -> bytes:
    error = {"id": f"web.incoming_webhook.{word}.app_error", "message": message, "detailed_error": ""}
    return json.dumps({**error, "request_id": "", "status_code": status}).encode()


JSON = "application/json"
# What is wrong, and how each dialect says it.
REFUSED: dict[str, dict[str, tuple[int, bytes, str]]] = {
    "no such webhook": {
        "slack": (404, b"no_service", PLAIN),
        "github": (404, b"no_service", PLAIN),
        "mattermost": (400, app_error("no_service", "There is no such webhook.", 400), JSON),
        "discord": (404, b'{"message": "Unknown Webhook", "code": 10015}', JSON),
        "json": (404, b'{"error": {"code": "no_service", "message": "There is no such webhook."}}', JSON),
    },
    "no JSON": {
        "slack": (400, b"invalid_payload", PLAIN),
        "alertmanager": (400, b"invalid_payload", PLAIN),
        "mattermost": (400, app_error("invalid_payload", "The payload cannot be read.", 400), JSON),
        "discord": (400, b'{"message": "The request body contains invalid JSON.", "code": 50109}', JSON),
        "json": (400, b'{"error": {"code": "invalid_payload", "message": "The payload cannot be read."}}', JSON),
    },
    "nothing said": {
        "slack": (400, b"no_text", PLAIN),
        "mattermost": (400, app_error("no_text", "No text specified.", 400), JSON),
        "discord": (400, b'{"message": "Cannot send an empty message", "code": 50006}', JSON),
        "json": (400, b'{"error": {"code": "no_text", "message": "No text specified."}}', JSON),
        "text": (400, b"no_text", PLAIN),
    },
    "too large": {
        "slack": (413, b"invalid_payload", PLAIN),
        "mattermost": (413, app_error("too_large", "The payload is too large.", 413), JSON),
        "discord": (413, b'{"message": "Request entity too large", "code": 40005}', JSON),
        "json": (413, b'{"error": {"code": "too_large", "message": "The payload is too large."}}', JSON),
    },
    "not signed": {
        "slack": (403, b"invalid_token", PLAIN),
        "mattermost": (403, app_error("invalid_token", "The signature or token is missing or wrong.", 403), JSON),
        "discord": (401, b'{"message": "Invalid Webhook Token", "code": 50027}', JSON),
        "grafana": (403, b"invalid_token", PLAIN),
    },
    "another content under a used key": {
        "slack": (409, b"invalid_payload", PLAIN),
        "mattermost": (409, app_error("conflict", "This key was used for other content.", 409), JSON),
        "discord": (409, b'{"message": "This key was used for other content.", "code": 0}', JSON),
        "json": (409, b'{"error": {"code": "conflict", "message": "This key was used for other content."}}', JSON),
    },
}
EMPTY: dict[str, Any] = {"text": b" \n"}


def provoke(hook: Hook, form: str, wrong: str) -> TestResponse:
    match wrong:
        case "no such webhook":
            return hook.client.post(f"/hooks/nobody/{form}", json=GOOD[form])
        case "no JSON":
            return hook.send(form, b'{"text": ')
        case "nothing said":
            return hook.send(form, EMPTY.get(form, {}))
        case "too large":
            return hook.send(form, b'{"text": "' + b"x" * MOST_FORMAT_BYTES + b'"}')
        case "not signed":
            hook.rules(signing_secret="a shared secret")
            with nothing_changes():
                return hook.send(form, GOOD[form], EVENTS)
        case _:
            key = {"Idempotency-Key": "once"}
            assert hook.send(form, GOOD[form], key).status_code < 300
            return hook.send(form, {**GOOD[form], "more": 1}, key)


@pytest.mark.parametrize(("wrong", "form"), [(wrong, form) for wrong, forms in REFUSED.items() for form in forms])
def test_what_is_wrong_is_said_in_the_senders_own_words(hook: Hook, wrong: str, form: str) -> None:
    answer = provoke(hook, form, wrong)
    assert seen(answer) == REFUSED[wrong][form]
    assert len(hook.messages()) == (1 if wrong.startswith("another") else 0)


def test_slacks_words_for_what_slack_refuses(quiet: Hook) -> None:
    with nothing_changes():
        for content, word in (
            ({"channel": "@nobody", "text": "x"}, b"user_not_found"),
            ({"attachments": [{}] * 101}, b"too_many_attachments"),
            ({"text": ["x"]}, b"invalid_payload"),
        ):
            assert seen(quiet.send("slack", content)) == (400, word, PLAIN)


@pytest.mark.parametrize("form", FORMATS)
def test_what_cannot_be_read_changes_nothing(quiet: Hook, form: str) -> None:
    broken = {name: data for name, data in MALFORMED.items() if form not in ("text", "json")}
    broken |= {name: MALFORMED[name] for name in ("no UTF-8", "UTF-16", "nothing")}
    with nothing_changes():
        answers = {name: quiet.send(form, data, EVENTS).status_code for name, data in broken.items()}
    assert set(answers.values()) == {400}, answers


def test_an_unknown_format_is_nothing(quiet: Hook) -> None:
    with nothing_changes():
        assert seen(quiet.send("pagerduty", {"text": "x"})) == (404, b"no_service", PLAIN)
        assert quiet.client.post(f"{quiet.path}/slack/more", json={"text": "x"}).status_code == 404


def test_grafana_may_put(hook: Hook) -> None:
    answer = hook.client.put(f"{hook.path}/grafana", json=payload("grafana_firing"))
    assert seen(answer) == (200, b"ok", PLAIN) and len(hook.messages()) == 1


FORMS: dict[str, dict[str, Any]] = {
    "a form": {"data": {"payload": json.dumps(GOOD["github"])}},
    "JSON with a charset": {"data": json.dumps(GOOD["github"]), "content_type": "application/json; charset=utf-8"},
}


@pytest.mark.parametrize("sent", FORMS.values(), ids=FORMS)
def test_github_may_send_json_or_a_form(hook: Hook, sent: dict[str, Any]) -> None:
    answer = hook.client.post(f"{hook.path}/github", headers=EVENTS, **sent)
    assert seen(answer) == (200, b"ok", PLAIN)
    assert hook.messages()[0]["cards"][0]["title"] == "2 commits pushed to main"


def test_a_ping_is_answered_and_not_shown(hook: Hook) -> None:
    assert seen(hook.send("github", payload("github_ping"), {"X-GitHub-Event": "ping"})) == (200, b"ok", PLAIN)
    assert hook.messages() == []


def test_a_signed_post_is_taken_and_an_altered_one_is_not(hook: Hook) -> None:
    hook.rules(signing_secret="a shared secret")
    body = json.dumps(GOOD["github"]).encode()
    right = {**EVENTS, "X-Hub-Signature-256": "sha256=" + hex_hmac("a shared secret", body)}
    assert hook.send("github", body + b" ", right).status_code == 403
    assert hook.send("github", body, {**right, "X-Hub-Signature-256": "sha256="}).status_code == 403
    # Nor by way of a format that is not signed.
    assert hook.post({"text": "x"}).status_code == hook.send("text", b"x").status_code == 403
    assert hook.messages() == []
    assert hook.send("github", body, right).status_code == 200
    assert hook.send("text", b"x", {"Authorization": "Bearer a shared secret"}).status_code == 200
    assert len(hook.messages()) == 2
    hook.rules(signing_secret=None)
    assert hook.send("text", b"x").status_code == 200


def test_a_template_puts_json_into_words(hook: Hook) -> None:
    hook.rules(template="**{{host.name}}** is at {{load.0}}")
    assert hook.send("json", {"host": {"name": "db1"}, "load": [7]}).status_code == 200
    form = {"host": "x", "load": "y"}
    assert hook.client.post(f"{hook.path}/json", data=form).status_code == 200
    assert [message["text"] for message in hook.messages()] == ["**db1** is at 7", "**** is at "]


def test_plain_text_is_taken_however_it_is_labelled(hook: Hook) -> None:
    for content_type in ("text/plain", "", "application/x-www-form-urlencoded", "application/octet-stream"):
        answer = hook.client.post(f"{hook.path}/text", data=b"disk & *hose*", content_type=content_type)
        assert seen(answer) == (200, b"ok", PLAIN)
    answer = hook.client.post(f"{hook.path}/text", data={"m": "disk & *hose*"}, content_type="multipart/form-data")
    assert answer.status_code == 200
    assert [message["text"] for message in hook.messages()] == ["disk & *hose*"] * 5


# Repeats

POSTS = 10_000 if os.environ.get("FAULTS") == "full" else 300
KEYS = ("Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Gitea-Delivery", "X-Gitlab-Event-UUID")


@pytest.mark.parametrize("header", KEYS)
def test_a_repeat_is_posted_once_whatever_it_is_called(hook: Hook, header: str) -> None:
    key = {**EVENTS, header: secrets.token_hex(8)}
    assert [hook.send("github", GOOD["github"], key).data for _ in range(3)] == [b"ok"] * 3
    assert len(hook.messages()) == 1


def test_discords_nonce_marks_a_repeat_where_it_is_enforced(hook: Hook) -> None:
    def send(**more: Any) -> Any:
        return hook.send("discord", {"content": "x", **more}, query="?wait=true").json

    once = [send(nonce="n1", enforce_nonce=True)["id"] for _ in range(2)]
    assert once[0] == once[1]
    assert len({send(nonce="n2")["id"] for _ in range(2)}) == 2


def test_a_repeat_stays_one_after_we_have_learnt_to_read_it_otherwise(hook: Hook) -> None:
    key = {"Idempotency-Key": "once"}
    assert hook.send("json", {"a": 1}, key).status_code == 200
    hook.rules(template="now it says {{a}}")
    assert hook.send("json", {"a": 1}, key).status_code == 200
    assert len(hook.messages()) == 1


def test_a_form_in_parts_is_a_repeat_by_what_it_says_whatever_its_boundary(hook: Hook) -> None:
    def send(content: str) -> int:
        return hook.client.post(
            f"{hook.path}/discord",
            data={"payload_json": json.dumps({"content": content})},
            content_type=f"multipart/form-data; boundary={secrets.token_hex(8)}",
            headers={"Idempotency-Key": "once"},
        ).status_code

    assert [send("x"), send("x"), send("y")] == [204, 204, 409]
    assert len(hook.messages()) == 1


@pytest.mark.timeout(1800)
def test_many_posts_each_sent_twice_at_once_appear_once(app: Flask, hook: Hook) -> None:
    clients = [app.test_client() for _ in range(8)]

    def send(job: tuple[int, int]) -> bytes:
        turn, number = job
        key = {"Idempotency-Key": f"post {number}"}
        return clients[turn % 8].post(hook.path, json={"text": f"post {number}"}, headers=key).data

    posts = POSTS // 2
    jobs = [(turn, turn // 2) for turn in range(POSTS)]
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(send, jobs)) == {b"ok"}
    texts: list[str] = []
    before = ""
    while page := hook.owner.get(f"/api/messages?chat={hook.chat}&limit=100{before}").json["messages"]:
        texts += [message["text"] for message in page]
        before = f"&before={page[0]['seq']}"
    assert sorted(texts) == sorted(f"post {number}" for number in range(posts))


# Threads, and Discord's own messages


def test_a_thread_of_the_chat_is_answered_and_anothers_is_none(hook: Hook, ada: Person, bob: Person) -> None:
    first = ada.say(hook.chat, "which one?")
    unseen = bob.say(bob.group(), "not here")
    ada.post(f"/api/chats/{(other := ada.group())}/members", {"user_ids": [hook.made["bot_id"]]})
    elsewhere = ada.say(other, "nor here, though the bot sees it")
    for thread in (first["id"], "1405894322.002768", unseen["id"], elsewhere["id"]):
        assert hook.post({"text": "x", "thread_ts": thread}).data == b"ok"
    assert [message["reply_to"] for message in hook.messages()] == [None, first["id"], None, None, None]


def test_a_message_of_ones_own_is_read_edited_and_deleted(hook: Hook) -> None:
    posted = hook.send("discord", payload("discord_embed"), query="?wait=True")
    assert posted.status_code == 200 and posted.json["content"] == "Build @42 done"
    assert posted.json["author"]["username"] == "CI" and posted.json["embeds"][0]["color"] == 3066993
    path = f"{hook.path}/discord/messages/{posted.json['id']}"
    assert hook.client.get(path).json == posted.json
    edited = hook.client.patch(path, json={"content": "Build failed"})
    assert edited.status_code == 200 and edited.json["content"] == "Build failed"
    assert edited.json["embeds"] == posted.json["embeds"] and edited.json["edited_timestamp"]
    bare = hook.client.patch(path, json={"embeds": []})
    assert bare.json["embeds"] == [] and hook.messages()[0]["cards"] == []
    with nothing_changes():
        assert hook.client.patch(path, json={"content": ""}).json["code"] == 50006
        assert hook.client.patch(path, data=b"{").json["code"] == 50109
    assert seen(hook.client.delete(path)) == (204, b"", JSON)
    for gone in (hook.client.get(path), hook.client.patch(path, json={"content": "x"}), hook.client.delete(path)):
        assert seen(gone) == (404, b'{"message": "Unknown Message", "code": 10008}', JSON)


def test_others_messages_are_not_a_webhooks_to_see(app: Flask, hook: Hook, ada: Person) -> None:
    other = Hook(app, ada, hook.chat, "Other")
    theirs = other.send("discord", {"content": "x"}, query="?wait=1").json["id"]
    hers = ada.say(hook.chat, "y")["id"]
    assert hook.client.get(f"{other.path}/discord/messages/{theirs}").status_code == 200
    with nothing_changes():
        for message in (theirs, hers, "0" * 24, "x"):
            path = f"{hook.path}/discord/messages/{message}"
            answers = [hook.client.get(path), hook.client.delete(path), hook.client.patch(path, json={"content": "z"})]
            assert [answer.json["code"] for answer in answers] == [10008] * 3


# Cards


def test_cards_are_the_messages_until_an_edit_says_it_in_words(hook: Hook) -> None:
    hook.send("alertmanager", payload("alertmanager_firing"))
    (message,) = hook.messages()
    card = message["cards"][1]
    assert set(card) == {
        *("color", "author", "title", "url", "text", "html", "fields", "image_url", "image_alt"),
        *("thumb_url", "footer", "footer_html", "at", "buttons"),
    }
    link = {"text": "Runbook", "url": "https://runbooks.example/disk", "style": "default", "id": None, "confirm": None}
    assert card["buttons"] == [link]
    assert card["fields"][0] == {"title": "instance", "text": "db1", "html": "<p>db1</p>", "short": True}


def test_a_deleted_cards_words_are_nowhere(hook: Hook) -> None:
    word = secrets.token_hex(8)
    posted = hook.send("discord", {"embeds": [{"description": word}]}, query="?wait=true").json["id"]
    path = f"{hook.path}/discord/messages/{posted}"
    assert hook.client.patch(path, json={"embeds": [{"title": f"{word} again"}]}).status_code == 200
    assert word in str(list(Entry.raw().find({"kind": "edit"})))
    assert hook.client.delete(path).status_code == 204
    assert word not in str(list(Entry.raw().find()))


# What is away, and who sends too much


def test_a_database_that_is_away_is_a_503_in_every_dialect(hook: Hook, no_mongod: Running) -> None:
    no_mongod.kill()
    answers = {}
    for form in ("slack", "mattermost", "discord", "json"):
        with pymongo.timeout(1):  # the driver would wait longer for it to come back
            answers[form] = hook.send(form, GOOD[form], {"Idempotency-Key": form})
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers.values())
    away = "A part is away for a moment. Send again."
    assert {form: seen(answer) for form, answer in answers.items()} == {
        "slack": (503, b"rollup_error", PLAIN),
        "mattermost": (503, app_error("unavailable", away, 503), JSON),
        "discord": (503, json.dumps({"message": away, "code": 0}).encode(), JSON),
        "json": (503, json.dumps({"error": {"code": "unavailable", "message": away}}).encode(), JSON),
    }
    no_mongod.start()
    wait_until(lambda: hook.client.get("/readyz").status_code == 200, "the app has its database again")
    assert hook.send("slack", GOOD["slack"], {"Idempotency-Key": "slack"}).status_code == 200
    assert len(hook.messages()) == 1


def test_only_abuse_is_told_to_slow_down(app: Flask, stores_environ: dict[str, str]) -> None:
    limited = create_app(load_settings({**stores_environ, "MONGODB_DATABASE": "api"}))
    limits = limited.extensions["limits"]
    while not limits.hit(ABUSE, "hooks.post_hook_as", "127.0.0.1"):
        pass
    answer = limited.test_client().post("/hooks/nobody/slack", json={"text": "x"})
    assert seen(answer) == (429, b"rate_limited", PLAIN) and int(answer.headers["Retry-After"]) >= 1
    answer = limited.test_client().post("/hooks/nobody/discord", json={"content": "x"})
    assert answer.status_code == 429 and answer.json == {
        "message": "You are being rate limited.",
        "retry_after": float(answer.headers["Retry-After"]),
        "global": False,
    }
