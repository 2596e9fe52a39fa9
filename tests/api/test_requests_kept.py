"""What came in through a webhook: each request is kept with its answer, and received again when that is asked."""

import io
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.actions import arrivals
from infitalks.actions.arrivals import MOST_KEPT, TRIMMED_EACH
from infitalks.integrations.catalogue import FORMATS
from infitalks.integrations.checks import hex_hmac
from infitalks.integrations.dialects import MEANINGS
from infitalks.integrations.kept import MOST_BYTES
from infitalks.models.deliveries import Delivery
from infitalks.models.webhooks import webhook_by_id
from tests.api.test_hooks import EVENTS, GOOD, REFUSED, provoke
from tests.hooks import Hook
from tests.integrations.payloads import payload
from tests.people import Person
from tests.running import wait_until

SECRET = "a shared secret"


def path_of(hook: Hook) -> str:
    return f"/api/webhooks/{hook.made['id']}"


def kept(hook: Hook, count: int = 1) -> list[Any]:
    """The newest first, once there are so many: they are not written for a majority."""
    path = f"{path_of(hook)}/deliveries?limit=100"
    wait_until(lambda: len(hook.owner.get(path).json["deliveries"]) >= count, f"{count} requests are kept")
    rows: list[Any] = hook.owner.get(path).json["deliveries"]
    assert len(rows) == count
    return rows


def again(hook: Hook, row: Any) -> TestResponse:
    return hook.owner.post(f"{path_of(hook)}/deliveries/{row['id']}/redeliver")


def stored(hook: Hook) -> str:
    """All that is kept of the webhook's requests."""
    return str(list(Delivery.raw().find({"webhook": ObjectId(hook.made["id"])})))


# What is kept


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_taken_is_kept_with_its_answer_and_message(hook: Hook, form: str) -> None:
    answer = hook.send(form, GOOD[form], EVENTS)
    (row,) = kept(hook)
    assert (row["type"], row["state"], row["reason"], row["tries"]) == (f"post.{form}", "ok", None, 1)
    body = GOOD[form].decode() if isinstance(GOOD[form], bytes) else json.dumps(GOOD[form])
    assert (row["body"], row["content_type"], row["cut"]) == (body, "application/json", False)
    assert row["headers"] == {name: "push" for name in ("X-GitHub-Event", "X-Gitea-Event")}
    (message,), (attempt,) = hook.messages(), row["attempts"]
    assert (row["message_id"], row["seq"]) == (message["id"], message["seq"])
    assert (attempt["status"], attempt["answer"]) == (answer.status_code, answer.text)
    assert attempt["reply"] == "posted" and attempt["took_ms"] >= 0


REASONS = {
    "no JSON": MEANINGS["invalid_payload"],
    "nothing said": MEANINGS["no_text"],
    "too large": MEANINGS["too_large"],
    "not signed": MEANINGS["invalid_token"],
    "another content under a used key": MEANINGS["conflict"],
}


@pytest.mark.parametrize(("wrong", "form"), [(wrong, form) for wrong in REASONS for form in REFUSED[wrong]])
def test_what_is_refused_is_kept_with_its_reason_and_the_senders_own_words(hook: Hook, wrong: str, form: str) -> None:
    status, words, _ = REFUSED[wrong][form]
    assert provoke(hook, form, wrong).status_code == status
    row = kept(hook, 2 if wrong.startswith("another") else 1)[0]
    assert (row["type"], row["state"], row["reason"]) == (f"post.{form}", "dead", REASONS[wrong])
    assert (row["attempts"][0]["status"], row["attempts"][0]["answer"]) == (status, words.decode())
    assert row["redeliverable"] is (wrong not in ("not signed", "too large"))
    assert row["message_id"] is None


def test_what_says_nothing_and_what_repeats_is_kept_as_that(hook: Hook) -> None:
    hook.send("github", payload("github_ping"), {"X-GitHub-Event": "ping"})
    for _ in range(2):
        hook.post({"text": "x"}, headers={"Idempotency-Key": "k"})
    rows = kept(hook, 3)
    became = [row["attempts"][0]["reply"] for row in rows]
    assert became == ["belongs to an earlier message", "posted", "nothing to post"]
    assert rows[0]["headers"] == {"Idempotency-Key": "k"} and rows[0]["message_id"] == rows[1]["message_id"]


def test_a_removed_bot_is_no_webhook_to_the_sender_but_called_by_name_here(hook: Hook) -> None:
    member = f"/api/chats/{hook.chat}/members"
    hook.owner.delete(f"{member}/{hook.made['bot_id']}")
    assert hook.post({"text": "late"}).data == b"no_service"
    (row,) = kept(hook)
    assert row["reason"] == "Its bot is not in the chat."
    hook.owner.post(member, {"user_ids": [hook.made["bot_id"]]})
    received = again(hook, row)
    assert (received.status_code, received.json["state"], received.json["reason"]) == (200, "ok", None)
    assert [message["text"] for message in hook.messages()] == ["late"]


def test_nothing_that_proves_a_sender_is_kept(hook: Hook) -> None:
    hook.rules(signing_secret=SECRET)
    body = json.dumps(GOOD["github"]).encode()
    proofs = {
        "Authorization": f"Bearer {SECRET}",
        "Cookie": f"infitalks={SECRET}",
        "X-Gitlab-Token": SECRET,
        "X-Hub-Signature-256": "sha256=" + hex_hmac(SECRET, body),
        "X-Forwarded-For": "203.0.113.7",
    }
    assert hook.send("github", body, {**EVENTS, **proofs}).status_code == 200
    assert hook.send("gitlab", GOOD["gitlab"], proofs).status_code == 200
    assert len(kept(hook, 2)) == 2
    shown = stored(hook) + hook.owner.get(f"{path_of(hook)}/deliveries").text
    for secret in (SECRET, proofs["X-Hub-Signature-256"], "203.0.113.7", hook.path.rpartition("/")[2]):
        assert secret not in shown


def test_of_a_large_request_the_beginning_is_kept_and_marked(hook: Hook) -> None:
    assert hook.send("json", {"text": "x", "more": "y" * MOST_BYTES}).status_code == 200
    (row,) = kept(hook)
    assert (len(row["body"]), row["cut"], row["redeliverable"]) == (MOST_BYTES, True, False)
    refused = again(hook, row)
    assert refused.status_code == 409 and "beginning" in refused.json["error"]["message"]
    assert len(hook.messages()) == 1


def test_only_the_newest_are_kept(app: Flask, hook: Hook, ada: Person) -> None:
    other = Hook(app, ada, hook.chat, "Other")
    other.post({})
    for number in range(MOST_KEPT + 2 * TRIMMED_EACH):
        hook.send("slack", {"n": number})
    query = {"webhook": ObjectId(hook.made["id"])}
    bodies = [json.loads(row["body"])["n"] for row in Delivery.raw().find(query).sort("created_at", -1)]
    assert MOST_KEPT <= len(bodies) < MOST_KEPT + TRIMMED_EACH
    assert bodies == list(range(MOST_KEPT + 2 * TRIMMED_EACH))[::-1][: len(bodies)]
    assert len(kept(other)) == 1


def test_all_of_it_ends_by_time_and_with_the_webhook(hook: Hook) -> None:
    hook.post({"text": "x"})
    kept(hook)
    query = {"webhook": ObjectId(hook.made["id"])}
    row = Delivery.raw().find_one(query)
    assert row and (row["expires_at"] - row["created_at"]).days == 30
    assert any(index.get("expireAfterSeconds") == 0 for index in Delivery.raw().list_indexes())
    hook.owner.delete(path_of(hook))
    assert Delivery.raw().find_one(query) is None


def test_what_is_not_utf8_is_kept_as_it_came(hook: Hook) -> None:
    assert hook.send("text", b"caf\xe9").status_code == 400
    (row,) = kept(hook)
    assert row["body"] == "caf\ufffd"
    assert again(hook, row).json["state"] == "dead"


def test_nothing_is_kept_while_it_is_off_nor_of_what_never_was(hook: Hook) -> None:
    hook.post({"text": "x"})
    kept(hook)
    hook.owner.patch(path_of(hook), {"active": False})
    before = Delivery.raw().count_documents({})
    assert hook.post({"text": "y"}).data == b"no_service"
    assert hook.client.post(f"/hooks/{secrets.token_urlsafe(24)}", json={"text": "z"}).status_code == 404
    assert Delivery.raw().count_documents({}) == before
    assert hook.owner.post(f"{path_of(hook)}/test").status_code == 409
    assert again(hook, kept(hook)[0]).status_code == 409
    hook.owner.patch(path_of(hook), {"active": True})
    assert again(hook, kept(hook)[0]).json["tries"] == 2


def test_a_request_that_cannot_be_kept_is_answered_all_the_same(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "PATIENCE_SECONDS", 0.000001)
    assert hook.post({"text": "x"}).data == b"ok"
    assert len(hook.messages()) == 1 and hook.owner.get(f"{path_of(hook)}/deliveries").json["deliveries"] == []


# Received again

# Made anew for each request: files are read once.
SENT: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "JSON": ("slack", lambda: {"json": {"text": "hello & more"}}),
    "JSON that is called a form": (
        "slack",
        lambda: {"data": b'{"text": "hello & more"}', "content_type": "application/x-www-form-urlencoded"},
    ),
    "a form's payload": ("slack", lambda: {"data": {"payload": '{"text": "hello &amp; more"}'}}),
    "a form's fields": ("json", lambda: {"data": {"text": "hello & more", "empty": ""}}),
    "a form in parts, with a file": (
        "discord",
        lambda: {"data": {"payload_json": '{"content": "hello & more"}', "files[0]": (io.BytesIO(b"x"), "x.txt")}},
    ),
    "parts of text": ("text", lambda: {"data": {"m": "hello & more"}, "content_type": "multipart/form-data"}),
    "plain text": ("text", lambda: {"data": b"hello & more", "content_type": "text/plain"}),
}


@pytest.mark.parametrize(("form", "sent"), SENT.values(), ids=SENT)
def test_a_request_received_again_says_the_same(hook: Hook, form: str, sent: Callable[[], dict[str, Any]]) -> None:
    for key in ({}, {"Idempotency-Key": "once"}):
        assert hook.client.post(f"{hook.path}/{form}", headers=key, **sent()).status_code < 300
    keyed, first = kept(hook, 2)
    assert "hello" in hook.messages()[0]["text"] and "& more" in hook.messages()[0]["text"].replace("&amp;", "&")
    assert again(hook, first).json["attempts"][1]["reply"] == "posted"
    received = again(hook, keyed).json
    assert (received["state"], received["attempts"][1]["reply"]) == ("ok", "belongs to an earlier message")
    shown = [(message["text"], message["cards"]) for message in hook.messages()]
    assert len(shown) == 3 and shown[0] == shown[1] == shown[2]


def test_every_press_is_received_and_two_at_once_are_one(hook: Hook) -> None:
    hook.post({"text": "x"})
    (row,) = kept(hook)
    for count in (2, 3):
        assert again(hook, row).json["tries"] == count
        assert len(hook.messages()) == count
    webhook, seen_by_both = webhook_by_id(ObjectId(hook.made["id"])), Delivery.raw().find_one({"_id": row["id"]})
    assert webhook and seen_by_both
    for _ in range(2):
        arrivals.receive_again(webhook, seen_by_both, ObjectId(hook.owner.id))
    assert len(hook.messages()) == 4
    (row,) = kept(hook)
    assert [replay["by"] for replay in row["replays"]] == [hook.owner.id] * 4


def test_who_failed_to_prove_himself_gets_no_second_chance(hook: Hook) -> None:
    hook.rules(signing_secret=SECRET)
    assert hook.send("github", GOOD["github"], EVENTS).status_code == 403
    assert hook.send("slack", {}, {"Authorization": f"Bearer {SECRET}"}).status_code == 400
    nothing, forged = kept(hook, 2)
    hook.rules(signing_secret=None)
    refused = again(hook, forged)
    assert refused.status_code == 409 and "prove" in refused.json["error"]["message"]
    assert again(hook, nothing).json["state"] == "dead"
    assert hook.owner.post(f"{path_of(hook)}/deliveries/redeliver").json == {"redelivered": 1}
    assert hook.messages() == []


def test_a_proven_request_is_received_again_without_its_proof(hook: Hook) -> None:
    hook.rules(signing_secret=SECRET)
    assert hook.send("text", b"x", {"Authorization": f"Bearer {SECRET}"}).status_code == 200
    assert again(hook, kept(hook)[0]).json["state"] == "ok"
    assert len(hook.messages()) == 2


def test_all_that_failed_is_received_again_in_its_order(hook: Hook) -> None:
    member = f"/api/chats/{hook.chat}/members"
    hook.post({"text": "zero"})
    hook.owner.delete(f"{member}/{hook.made['bot_id']}")
    for word in ("one", "two"):
        hook.post({"text": word})
    hook.send("slack", b"{")
    kept(hook, 4)
    hook.owner.post(member, {"user_ids": [hook.made["bot_id"]]})
    assert hook.owner.post(f"{path_of(hook)}/deliveries/redeliver").json == {"redelivered": 3}
    assert [message["text"] for message in hook.messages()] == ["zero", "one", "two"]
    assert [row["state"] for row in kept(hook, 4)] == ["dead", "ok", "ok", "ok"]


def test_what_edited_or_deleted_is_kept_but_not_done_again(hook: Hook) -> None:
    posted = hook.send("discord", {"content": "x"}, query="?wait=true").json["id"]
    path = f"{hook.path}/discord/messages/{posted}"
    hook.client.get(path)
    hook.client.patch(path, json={"content": "y"})
    hook.client.delete(path)
    rows = kept(hook, 3)
    assert [row["type"] for row in rows] == ["delete.discord", "edit.discord", "post.discord"]
    assert [again(hook, row).status_code for row in rows[:2]] == [409, 409]


def test_a_test_is_posted_by_the_very_same_way(hook: Hook) -> None:
    hook.owner.patch(path_of(hook), {"name": "A <b> & *c*"})
    made = hook.owner.post(f"{path_of(hook)}/test")
    assert (made.status_code, made.json["state"], made.json["type"]) == (201, "ok", "post.slack")
    (message,) = hook.messages()
    assert message["author"]["id"] == hook.made["bot_id"] and made.json["message_id"] == message["id"]
    assert "This is a test of the webhook A &lt;b&gt; &amp; " in message["html"]
    assert kept(hook)[0]["id"] == made.json["id"]


# Who may


def test_only_those_who_look_after_it_see_what_came_and_have_it_received_again(
    hook: Hook, bob: Person, eve: Person
) -> None:
    hook.post({"text": "x"})
    (row,) = kept(hook)
    hook.owner.post(f"/api/chats/{hook.chat}/members", {"user_ids": [bob.id]})
    base = path_of(hook)
    doors = [("GET", f"{base}/deliveries"), ("POST", f"{base}/test"), ("POST", f"{base}/deliveries/redeliver")]
    doors.append(("POST", f"{base}/deliveries/{row['id']}/redeliver"))
    for method, path in doors:
        assert bob.call(method, path).status_code == 403, path
        assert eve.call(method, path).status_code == 404, path
        assert "errors" not in (answer := hook.owner.call(method, path)).text and answer.status_code < 300, path


def test_anothers_request_is_not_received_through_ones_own_webhook(app: Flask, hook: Hook, eve: Person) -> None:
    hook.post({"text": "x"})
    (row,) = kept(hook)
    theirs, beside = Hook(app, eve, eve.group()), Hook(app, hook.owner, hook.chat, "Beside")
    assert again(theirs, row).status_code == again(beside, row).status_code == 404
    before = eve.get(f"{path_of(theirs)}/deliveries?before={row['id']}")
    assert (before.status_code, before.json["deliveries"]) == (200, [])
    assert len(hook.messages()) == 1 and theirs.messages() == []
