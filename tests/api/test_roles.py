"""Calls made up from the API's own description, by callers of each role: no 5xx, every answer as described, nothing
of others' in it, and after each refusal the database is what it was."""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infitalks.actions import migrations
from infitalks.app import create_app
from infitalks.models.database import connect_database, disconnect_database
from infitalks.settings import load_settings
from tests.api.corpus import GOOD, fingerprint
from tests.api.stage import Caller, Stage

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FULL = os.environ.get("FAULTS") == "full"
SEED = int(os.environ.get("SEED", "1"))
EXAMPLES = {GenerationMode.POSITIVE: 60 if FULL else 6, GenerationMode.NEGATIVE: 30 if FULL else 2}
# These end or replace the session by which the others are called, so they come last.
LAST = ("/api/auth/register", "/api/auth/login", "/api/auth/logout", "/api/users/me")
OF_A_CHAT = ("{chat_id}", "{message_id}", "{ephemeral_id}", "{media_id}", "{webhook_id}", "/api/messages")
SHUT_OUT = ("nobody", "a removed member")
# What each gets to, at least: else it would be no wonder that nothing was found.
ANYBODYS = {"GET /api/auth/session", "POST /api/auth/tokens"}
USERS = {
    "GET /api/ephemerals",
    "GET /api/chats",
    "GET /api/users",
    "GET /api/realtime",
    "POST /api/chats",
    "POST /api/sync",
}
MEMBERS = {"GET /api/chats/{chat_id}", "GET /api/chats/{chat_id}/log", "GET /api/messages", "POST /api/messages"}
MEMBERS |= {
    "GET /api/chats/{chat_id}/commands",
    "GET /api/media/{media_id}",
    "PUT /api/messages/{message_id}/reactions/{emoji}",
}
OWNERS = {"PATCH /api/chats/{chat_id}", "PATCH /api/messages/{message_id}", "DELETE /api/messages/{message_id}"}
OWNERS |= {"POST /api/chats/{chat_id}/commands"}
OWNERS |= {f"{method} /api/webhooks/{{webhook_id}}" for method in ("GET", "PATCH", "DELETE")}
OWNERS |= {f"{method} /api/chats/{{chat_id}}/webhooks" for method in ("GET", "POST")}
BOBS = {"DELETE /api/ephemerals/{ephemeral_id}", "POST /api/chats/{chat_id}/commands"}
REACHED = {
    "nobody": ANYBODYS,
    "a removed member": ANYBODYS | USERS,
    **dict.fromkeys(("a member", "an admin", "a bot", "a member's token"), ANYBODYS | USERS | MEMBERS),
    "a member": ANYBODYS | USERS | MEMBERS | BOBS,
    "an owner": ANYBODYS | USERS | MEMBERS | OWNERS,
}


@pytest.fixture(scope="module")
def own_app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a small database of its own, which is read whole after each call."""
    environ = {**stores_environ, "INFITALKS_RATE_LIMITS": "off"}
    disconnect_database()
    app = create_app(load_settings({**environ, "MONGODB_DATABASE": "roles"}))
    migrations.upgrade()
    yield app
    disconnect_database()
    connect_database(load_settings({**environ, "MONGODB_DATABASE": "api"}))


@pytest.fixture(scope="module")
def cases(own_app: Flask) -> list[schemathesis.Case]:
    """A few calls of each operation, right and wrong ones."""
    found = schemathesis.openapi.from_wsgi("/api/openapi.json", own_app).get_all_operations()
    operations = sorted((result.ok() for result in found if isinstance(result, Ok)), key=_turn)
    return [case for operation in operations for mode in _modes(operation) for case in _made_up(operation, mode)]


def _turn(operation: Any) -> tuple[bool, bool, bool, int]:
    """What takes away comes after what gives; then go members, then chats, and the caller's session last."""
    path, takes = operation.path, operation.method == "delete"
    last = path in LAST and operation.method != "get"
    return last, takes, takes and path.startswith("/api/chats"), -len(path) if takes else 0


def _modes(operation: Any) -> Iterator[GenerationMode]:
    yield GenerationMode.POSITIVE
    raw = operation.definition.raw
    if "requestBody" in raw or any(parameter["in"] == "query" for parameter in raw["parameters"]):
        yield GenerationMode.NEGATIVE


def _made_up(operation: Any, mode: GenerationMode) -> list[schemathesis.Case]:
    made = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def make(case: schemathesis.Case) -> None:
        made.append(case)

    make()
    return made


class Calls:
    """Calls of one caller, each checked; `answered` has the statuses of each operation."""

    def __init__(self, caller: Caller, found: dict[str, list[Any]], chance: random.Random) -> None:
        self.caller, self.found, self.chance = caller, found, chance
        self.stored = fingerprint()
        self.answered: dict[str, set[int]] = {}

    def make(self, made_up: schemathesis.Case) -> None:
        case = _copy(made_up)
        if made_up.meta and made_up.meta.generation.mode == GenerationMode.POSITIVE:
            self._point_somewhere(case)
        answer = case.call_and_validate(headers=self.caller.headers, cookies=self.caller.cookies, checks=CHECKS)
        before, self.stored = self.stored, fingerprint()
        what = f"{case.operation.label} {case.path_parameters} {case.query} {case.body!r}: {answer.status_code}"
        if answer.status_code >= 400:
            assert self.stored == before, f"refused, and yet changed the database: {what}"
        for hidden in self.caller.hidden:
            assert hidden not in answer.text, f"shows {hidden!r}: {what}"
        self.answered.setdefault(case.operation.label, set()).add(answer.status_code)

    def _point_somewhere(self, case: schemathesis.Case) -> None:
        """Let the call name what there is, mostly: else all would end at 404. The first of each operation is plain."""
        plain = case.operation.label not in self.answered
        good = GOOD.get(_shape_of(case.operation))
        if good and (plain or self.chance.random() < 0.7):
            case.body = dict(good)
        if plain:
            case.query = {name: value for name, value in case.query.items() if name in _needed(case.operation)}
        parts: tuple[Any, ...] = (case.path_parameters, case.query, case.body)
        for part in parts:
            for name in sorted(self.found.keys() & part.keys()) if isinstance(part, dict) else ():
                found = self.found[name]
                part[name] = found[0] if plain else self.chance.choice([*found * 2, part[name]])

    def succeeded(self) -> set[str]:
        return {label for label, statuses in self.answered.items() if min(statuses) < 300}


def _copy(case: schemathesis.Case) -> schemathesis.Case:
    parts = {name: getattr(case, name) for name in ("path_parameters", "query", "body")}
    parts = {name: dict(part) if isinstance(part, dict) else part for name, part in parts.items()}
    copied: schemathesis.Case = case.operation.Case(method=case.method, media_type=case.media_type, **parts)
    return copied


def _needed(operation: Any) -> set[str]:
    return {parameter["name"] for parameter in operation.definition.raw["parameters"] if parameter["required"]}


def _shape_of(operation: Any) -> str:
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    shape: str = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return shape.rpartition("/")[2]


@pytest.mark.parametrize("role", REACHED)
@pytest.mark.timeout(1800 if FULL else 300)
def test_whatever_is_asked_the_answer_is_as_described_and_a_refusal_changes_nothing(
    own_app: Flask, cases: list[schemathesis.Case], role: str
) -> None:
    stage = Stage(own_app)
    calls = Calls(stage.callers()[role](), stage.found, random.Random(f"{SEED} {role}"))
    for case in cases:
        calls.make(case)
    assert calls.succeeded() >= REACHED[role], REACHED[role] - calls.succeeded()
    if role in SHUT_OUT:
        assert not [label for label in calls.succeeded() if any(name in label for name in OF_A_CHAT)]
