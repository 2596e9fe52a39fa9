"""Alertmanager's and Grafana's webhook: a group of alerts that fire, or are resolved. Sources: Alertmanager's
configuration.md and template.go, Grafana's alerting templates.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from infitalks.integrations.cards import button, card, card_field, escaped
from infitalks.integrations.post import Incident, PayloadRefused, Post, compose
from infitalks.integrations.values import line, milliseconds, moment, obj, objs, text
from infitalks.schemas.cards import ButtonOut, CardFieldOut, CardOut

MOST_ALERTS = 10  # shown one by one; the rest are counted
SHOWN_NOTES = ("summary", "description", "message")
SEVERITIES = {"info": "accent", "warning": "warning", "none": "quiet"}


def parse_alertmanager(payload: Any) -> Post:
    """Raises PayloadRefused."""
    if not isinstance(payload, dict) or not isinstance(payload.get("alerts"), list):
        raise PayloadRefused("invalid_payload")
    alerts = objs(payload["alerts"])
    return compose("", _cards(payload, alerts), incident=_incident(payload, alerts))


def _cards(payload: dict[str, Any], alerts: list[dict[str, Any]]) -> Iterator[CardOut | None]:
    yield _summary(payload, alerts)
    yield from map(_alert, alerts[:MOST_ALERTS])
    if len(alerts) > MOST_ALERTS:
        yield card(text=f"… and {len(alerts) - MOST_ALERTS} more")


def _is_over(thing: dict[str, Any]) -> bool:
    return thing.get("status") == "resolved"


def _incident(payload: dict[str, Any], alerts: list[dict[str, Any]]) -> Incident | None:
    key = text(payload.get("groupKey")) or _fingerprints(alerts)
    if not key:
        return None
    burning = [alert for alert in alerts if not _is_over(alert)] or alerts
    since = max((milliseconds(alert.get("startsAt")) for alert in burning), default=0)
    return Incident(key, since, _is_over(payload))


def _fingerprints(alerts: list[dict[str, Any]]) -> str:
    named = sorted(filter(None, (line(alert.get("fingerprint")) for alert in alerts)))
    return hashlib.sha256(" ".join(named).encode()).hexdigest() if named else ""


def _summary(payload: dict[str, Any], alerts: list[dict[str, Any]]) -> CardOut | None:
    firing = sum(not _is_over(alert) for alert in alerts)
    state = "RESOLVED" if _is_over(payload) else f"FIRING:{firing}"
    labels = obj(payload.get("commonLabels"))
    name = line(labels.get("alertname")) or _grouped_by(payload) or line(payload.get("title")) or "Alert"
    return card(
        color=_color(payload, labels),
        title=f"[{state}] {name}",
        url=payload.get("externalURL"),
        fields=(card_field(key, escaped(value), short=True) for key, value in _labels(labels)),
        footer=escaped(" · ".join(filter(None, (line(payload.get("receiver")), _cut_off(payload))))),
    )


def _grouped_by(payload: dict[str, Any]) -> str:
    return " ".join(line(value) for value in obj(payload.get("groupLabels")).values())


def _cut_off(payload: dict[str, Any]) -> str:
    more = payload.get("truncatedAlerts")
    return f"{more} more alerts were cut off by the sender" if isinstance(more, int) and more > 0 else ""


def _color(thing: dict[str, Any], labels: dict[str, Any]) -> str:
    return "good" if _is_over(thing) else SEVERITIES.get(line(labels.get("severity")).lower(), "danger")


def _labels(labels: dict[str, Any]) -> Iterator[tuple[str, str]]:
    return ((key, line(value)) for key, value in sorted(labels.items()) if key != "alertname" and line(value))


def _alert(alert: dict[str, Any]) -> CardOut | None:
    labels, notes = obj(alert.get("labels")), obj(alert.get("annotations"))
    over = _is_over(alert)
    return card(
        color=_color(alert, labels),
        title=("✅ " if over else "🔥 ") + (line(labels.get("alertname")) or "Alert"),
        url=alert.get("generatorURL"),
        text="\n".join(filter(None, (text(notes.get(key)).strip() for key in SHOWN_NOTES))),
        fields=_fields(alert, labels, notes),
        image_url=alert.get("imageURL"),
        image_alt="graph" if alert.get("imageURL") else "",
        at=moment(alert.get("endsAt") if over else alert.get("startsAt")),
        buttons=_buttons(alert, notes),
    )


def _fields(alert: dict[str, Any], labels: dict[str, Any], notes: dict[str, Any]) -> Iterator[CardFieldOut]:
    for key, value in _labels(labels):
        yield card_field(key, escaped(value), short=True)
    for key, value in sorted(notes.items()):
        if key not in SHOWN_NOTES and not key.startswith("__") and key != "runbook_url":
            yield card_field(key, text(value))
    if alert.get("valueString"):
        yield card_field("value", escaped(alert["valueString"]))


def _buttons(alert: dict[str, Any], notes: dict[str, Any]) -> Iterator[ButtonOut | None]:
    yield button("Runbook", notes.get("runbook_url"))
    yield button("Dashboard", alert.get("dashboardURL"))
    yield button("Panel", alert.get("panelURL"))
    yield button("Silence", alert.get("silenceURL"))
