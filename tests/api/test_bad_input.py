"""What nobody should send: refused with a reason in the one shape, never a 5xx, and the database is what it was."""

import base64
import gzip
import io
import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from bson import ObjectId
from flask import Flask
from pydantic import BaseModel
from werkzeug.test import TestResponse

from infitalks.actions import ephemerals, responses
from infitalks.blueprints.guard import MOST_JSON_BYTES, SAFE, Policy
from infitalks.blueprints.openapi import policies
from infitalks.models.webhooks import webhook_by_id
from infitalks.schemas.base import validate
from tests.api.corpus import GOOD, ID, MALFORMED, fingerprint, nothing_changes
from tests.people import Person

WRONG_VALUES: dict[str, Any] = {
    "a query operator": {"$gt": ""},
    "a query operator on nothing": {"$ne": None},
    "a list of lists": [["x"]],
    "a list of operators": [{"$regex": "^a"}],
    "a fraction": 1.5,
    "the largest integer": 2**63 - 1,
}
FOR_BOTS = {"/api/bots/events"}
UNKNOWN_FIELDS = ("_id", "_cls", "__proto__", "$where", "a.b", "is_admin", "seq", "author", "email_verified", "owner")
BAD_PATHS = {
    "nobody's id": ID,
    "upper case": "ABCDEFABCDEFABCDEFABCDEF",
    "an operator": "[$ne]",
    "NUL": "%00",
    "no UTF-8": "%ff%fe",
    "a line break": "%0d%0aSet-Cookie:%20a=b",
    "a slash": "%2f%2fevil.example",
    "5,000 letters": "a" * 5000,
    "5,000 digits": "7" * 5000,
    "an emoji": quote("👾"),
    "braces": "%7b%7b7*7%7d%7d",
}
BAD_LIMITS = ("-1", "0", "101", "1000000000", str(2**63), "7" * 5000, "1;DROP", "1.5", "", "NaN", "0x10", "[$gt]")


class Route(NamedTuple):
    method: str
    rule: str
    policy: Policy

    def path(self, values: dict[str, str]) -> str:
        path = self.rule
        for name, value in values.items():
            for converter in ("", "int:", "any(google, oidc):"):
                path = path.replace(f"<{converter}{name}>", value)
        return path


def routes(app: Flask) -> list[Route]:
    return [
        Route(method, rule.rule, policy)
        for rule, policy in policies(app)
        if policy
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


class World(NamedTuple):
    """Somebody with one of everything, and the way to each."""

    ada: Person
    routes: list[Route]
    ids: dict[str, str]

    def taking_json(self) -> list[tuple[Route, type[BaseModel]]]:
        return [(route, route.policy.body) for route in self.routes if route.policy.body]

    def send(self, route: Route, data: bytes, content_type: str = "application/json", **headers: str) -> TestResponse:
        return self.ada.call(route.method, route.path(self.ids), data=data, content_type=content_type, headers=headers)


@pytest.fixture(scope="module")
def world(app: Flask) -> World:
    """Shared, since nothing of what is sent here changes it."""
    ada, bob = Person(app.test_client(), "ada"), Person(app.test_client(), "bob")
    chat = ada.group(bob)
    made = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
    outgoing = {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "json"}
    sender = ada.post(f"/api/chats/{chat}/webhooks", outgoing).json
    relay, bot = sender["id"], ObjectId(sender["bot_id"])
    deploy = {"kind": "command", "name": "Robot", "command": "deploy", "url": "https://receiver.example.org/"}
    assert ada.post(f"/api/chats/{chat}/webhooks", deploy).status_code == 201
    word = ephemerals.say_to(ObjectId(ada.id), ObjectId(chat), bot, "word", "to you alone")
    webhook = webhook_by_id(ObjectId(relay))
    assert word and webhook
    ids = {
        "chat_id": chat,
        "user_id": bob.id,
        "message_id": ada.say(chat, "hello")["id"],
        "entry_id": ada.say(chat, "hello again")["id"],
        "media_id": ada.upload(b"\x89PNG\r\n\x1a\n").json["id"],
        "webhook_id": relay,
        "delivery_id": ada.post(f"/api/webhooks/{relay}/test").json["id"],
        "emoji": quote("👍"),
        "provider": "google",
        "name": "expired-sessions",
        "seq": "1",
        "secret": made["url"].rpartition("/")[2],
        "ephemeral_id": str(word["_id"]),
        "token": responses.open_response(webhook, ObjectId(chat), ObjectId(ada.id)),
        "bot_id": ada.post("/api/bots", {"username": f"robot-{secrets.token_hex(4)}"}).json["bot"]["id"],
    }
    return World(ada, routes(app), ids)


def check_refused(answer: TestResponse, *statuses: int, about: object = None) -> None:
    """The one shape of errors."""
    assert answer.status_code in (statuses or range(400, 500)), (about, answer.status_code, answer.text[:200])
    assert answer.mimetype == "application/json", about
    body: Any = answer.json
    assert body.keys() == {"error"}, about
    error = body["error"]
    assert {"code", "message"} <= error.keys() <= {"code", "message", "fields"}, about
    assert all(isinstance(text, str) and text for text in (error["code"], error["message"])), about


def test_the_fingerprint_sees_one_changed_field(ada: Person) -> None:
    before = fingerprint()
    assert fingerprint() == before
    ada.patch("/api/users/me", {"display_name": "Ada Lovelace"})
    assert fingerprint() != before


def test_the_examples_are_good(world: World) -> None:
    shapes = {shape.__name__: shape for _, shape in world.taking_json()}
    for name, body in GOOD.items():
        validate(shapes[name], body)


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_object_is_malformed(world: World, data: bytes) -> None:
    with nothing_changes():
        for route, _ in world.taking_json():
            check_refused(world.send(route, data), 400, about=route)


@pytest.mark.parametrize("value", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_field_of_another_type_is_refused_by_name(world: World, value: Any) -> None:
    with nothing_changes():
        for route, shape in world.taking_json():
            for name in shape.model_fields:
                answer = world.send(route, json.dumps({**GOOD.get(shape.__name__, {}), name: value}).encode())
                check_refused(answer, 422, about=(route, name))
                assert any(field.startswith(name) for field in answer.json["error"]["fields"]), (route, name)


def test_unknown_fields_are_refused_by_name(world: World) -> None:
    with nothing_changes():
        for route, shape in world.taking_json():
            for name in set(UNKNOWN_FIELDS) - shape.model_fields.keys():
                body = {**GOOD.get(shape.__name__, {}), name: 1}
                answer = world.send(route, json.dumps(body).encode())
                check_refused(answer, 422, about=(route, name))
                assert name in answer.json["error"]["fields"], (route, name)


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/xml", {}),
        ("", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_only_plain_json_is_read(world: World, content_type: str, headers: dict[str, str]) -> None:
    with nothing_changes():
        for route, shape in world.taking_json():
            data = json.dumps(GOOD.get(shape.__name__, {})).encode()
            data = gzip.compress(data) if headers else data
            check_refused(world.send(route, data, content_type, **headers), 415, about=route)


def test_a_body_over_its_limit_is_refused_with_and_without_a_length(world: World) -> None:
    too_much = b'{"name": "' + b"x" * MOST_JSON_BYTES + b'"}'
    with nothing_changes():
        for route, _ in world.taking_json():
            check_refused(world.send(route, too_much), 413, about=route)
            chunked = world.ada.call(
                route.method,
                route.path(world.ids),
                input_stream=io.BytesIO(too_much),
                content_type="application/json",
                environ_overrides={"wsgi.input_terminated": True},
            )
            check_refused(chunked, 413, about=route)


@pytest.mark.parametrize("bad", BAD_PATHS.values(), ids=BAD_PATHS)
def test_a_path_that_names_nothing_is_refused_everywhere(world: World, bad: str) -> None:
    with nothing_changes():
        for route in world.routes:
            for name in (name for name in world.ids if f"{name}>" in route.rule):
                if (name, bad) == ("emoji", quote("👾")) or (name == "seq" and bad.isdigit()):
                    continue  # this one is an emoji, that one a number
                body = GOOD.get(route.policy.body.__name__) if route.policy.body else None
                answer = world.ada.call(route.method, route.path({**world.ids, name: bad}), body)
                if answer.status_code == 308:  # "//" in a path: told the one way to write it
                    assert answer.location.startswith("http://localhost/"), route
                    continue
                assert 400 <= answer.status_code < 500, (route, answer.status_code)
                if route.policy.kind == "api" and answer.status_code != 405:
                    check_refused(answer, 400, 404, 422, about=route)


@pytest.mark.parametrize("bad", BAD_PATHS.values(), ids=BAD_PATHS)
def test_whoever_is_not_signed_in_gets_no_error_page_from_a_bad_path(app: Flask, world: World, bad: str) -> None:
    client = app.test_client()
    for route in world.routes:
        for name in (name for name in world.ids if f"{name}>" in route.rule):
            answer = client.open(route.path({**world.ids, name: bad}), method=route.method)
            assert answer.status_code < 500, (route, answer.status_code)


@pytest.mark.parametrize("name", ["x" * 300, "é" * 150, ".", "..%2f..%2f..%2fwsgi.py"])
def test_a_name_that_no_file_can_have_is_not_found(app: Flask, name: str) -> None:
    for encoding in ("gzip", "identity"):
        answer = app.test_client().get(f"/static/dist/{name}", headers={"Accept-Encoding": encoding})
        assert answer.status_code == 404


def test_a_strangers_things_are_as_good_as_none(world: World, eve: Person) -> None:
    owned = {"chat_id", "message_id", "media_id", "webhook_id"}
    for route in world.routes:
        mine = [name for name in owned if f"<{name}>" in route.rule]
        if route.policy.kind != "api" or not mine:
            continue
        body = GOOD.get(route.policy.body.__name__) if route.policy.body else None
        with nothing_changes():
            foreign = eve.call(route.method, route.path(world.ids), body)
            check_refused(foreign, 404, about=route)
            nothing = eve.call(route.method, route.path({**world.ids, **dict.fromkeys(mine, ID)}), body)
        assert foreign.json == nothing.json, route


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👩🏽‍🚒", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇳🇱", "1️⃣", "#️⃣", "ℹ️", "‼️"])
def test_every_emoji_is_taken_as_a_reaction(world: World, emoji: str) -> None:
    path = f"/api/messages/{world.ids['message_id']}/reactions/{quote(emoji)}"
    assert world.ada.put(path).json["reactions"] == [{"emoji": emoji, "users": [world.ada.id]}]
    assert world.ada.delete(path).json["reactions"] == []


@pytest.mark.parametrize("text", ["a", "é", "5", "<b>", "👍 ", "👍\u202e", "👍x", "$set", "a.b", "👍" * 17])
def test_what_is_no_emoji_is_no_reaction(world: World, text: str) -> None:
    with nothing_changes():
        path = f"/api/messages/{world.ids['message_id']}/reactions/{quote(text)}"
        check_refused(world.ada.put(path), 422)


def with_query(world: World) -> list[tuple[Route, dict[str, str], set[str]]]:
    """Each route with query parameters: those that it needs, and the names of all."""
    found = [(route, set(route.policy.query.model_fields)) for route in world.routes if route.policy.query]
    return [(route, {"chat": world.ids["chat_id"]} if "chat" in names else {}, names) for route, names in found]


def test_numbers_in_a_query_are_whole_and_within_bounds(world: World) -> None:
    for route, needed, names in with_query(world):
        path = route.path(world.ids)
        status = 403 if route.rule in FOR_BOTS else 200
        assert world.ada.client.get(path, query_string=needed).status_code == status, route
        for name in {"limit", "before", "after"} & names:
            for value in BAD_LIMITS:
                if name != "limit" and value in ("0", "101", "1000000000"):
                    continue
                answer = world.ada.client.get(path, query_string={**needed, name: value})
                check_refused(answer, 422, about=(route, name, value))
                assert name in answer.json["error"]["fields"]


def test_a_query_parameter_is_known_and_given_once(world: World) -> None:
    for route, needed, names in with_query(world):
        path = route.path(world.ids)
        for name in names:
            twice = [*needed.items(), (name, "1"), (name, "2")]
            check_refused(world.ada.client.get(path, query_string=twice), 400, about=route)
        for name in ("filter", "user[$ne]", "email__ne", "$where"):
            check_refused(world.ada.client.get(path, query_string={**needed, name: "1"}), 422, about=route)
        nul = world.ada.client.get(path, query_string={**needed, min(names): "\0"})
        check_refused(nul, 400, about=route)


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "null",
        "A" * 101,
        *map(_cursor, ("1", f"1:{ID}:1", "1:x", f"x:{ID}", f"{10**30}:{ID}", f"-{10**16}:{ID}")),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(ada: Person, cursor: str) -> None:
    check_refused(ada.client.get("/api/chats", query_string={"cursor": cursor}), 422)


@pytest.mark.parametrize("parts", [{}, {"file": "text"}, {"other": (io.BytesIO(b"x"), "x.png")}, {"twice": True}])
def test_an_upload_is_one_file_and_nothing_else(ada: Person, picture: bytes, parts: dict[str, Any]) -> None:
    if parts.pop("twice", False):
        parts["file"] = [(io.BytesIO(picture), "a.png"), (io.BytesIO(picture), "b.png")]
    with nothing_changes():
        check_refused(ada.post("/api/media", data=parts, content_type="multipart/form-data"), 422)


FORM_VALUES: dict[str, Callable[[str], str]] = {
    "nothing": lambda good: "",
    "NUL": lambda good: "a\0b",
    "spaces": lambda good: "   ",
    "too much": lambda good: "x" * 20_000,
    "a direction": lambda good: f"{good}\u202e",
}


@pytest.mark.parametrize("make", FORM_VALUES.values(), ids=FORM_VALUES)
def test_a_page_says_what_is_wrong_with_its_form(world: World, make: Callable[[str], str]) -> None:
    with nothing_changes():
        for route in world.routes:
            if not route.policy.form:
                continue
            fields = {name: make(f"{name}@example.org") for name in route.policy.form.model_fields}
            answer = world.ada.call(route.method, route.path(world.ids), data=fields)
            assert 400 <= answer.status_code < 500, (route, answer.status_code)


def test_a_form_knows_no_operators(world: World) -> None:
    with nothing_changes():
        for route in world.routes:
            if route.policy.form:
                fields = {f"{name}[$ne]": "x" for name in route.policy.form.model_fields}
                answer = world.ada.call(route.method, route.path(world.ids), data=fields)
                assert 400 <= answer.status_code < 500, (route, answer.status_code)


def test_a_number_in_a_pages_path_may_be_any(world: World) -> None:
    for number in ("0", "9" * 15, "7" * 5000):
        answer = world.ada.get(f"/c/{world.ids['chat_id']}/{number}")
        assert answer.status_code in (200, 404), (number, answer.status_code)


@pytest.mark.parametrize("make", FORM_VALUES.values(), ids=FORM_VALUES)
@pytest.mark.parametrize("kind", ["group", "direct", "other"])
def test_a_new_chat_needs_a_name_and_people_who_exist(ada: Person, make: Callable[[str], str], kind: str) -> None:
    with nothing_changes():
        form = {"kind": kind, "name": make("name"), "usernames": make("nobody-at-all")}
        answer = ada.call("POST", "/chats", data=form)
        assert 400 <= answer.status_code < 500


def test_every_unsafe_route_is_one_that_these_tests_reach(world: World) -> None:
    unsafe = [route for route in world.routes if route.method not in SAFE]
    assert len(unsafe) > 20
    for route in unsafe:
        assert "<" not in route.path(world.ids), f"no id for {route.rule}"


@pytest.mark.parametrize(
    "host", ["[", "a;script-src *", "a b", "x" * 5000, "x" * 70 + ".org", "", "é", "user@evil", "a/b"]
)
def test_a_host_header_that_is_none_breaks_nothing_and_goes_nowhere(world: World, host: str) -> None:
    for path in ("/healthz", "/login", "/api/auth/session", "/hooks/x"):
        answer = world.ada.client.get(path, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code < 500, path
        assert "script-src *" not in str(answer.headers)
        assert "evil" not in str(answer.headers)
