"""One id follows a message through every process, and no line holds anything of what was said, nor a secret."""

import json
import logging
import sys
from typing import Any

import pytest

from infitalks.logs import JsonLines
from tests.monitoring.conftest import REQUEST_ID, Watched


def of_request(watched: Watched, event: str, request_id: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, line) for name, line in watched.lines(event) if request_id in (line.get("request_id") or "").split(",")
    ]


def test_one_id_leads_from_the_request_to_worker_gateway_and_webhook(watched: Watched) -> None:
    request_id = watched.sent.headers[REQUEST_ID]
    message = watched.sent.json()
    ((web, asked),) = of_request(watched, "request", request_id)
    ((worker, told),) = of_request(watched, "told", request_id)
    ((gateway, event),) = of_request(watched, "event", request_id)
    ((caller, called),) = of_request(watched, "webhook called", request_id)
    assert (web, worker, gateway, caller) == ("web", "realtime", "gateway", "webhooks")
    assert (asked["method"], asked["route"], asked["status"]) == ("POST", "/api/messages", 201)
    assert asked["user"] == watched.ada.id and asked["ms"] > 0
    assert told["chat"] == watched.chat and told["first"] <= message["seq"] <= told["last"]
    assert (event["name"], event["subscribers"]) == ("log", 1)
    assert called["delivery"].startswith(message["id"]) and called["status"] == 200


def test_an_error_names_its_request_and_nobody_but_a_proxy_names_it_for_us(watched: Watched) -> None:
    refused = watched.ada.http.get(f"{watched.run.url}/api/nothing", headers={REQUEST_ID: "made-up-by-a-client"})
    request_id = refused.headers[REQUEST_ID]
    assert request_id != "made-up-by-a-client" and "request_id" not in refused.json()["error"]
    ((_, line),) = of_request(watched, "request", request_id)
    assert (line["route"], line["status"]) == ("none", 404)


def test_no_line_holds_what_people_wrote_or_a_secret(watched: Watched) -> None:
    printed = watched.run.printed()
    assert watched.sent.headers[REQUEST_ID] in printed
    kept = json.loads((watched.run.log.parent / "data" / "secrets.json").read_text())
    cookies = [cookie.value for cookie in watched.ada.http.cookies if cookie.value]
    for word in (
        watched.marker,
        *watched.secrets,
        *cookies,
        watched.ada.csrf,
        kept["SECRET_KEY"],
        kept["PUSHER_SECRET"],
    ):
        assert word and word not in printed


def test_every_line_of_ours_is_one_object(watched: Watched) -> None:
    lines = [line.partition("| ")[2] or line for line in watched.run.printed().splitlines() if line.strip()]
    names = [line.partition("|")[0].strip() for line in watched.run.printed().splitlines() if line.strip()]
    ours = [text for name, text in zip(names, lines, strict=True) if name in ("web", "realtime", "webhooks", "gateway")]
    assert len(ours) > 10
    for text in ours:
        assert {"time", "level", "logger", "event"} <= json.loads(text).keys()


@pytest.mark.parametrize(("logger", "said"), [("infitalks.app", "failed"), ("celery.app.trace", "failed: %r")])
def test_of_an_exception_a_line_tells_type_and_place_and_not_its_text(logger: str, said: str) -> None:
    try:
        raise KeyError("E11000 dup key: { email: 'ada@example.org' }")
    except KeyError as error:
        told = (error,) if "%" in said else None
        record = logging.LogRecord(logger, logging.ERROR, __file__, 1, said, told, sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["exception"]) == ("failed", "KeyError")
    assert "test_logs.py" in line["at"][-1]
    assert "example.org" not in json.dumps(line)
