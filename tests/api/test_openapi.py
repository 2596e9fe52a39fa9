"""The API's description of itself: valid and complete. That the API does what it says: test_roles.py."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR


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
