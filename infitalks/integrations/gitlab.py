"""GitLab's webhooks: one card for each of the main events. Source: GitLab's "Webhook events"."""

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import Headers

from infitalks.integrations.cards import author, card, escaped, labelled
from infitalks.integrations.github import NO_COMMIT, numbered, quoted
from infitalks.integrations.post import PayloadRefused, Post, compose
from infitalks.integrations.values import at, cut, line, link, moment, obj, objs, text
from infitalks.schemas.cards import CardOut

MOST_COMMITS = 8
STATES = {
    "success": "good",
    "failed": "danger",
    "canceled": "quiet",
    "merge": "good",
    "close": "quiet",
    "open": "accent",
}
UNTOLD = ("update", "created", "pending", "running", "preparing", "waiting_for_resource", "scheduled", "manual")


def parse_gitlab(payload: Any, headers: Headers) -> Post | None:
    """None for events that say nothing. Raises PayloadRefused."""
    if not isinstance(payload, dict):
        raise PayloadRefused("invalid_payload")
    kind = line(payload.get("object_kind")) or line(payload.get("event_name"))
    if not kind:
        raise PayloadRefused("invalid_payload")
    tell = EVENTS.get(kind)
    shown = tell(payload) if tell else None
    return compose("", [shown]) if shown else None


def _card(payload: dict[str, Any], title: str, url: Any, **more: Any) -> CardOut | None:
    who, project = obj(payload.get("user")), obj(payload.get("project"))
    by = author(payload.get("user_name") or who.get("name"), None, payload.get("user_avatar") or who.get("avatar_url"))
    name = escaped(line(project.get("path_with_namespace") or project.get("name")))
    footer = labelled(name, link(project.get("web_url"))) if name else ""
    return card(author=by, title=title, url=url, footer=footer, **more)


def _push(payload: dict[str, Any]) -> CardOut | None:
    kind = "Tag" if payload.get("object_kind") == "tag_push" else "Branch"
    branch = line(payload.get("ref")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    if payload.get("after") == NO_COMMIT:
        return _card(payload, f"{kind} {branch} was deleted", None, color="quiet")
    if kind == "Tag":
        return _card(payload, f"Tag {branch} was pushed", at(payload, "project", "web_url"), color="good")
    commits = objs(payload.get("commits"))
    total = payload.get("total_commits_count")
    count = total if isinstance(total, int) else len(commits)
    lines = [_commit(commit) for commit in commits[-MOST_COMMITS:]]
    url = commits[-1].get("url") if commits else at(payload, "project", "web_url")
    title = f"{count} commit{'s' * (count != 1)} pushed to {branch}"
    return _card(payload, title, url, text="\n".join(lines), color="accent")


def _commit(commit: dict[str, Any]) -> str:
    first = (text(commit.get("title") or commit.get("message")).strip().splitlines() or [""])[0]
    number = labelled(escaped(line(commit.get("id"))[:8] or "?"), link(commit.get("url")))
    return f"{number} {escaped(cut(first, 120))} – {escaped(line(at(commit, 'author', 'name')))}"


def _thing(payload: dict[str, Any], kind: str) -> CardOut | None:
    thing = obj(payload.get("object_attributes"))
    action = line(thing.get("action")) or line(thing.get("state"))
    if action in UNTOLD:
        return None
    words = quoted(thing.get("description")) if action == "open" else ""
    title = f"{kind} {action}: {numbered(thing)}"
    return _card(payload, title, thing.get("url"), text=words, color=STATES.get(action, "quiet"))


def _note(payload: dict[str, Any]) -> CardOut | None:
    note = obj(payload.get("object_attributes"))
    about = next((obj(payload[key]) for key in ("merge_request", "issue", "snippet") if payload.get(key)), {})
    where = numbered(about) if about else f"commit {line(at(payload, 'commit', 'id'))[:8]}"
    return _card(payload, f"Comment on {where}", note.get("url"), text=quoted(note.get("note")))


def _pipeline(payload: dict[str, Any]) -> CardOut | None:
    pipeline = obj(payload.get("object_attributes"))
    status = line(pipeline.get("status"))
    if status in UNTOLD:
        return None
    base = link(at(payload, "project", "web_url"))
    url = pipeline.get("url") or (f"{base}/-/pipelines/{line(pipeline.get('id'))}" if base else None)
    title = f"Pipeline {status} on {line(pipeline.get('ref'))}"
    about = escaped(cut(line(at(payload, "commit", "title")), 120))
    color = STATES.get(status, "quiet")
    return _card(payload, title, url, text=about, color=color, at=moment(pipeline.get("finished_at")))


def _job(payload: dict[str, Any]) -> CardOut | None:
    if payload.get("build_status") != "failed":
        return None  # what goes well is told by its pipeline
    base, number = link(at(payload, "project", "web_url")), line(payload.get("build_id"))
    title = f"Job {line(payload.get('build_name'))} failed on {line(payload.get('ref'))}"
    return _card(payload, title, f"{base}/-/jobs/{number}" if base else None, color="danger")


def _release(payload: dict[str, Any]) -> CardOut | None:
    name = line(payload.get("name")) or line(payload.get("tag"))
    if payload.get("action") not in (None, "create"):
        return None
    return _card(payload, f"Release {name}", payload.get("url"), text=quoted(payload.get("description")), color="good")


EVENTS: dict[str, Callable[[dict[str, Any]], CardOut | None]] = {
    "push": _push,
    "tag_push": _push,
    "issue": lambda payload: _thing(payload, "Issue"),
    "merge_request": lambda payload: _thing(payload, "Merge request"),
    "note": _note,
    "pipeline": _pipeline,
    "build": _job,
    "release": _release,
}
