"""A person's own bots on the settings page: made, given a new token, and gone."""

import re
import secrets

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.corpus import nothing_changes
from tests.api.signing import bearer
from tests.hooks import Hook
from tests.people import Person


def make_bot(person: Person, **more: str) -> tuple[str, str]:
    """Its username and token."""
    username = f"echo-{secrets.token_hex(4)}"
    answer = person.call("POST", "/settings/bots", data={"username": username, **more})
    assert answer.status_code == 200, answer.text
    return username, token_in(answer)


def token_in(answer: TestResponse) -> str:
    found = re.findall(r"ifb_[\w-]{20,}", answer.text)
    assert len(set(found)) == 1
    return found[0]


def door_of(person: Person, username: str) -> str:
    """The path before /token and /delete, as the page has it."""
    page = person.get("/settings").text
    found = re.search(r"@" + username + r".*?action=\"(/settings/bots/[0-9a-f]{24})/token", page, re.DOTALL)
    assert found, page
    return found[1]


def test_a_bot_is_made_with_its_token_shown_once(app: Flask, ada: Person) -> None:
    username, token = make_bot(ada, display_name="The <b>Echo</b>")
    me = bearer(app.test_client(), token, "/api/users/me")
    assert (me.json["username"], me.json["display_name"], me.json["kind"]) == (username, "The <b>Echo</b>", "bot")
    page = ada.get("/settings").text
    assert username in page and token not in page and "The &lt;b&gt;Echo&lt;/b&gt;" in page
    plain, _ = make_bot(ada)
    assert plain in ada.get("/settings").text


def test_those_made_by_a_call_are_listed_and_webhooks_bots_are_not(hook: Hook, ada: Person) -> None:
    made = ada.post("/api/bots", {"username": f"robot-{secrets.token_hex(4)}"}).json["bot"]
    page = ada.get("/settings").text
    assert made["username"] in page and hook.made["bot_id"] not in page


@pytest.mark.parametrize(("given", "field"), [({"username": "no spaces"}, "username"), ({}, "username")])
def test_what_is_wrong_with_a_new_bot_is_said_at_its_field(ada: Person, given: dict[str, str], field: str) -> None:
    with nothing_changes():
        answer = ada.call("POST", "/settings/bots", data={"display_name": "kept", **given})
    assert answer.status_code == 422
    assert f'id="bots-{field}-error"' in answer.text and 'value="kept"' in answer.text
    assert 'id="profile-display_name-error"' not in answer.text


def test_a_taken_name_is_refused(ada: Person) -> None:
    username, _ = make_bot(ada)
    with nothing_changes():
        answer = ada.call("POST", "/settings/bots", data={"username": username})
    assert answer.status_code == 409 and "is taken" in answer.text


def test_a_new_token_ends_the_old_one_at_once(app: Flask, ada: Person) -> None:
    username, old = make_bot(ada)
    new = token_in(ada.call("POST", f"{door_of(ada, username)}/token"))
    assert bearer(app.test_client(), old, "/api/users/me").status_code == 401
    assert bearer(app.test_client(), new, "/api/users/me").json["username"] == username


def test_a_deleted_bot_leaves_its_groups_and_is_no_more(app: Flask, ada: Person) -> None:
    username, token = make_bot(ada)
    chat = ada.group()
    bot = bearer(app.test_client(), token, "/api/users/me").json["id"]
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bot]})
    door = door_of(ada, username)
    assert ada.call("POST", f"{door}/delete").status_code == 302
    assert bearer(app.test_client(), token, "/api/users/me").status_code == 401
    assert bot not in [member["user"]["id"] for member in ada.get(f"/api/chats/{chat}").json["members"]]
    assert f"{username} is deleted." in ada.get("/settings").text
    assert username not in ada.get("/settings").text
    assert [ada.call("POST", f"{door}/{deed}").status_code for deed in ("token", "delete")] == [404, 404]


def test_anothers_bot_is_nothing(app: Flask, ada: Person, bob: Person) -> None:
    username, token = make_bot(ada)
    door = door_of(ada, username)
    with nothing_changes():
        for deed in ("token", "delete"):
            assert bob.call("POST", f"{door}/{deed}").status_code == 404
            assert ada.call("POST", f"/settings/bots/{ada.id}/{deed}").status_code == 404
    assert bearer(app.test_client(), token, "/api/users/me").status_code == 200


def test_a_bot_makes_no_bots(app: Flask, ada: Person) -> None:
    _, token = make_bot(ada)
    client = app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    with nothing_changes():
        answer = client.post("/settings/bots", data={"username": "another"}, headers=headers)
    assert answer.status_code == 403
