"""Alerts: news is a message, and its end edits that message, whoever tells it and however often."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.api.corpus import nothing_changes
from tests.hooks import Hook
from tests.integrations.payloads import payload
from tests.people import Person

FIRING, GROWN = payload("alertmanager_firing"), payload("alertmanager_grown")
SHRUNK, RESOLVED = payload("alertmanager_shrunk"), payload("alertmanager_resolved")


@pytest.fixture
def hook(app: Flask, ada: Person) -> Hook:
    return Hook(app, ada, ada.group())


def notify(hook: Hook, *notices: Any, form: str = "alertmanager") -> list[str]:
    """Send them; the titles that the chat then shows."""
    for notice in notices:
        answer = hook.send(form, notice)
        assert (answer.status_code, answer.data) == (200, b"ok")
    return [message["cards"][0]["title"] for message in hook.messages()]


def later(notice: Any, hour: int) -> Any:
    """The same alerts, begun on another hour."""
    moved = copy.deepcopy(notice)
    for alert in moved["alerts"]:
        alert["startsAt"] = f"2026-11-22T{hour}:00:00Z"
    return moved


@pytest.mark.parametrize("form", ["alertmanager", "grafana"])
def test_the_resolved_notice_edits_the_alert_that_fired(hook: Hook, form: str) -> None:
    fired, over = payload(f"{form}_firing"), payload(f"{form}_resolved")
    assert notify(hook, fired, form=form) == ["[FIRING:1] DiskFull"]
    assert notify(hook, over, form=form) == ["[RESOLVED] DiskFull"]
    (message,) = hook.messages()
    assert message["cards"][0]["color"] == "#2eb886" and message["edited_at"]
    assert "[RESOLVED] DiskFull" in message["text"] and "FIRING" not in message["text"]


def test_sentrys_resolved_issue_edits_the_one_that_began(hook: Hook) -> None:
    titles = notify(hook, payload("sentry_created"), payload("sentry_resolved"), form="sentry")
    assert titles == ["[RESOLVED] ZeroDivisionError: division by zero"]


def test_reminders_and_repeats_say_nothing_new(hook: Hook) -> None:
    notify(hook, FIRING)
    with nothing_changes():
        assert notify(hook, FIRING, FIRING) == ["[FIRING:1] DiskFull"]
    notify(hook, RESOLVED)
    with nothing_changes():
        notify(hook, RESOLVED)


def test_a_new_alert_of_the_group_is_news_and_the_end_is_shown_at_both(hook: Hook) -> None:
    assert notify(hook, FIRING, GROWN) == ["[FIRING:1] DiskFull", "[FIRING:2] DiskFull"]
    assert notify(hook, SHRUNK) == ["[FIRING:1] DiskFull", "[FIRING:1] DiskFull"]
    assert notify(hook, RESOLVED) == ["[RESOLVED] DiskFull"] * 2


def test_what_fires_again_is_a_new_message_and_a_late_notice_of_the_old_is_none(hook: Hook) -> None:
    notify(hook, FIRING, RESOLVED)
    with nothing_changes():
        assert notify(hook, FIRING) == ["[RESOLVED] DiskFull"]
    again = later(FIRING, 20)
    assert notify(hook, again) == ["[RESOLVED] DiskFull", "[FIRING:1] DiskFull"]
    assert notify(hook, RESOLVED) == ["[RESOLVED] DiskFull", "[FIRING:1] DiskFull"]
    assert notify(hook, later(RESOLVED, 20)) == ["[RESOLVED] DiskFull"] * 2


def test_an_end_without_a_beginning_is_told_once(hook: Hook) -> None:
    assert notify(hook, RESOLVED, RESOLVED) == ["[RESOLVED] DiskFull"]


def test_groups_and_webhooks_do_not_mix(app: Flask, hook: Hook) -> None:
    other = Hook(app, hook.owner, hook.chat, "Other")
    notify(hook, FIRING, {**FIRING, "groupKey": "another"})
    notify(other, RESOLVED)
    assert notify(hook) == ["[FIRING:1] DiskFull", "[FIRING:1] DiskFull", "[RESOLVED] DiskFull"]


def test_two_alertmanagers_at_once_make_one_message_and_one_end(app: Flask, hook: Hook) -> None:
    def send(notice: Any) -> bytes:
        return app.test_client().post(f"{hook.path}/alertmanager", json=notice).data

    with ThreadPoolExecutor(6) as pool:
        # Each says it a little otherwise.
        assert set(pool.map(send, [{**FIRING, "receiver": f"am-{number}"} for number in range(6)])) == {b"ok"}
        before = [entry["kind"] for entry in hook.entries()]
        assert set(pool.map(send, [{**RESOLVED, "receiver": f"am-{number}"} for number in range(6)])) == {b"ok"}
    assert notify(hook) == ["[RESOLVED] DiskFull"]
    assert [entry["kind"] for entry in hook.entries()] == [*before, "edit"]


def test_the_end_of_an_alert_that_somebody_deleted_is_taken_and_shows_nothing(hook: Hook, ada: Person) -> None:
    notify(hook, FIRING)
    assert ada.delete(f"/api/messages/{hook.messages()[0]['id']}").status_code == 204
    for notice in (FIRING, RESOLVED):
        assert hook.send("alertmanager", notice).data == b"ok"
    (message,) = hook.messages()
    assert message["deleted"] and message["cards"] == []


def test_an_alert_without_a_group_is_known_by_its_fingerprints(hook: Hook) -> None:
    bare = [{key: value for key, value in notice.items() if key != "groupKey"} for notice in (GROWN, RESOLVED)]
    assert notify(hook, *bare) == ["[RESOLVED] DiskFull"]
