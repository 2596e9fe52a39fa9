"""Sentry's webhooks: issues, error and metric alerts, and its legacy plugin's. Source: Sentry's integration platform
documentation. An issue that is resolved edits the message of its beginning.
"""

from typing import Any

from infitalks.integrations.cards import card, card_field, escaped
from infitalks.integrations.post import Incident, PayloadRefused, Post, compose
from infitalks.integrations.values import at, line, milliseconds, moment, obj, text
from infitalks.schemas.cards import CardFieldOut, CardOut

COLORS = {"fatal": "danger", "error": "danger", "critical": "danger", "warning": "warning", "info": "accent"}
OVER = ("resolved", "ignored", "archived")


def parse_sentry(payload: Any) -> Post:
    """Raises PayloadRefused."""
    if not isinstance(payload, dict):
        raise PayloadRefused("invalid_payload")
    data, action = obj(payload.get("data")), line(payload.get("action"))
    if issue := obj(data.get("issue")):
        return _issue(issue, action)
    if metric := obj(data.get("metric_alert")):
        return _metric(data, metric, action)
    event = obj(data.get("event")) or obj(data.get("error")) or obj(payload.get("event"))
    if event:
        rule = line(data.get("triggered_rule")) or line(payload.get("project_name"))
        return compose("", [_event({**payload, **event}, rule)])
    raise PayloadRefused("no_text")


def _issue(issue: dict[str, Any], action: str) -> Post:
    over = action in OVER
    seen = issue.get("lastSeen") or issue.get("firstSeen")
    shown = card(
        color="good" if over else COLORS.get(line(issue.get("level")), "danger"),
        title=f"[{(action or line(issue.get('status')) or 'issue').upper()}] {line(issue.get('title'))}",
        url=issue.get("web_url") or issue.get("permalink"),
        text=escaped(issue.get("culprit")),
        fields=_fields(project=at(issue, "project", "name"), issue=issue.get("shortId"), events=issue.get("count")),
        footer="Sentry",
        at=moment(seen),
    )
    since = milliseconds(issue.get("firstSeen")) if action == "created" else milliseconds(seen)
    known = action in (*OVER, "created", "unresolved") and text(issue.get("id"))
    return compose("", [shown], incident=Incident(f"sentry:{issue['id']}", since, over) if known else None)


def _metric(data: dict[str, Any], metric: dict[str, Any], action: str) -> Post:
    over = action == "resolved"
    shown = card(
        color="good" if over else COLORS.get(action, "danger"),
        title=data.get("description_title") or metric.get("title") or "Alert",
        url=data.get("web_url"),
        text=escaped(data.get("description_text")),
        footer="Sentry",
        at=moment(metric.get("date_closed") if over else metric.get("date_started")),
    )
    since = milliseconds(metric.get("date_started"))
    known = text(metric.get("id"))
    return compose("", [shown], incident=Incident(f"sentry-metric:{known}", since, over) if known else None)


def _event(event: dict[str, Any], rule: str) -> CardOut | None:
    return card(
        color=COLORS.get(line(event.get("level")), "danger"),
        title=event.get("title") or event.get("message") or "Event",
        url=event.get("web_url") or event.get("url"),
        text=escaped(event.get("culprit") or event.get("location")),
        fields=_fields(rule=rule, environment=event.get("environment"), release=event.get("release")),
        footer="Sentry",
        at=moment(event.get("datetime") or event.get("timestamp")),
    )


def _fields(**named: Any) -> list[CardFieldOut]:
    return [card_field(name, escaped(value), short=True) for name, value in named.items() if line(value)]
