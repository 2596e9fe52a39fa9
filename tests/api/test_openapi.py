"""The API's description of itself: valid, complete, and what the API then does."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.api.signing import tokens
from tests.people import Person

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
# Both end the session by which the others are called.
LAST = ("/api/auth/logout", "/api/users/me")


@pytest.fixture(scope="module")
def described(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/api/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    shown: Any = answer.json
    return dict(shown)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_is_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    OPENAPI_31_VALIDATOR.validate(described)
    with pytest.raises(Exception, match="info"):
        OPENAPI_31_VALIDATOR.validate({key: value for key, value in described.items() if key != "info"})


def test_all_shapes_are_json_schemas_and_all_references_lead_somewhere(described: dict[str, Any]) -> None:
    shapes = described["components"]["schemas"]
    assert len(shapes) > 20
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)
    found = set(references(described))
    assert found and found <= {f"#/components/schemas/{name}" for name in shapes}
    schemes = set(described["components"]["securitySchemes"])
    assert {name for *_, o in operations(described) for way in o["security"] for name in way} <= schemes


def test_it_has_every_route_of_the_api_and_no_other(app: Flask, described: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    # Not for programs: a browser's way through a provider, the server's own webhook, and this description.
    pages = {path for path in served if "{provider}" in path[0]}
    pages |= {("/api/realtime/webhook", "post"), ("/api/openapi.json", "get")}
    assert {(path, method) for path, method, _ in operations(described)} == served - pages


def test_every_operation_has_a_name_of_its_own_and_says_what_it_takes(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for *_, operation in operations(described)]
    assert len(set(names)) == len(names)
    takes = {
        path: operation["requestBody"]["content"]
        for path, _, operation in operations(described)
        if "requestBody" in operation
    }
    assert takes["/api/messages"].keys() == {"application/json"}
    assert takes["/api/media"].keys() == {"multipart/form-data"}
    assert takes["/api/realtime/auth"].keys() == {"application/x-www-form-urlencoded"}
    for path, _, operation in operations(described):
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), path
        assert {"400", "401", "403", "404", "422", "429", "503"} <= operation["responses"].keys()


def call_some(operation: Any, ids: dict[str, str], headers: dict[str, str]) -> set[int]:
    """The statuses of a few calls made from the description alone, each checked against it."""
    statuses = set()

    @seed(20261122)
    @settings(
        max_examples=4,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                part.update({name: known for name, known in ids.items() if name in part})
        statuses.add(case.call_and_validate(headers=headers, checks=list(CHECKS)).status_code)

    call()
    return statuses


def test_what_comes_back_is_what_is_described(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
    ids = {"chat_id": chat, "chat": chat, "user_id": bob.id, "message_id": ada.say(chat, "hello")["id"]}
    ids |= {"webhook_id": hook["id"], "media_id": ada.upload(b"\x89PNG\r\n\x1a\n").json["id"]}
    headers = {"Authorization": f"Bearer {tokens(ada)['access_token']}"}
    answered: dict[str, set[int]] = {}
    found = schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations()
    well_formed = [result.ok() for result in found if isinstance(result, Ok)]
    for operation in sorted(well_formed, key=lambda operation: operation.method == "delete"):
        if operation.path not in LAST or operation.method not in ("post", "delete"):
            answered[f"{operation.method} {operation.path}"] = call_some(operation, ids, headers)
    assert len(answered) > 30
    assert sum(min(statuses) < 300 for statuses in answered.values()) > 20, answered
