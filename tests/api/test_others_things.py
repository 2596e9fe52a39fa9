"""Things of others that are named in a body, in a mixed address or in a form: refused, and nothing is changed."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.models.log import Entry
from tests.api.corpus import ID, nothing_changes
from tests.api.signing import bearer, tokens
from tests.api.stage import Stage
from tests.people import Person

Ask = Callable[[Stage], TestResponse]


@pytest.fixture(scope="module")
def stage(app: Flask) -> Stage:
    return Stage(app)


def send(person: Person, **body: Any) -> TestResponse:
    return person.post("/api/messages", {"client_id": "other", "text": "hello", **body})


def entry_of(stage: Stage, kind: str) -> str:
    """The id of a stored entry that is no message."""
    entry = Entry.raw().find_one({"kind": kind, "chat": ObjectId(stage.chat)})
    assert entry
    return str(entry["_id"])


def press(person: Person, message: Any) -> TestResponse:
    button = message["cards"][0]["buttons"][0]["id"]
    return person.post(f"/api/messages/{message['id']}/actions", {"button": button, "client_id": "other"})


# By name: what somebody asks for who may not, and the status.
REFUSED: dict[str, tuple[Ask, int]] = {
    "a message into a stranger's group": (lambda s: send(s.ada, chat_id=s.others), 404),
    "a message into the group one was removed from": (lambda s: send(s.rex, chat_id=s.chat), 404),
    "an answer to a stranger's message": (lambda s: send(s.ada, chat_id=s.chat, reply_to=s.others_message), 422),
    "a stranger's picture in one's message": (
        lambda s: send(s.ada, chat_id=s.chat, attachments=[s.others_picture]),
        422,
    ),
    "another member's picture in one's message": (
        lambda s: send(s.bob, chat_id=s.chat, attachments=[s.pictures[0]]),
        422,
    ),
    "another's picture as one's own": (
        lambda s: s.ada.patch("/api/users/me", {"display_name": "New", "avatar": s.pictures[2]}),
        422,
    ),
    "another's picture as the group's": (
        lambda s: s.ada.patch(f"/api/chats/{s.chat}", {"name": "New", "avatar": s.pictures[2]}),
        422,
    ),
    "another member's picture tried again": (lambda s: s.bob.post(f"/api/media/{s.pictures[1]}/retry"), 404),
    "a change of an entry that is no message": (
        lambda s: s.ada.patch(f"/api/messages/{entry_of(s, 'reaction')}", {"text": "x"}),
        404,
    ),
    "a button of a group that one is not in": (lambda s: press(s.eve, s.question), 404),
    "a button of the group one was removed from": (lambda s: press(s.rex, s.question), 404),
    "a stranger's webhook by one's own group's page": (
        lambda s: s.ada.call("POST", f"/c/{s.chat}/settings/webhooks/{s.others_hook}/delete", data={}),
        404,
    ),
    "a stranger's webhook rotated by one's own group's page": (
        lambda s: s.ada.call("POST", f"/c/{s.chat}/settings/webhooks/{s.others_hook}/rotate", data={}),
        404,
    ),
    "a test through a stranger's webhook": (lambda s: s.ada.post(f"/api/webhooks/{s.others_hook}/test"), 404),
    "a member's switching off of the group's webhook": (
        lambda s: s.bob.call("POST", f"/c/{s.chat}/settings/webhooks/{s.hook['id']}/switch", data={"on": "0"}),
        403,
    ),
    "another's bot": (lambda s: s.bob.call("POST", f"/settings/bots/{s.bot}/delete", data={}), 404),
    "a third one in a direct chat": (
        lambda s: s.ada.post(f"/api/chats/{s.direct}/members", {"user_ids": [s.eve.id]}),
        409,
    ),
    "a role for a stranger": (
        lambda s: s.ada.patch(f"/api/chats/{s.chat}/members/{s.eve.id}", {"role": "owner"}),
        404,
    ),
    "a role for the removed": (
        lambda s: s.ada.patch(f"/api/chats/{s.chat}/members/{s.rex.id}", {"role": "owner"}),
        404,
    ),
    "being owner": (lambda s: s.bob.patch(f"/api/chats/{s.chat}/members/me", {"role": "owner"}), 403),
    "being admin by one's profile's page": (
        lambda s: s.bob.call("POST", "/settings/profile", data={"display_name": " ", "is_admin": "1"}),
        422,
    ),
    "a role by a form with more in it": (
        lambda s: s.ada.call(
            "POST", f"/c/{s.chat}/settings/members/{s.bob.id}/role", data={"role": "owner", "seq": "1"}
        ),
        422,
    ),
}


@pytest.mark.parametrize(("ask", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_ones_own_is_refused_and_stays_as_it_was(stage: Stage, ask: Ask, status: int) -> None:
    with nothing_changes():
        answer = ask(stage)
    assert answer.status_code == status, answer.text


def test_a_strangers_chat_in_a_body_is_as_good_as_none(stage: Stage) -> None:
    assert send(stage.ada, chat_id=stage.others).json == send(stage.ada, chat_id=ID).json
    gone = stage.ada.post("/api/sync", {"chats": {stage.others: 1, ID: 1}}).json["gone"]
    assert sorted(gone) == sorted([stage.others, ID])


def test_fields_beyond_a_profiles_form_change_nothing(stage: Stage) -> None:
    more = {"display_name": "Bob", "is_admin": "1", "email_verified": "1", "kind": "bot", "username": "root"}
    assert stage.bob.call("POST", "/settings/profile", data=more).status_code == 302
    me = stage.bob.get("/api/users/me").json
    assert (me["display_name"], me["is_admin"], me["kind"]) == ("Bob", False, "person")
    assert me["username"] == stage.bob.username


@pytest.mark.parametrize("path", ["/admin", "/admin/maintenance/expired-sessions/run"])
def test_no_token_of_a_bot_or_a_member_opens_the_admins_doors(app: Flask, stage: Stage, path: str) -> None:
    method = "GET" if path == "/admin" else "POST"
    member, admin = (tokens(person)["access_token"] for person in (stage.bob, stage.dot))
    with nothing_changes():
        for token in (stage.bot_token, member):
            assert bearer(app.test_client(), token, path, method).status_code == 403
    assert bearer(app.test_client(), admin, path, method).status_code in (200, 302)


def test_a_member_presses_the_button_that_others_may_not(stage: Stage) -> None:
    assert press(stage.bob, stage.question).status_code == 204
