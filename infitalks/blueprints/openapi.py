"""The API's description, made from the guards' declarations, and the health checks."""

import re
from typing import Any

import pymongo
from flask import Blueprint, Flask, Response, current_app, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from infitalks.backends import queue
from infitalks.blueprints.guard import SAFE, Policy, page
from infitalks.models.database import database
from infitalks.schemas.base import ErrorOut

blueprint = Blueprint("openapi", __name__)

READY_SECONDS = 1.0
REF = "#/components/schemas/{model}"
ERRORS = {400: "malformed", 401: "not signed in", 403: "CSRF or role", 404: "no such thing", 409: "conflict"}
ERRORS |= {
    413: "too large",
    415: "wrong content type",
    422: "invalid fields",
    429: "too many",
    503: "try again",
}

# Bodies that are no JSON: content type and fields.
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "media.post_media": ("multipart/form-data", {"file": {"type": "string", "format": "binary"}}),
    "realtime.post_auth": (
        "application/x-www-form-urlencoded",
        {"socket_id": {"type": "string"}, "channel_name": {"type": "string"}},
    ),
}


@blueprint.get("/api/openapi.json")
@page(auth="anyone", kind="file")
def get_openapi() -> Response:
    return jsonify(describe(current_app))


@blueprint.get("/healthz")
@page(auth="secret", kind="file", limit="100/second")
def get_health() -> Response:
    """This process answers; nothing else is asked."""
    return Response("ok", mimetype="text/plain")


@blueprint.get("/readyz")
@page(auth="secret", kind="file", limit="20/second")
def get_ready() -> tuple[Response, int]:
    """Whether MongoDB answers (without it nothing works) and whether Redis does (without it pages poll)."""
    with pymongo.timeout(READY_SECONDS):  # the driver would wait longer, and a balancer has given up by then
        parts = {"mongodb": _answers(lambda: database().command("ping")), "redis": _answers(queue.ping)}
    return jsonify({"ready": parts["mongodb"], "parts": parts}), 200 if parts["mongodb"] else 503


def _answers(ping: Any) -> bool:
    try:
        ping()
    except Exception:  # whatever the driver raises, the answer is no
        return False
    return True


def policies(app: Flask) -> list[tuple[Rule, Policy | None]]:
    """Every route but Flask's own static files, with what it declares."""
    rules = (rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")
    return [(rule, getattr(app.view_functions[rule.endpoint], "policy", None)) for rule in rules]


def describe(app: Flask) -> dict[str, Any]:
    """OpenAPI 3.1 of all JSON routes."""
    routes = [(rule, policy) for rule, policy in policies(app) if policy and policy.kind == "api"]
    shapes: dict[type[BaseModel], None] = {ErrorOut: None}
    for _, policy in routes:
        shapes.update({model: None for model in (policy.body, *policy.answers.values()) if model})
    _, definitions = models_json_schema([(shape, _mode(shape)) for shape in shapes], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for rule, policy in routes:
        path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            paths.setdefault(path, {})[method.lower()] = _operation(rule, policy, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "InfiTalks", "version": app.config["VERSION"]},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _mode(shape: type[BaseModel]) -> Any:
    return "validation" if shape.__name__.endswith("In") else "serialization"


def _operation(rule: Rule, policy: Policy, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{rule.endpoint}",
        "parameters": [_path_parameter(name) for name in sorted(rule.arguments)] + _query_parameters(policy),
        "responses": {str(status): _answer(model) for status, model in policy.answers.items()} | _errors(),
        "security": _security(policy, method),
    }
    if policy.body:
        content = {"application/json": {"schema": _ref(policy.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    elif form := FORMS.get(rule.endpoint):
        content_type, fields = form
        schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        operation["requestBody"] = {"required": True, "content": {content_type: {"schema": schema}}}
    return operation


def _security(policy: Policy, method: str) -> list[dict[str, list[str]]]:
    cookie: dict[str, list[str]] = {"cookie": []}
    if policy.csrf and method not in SAFE:
        cookie["csrf"] = []
    if policy.auth == "anyone":
        return [{}] if method in SAFE or not policy.csrf else [cookie]
    return [{"bearer": []}, cookie]


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(policy: Policy) -> list[dict[str, Any]]:
    if not policy.query:
        return []
    schema = policy.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": shape}
        for name, shape in schema["properties"].items()
    ]


def _answer(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "done"}
    return {"description": "ok", "content": {"application/json": {"schema": _ref(model)}}}


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(ErrorOut)}}
    return {str(status): {"description": text, "content": content} for status, text in ERRORS.items()}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
