"""GitHub's webhooks: one card for each of the main events. Source: GitHub's "Webhook events and payloads".

Gitea and Forgejo send the same shapes under names of their own. Events that are not listed say nothing.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import Headers

from infitalks.integrations.cards import author, card, escaped, labelled
from infitalks.integrations.post import PayloadRefused, Post, compose
from infitalks.integrations.values import at, cut, line, link, moment, obj, objs, text
from infitalks.schemas.cards import CardAuthorOut, CardOut

MOST_COMMITS = 8
LONGEST_QUOTE = 1200  # characters of somebody's comment
NO_COMMIT = "0" * 40
RESULTS = {"success": "good", "failure": "danger", "timed_out": "danger", "startup_failure": "danger"}
RESULTS |= {"cancelled": "quiet", "skipped": "quiet", "neutral": "quiet", "action_required": "warning"}
TOLD_ACTIONS = {
    "issues": ("opened", "closed", "reopened", "assigned", "transferred", "deleted"),
    "pull_request": ("opened", "closed", "reopened", "ready_for_review", "review_requested", "converted_to_draft"),
    "release": ("published", "released", "prereleased"),
}


def parse_github(payload: Any, headers: Headers) -> Post | None:
    """None for events that say nothing: a ping, and what is not listed. Raises PayloadRefused."""
    return parse_forge(payload, headers.get("X-GitHub-Event", ""))


def parse_gitea(payload: Any, headers: Headers) -> Post | None:
    """Gitea, Forgejo and Gogs: GitHub's shapes. Raises PayloadRefused."""
    names = ("X-Gitea-Event", "X-Forgejo-Event", "X-Gogs-Event", "X-GitHub-Event")
    event = next((headers[name] for name in names if name in headers), "")
    reviews = {"pull_request_approved": "approved", "pull_request_rejected": "changes_requested"}
    if event in reviews or event == "pull_request_comment":
        payload = {
            **obj(payload),
            "review": {**obj(obj(payload).get("review")), "state": reviews.get(event, "commented")},
        }
        return parse_forge(payload, "pull_request_review")
    return parse_forge(payload, event)


def parse_forge(payload: Any, event: str) -> Post | None:
    if not event or not (obj(payload).get("sender") or obj(payload).get("repository")):
        raise PayloadRefused("invalid_payload")
    tell = EVENTS.get(event)
    told = TOLD_ACTIONS.get(event)
    if not tell or (told and payload.get("action") not in told):
        return None
    shown = tell(payload)
    return compose("", [shown]) if shown else None


def _sender(payload: dict[str, Any]) -> CardAuthorOut | None:
    who = obj(payload.get("sender"))
    return author(who.get("login") or who.get("username"), who.get("html_url"), who.get("avatar_url"))


def _card(payload: dict[str, Any], title: str, url: Any, **more: Any) -> CardOut | None:
    repository = obj(payload.get("repository"))
    name = escaped(line(repository.get("full_name")))
    footer = labelled(name, link(repository.get("html_url"))) if name else ""
    return card(author=_sender(payload), title=title, url=url, footer=footer, **more)


def _push(payload: dict[str, Any]) -> CardOut | None:
    branch = line(payload.get("ref")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    commits = objs(payload.get("commits"))
    if payload.get("deleted") is True or payload.get("after") == NO_COMMIT:
        return _card(payload, f"{branch} was deleted", None, color="quiet")
    forced = "force-pushed" if payload.get("forced") is True else "pushed"
    many = f"{len(commits)} commit{'s' * (len(commits) != 1)}"
    lines = [_commit(commit) for commit in commits[:MOST_COMMITS]]
    lines += [f"… and {len(commits) - MOST_COMMITS} more"] if len(commits) > MOST_COMMITS else []
    url = payload.get("compare") or payload.get("compare_url")
    return _card(payload, f"{many} {forced} to {branch}", url, text="\n".join(lines), color="accent")


def _commit(commit: dict[str, Any]) -> str:
    first = (text(commit.get("message")).strip().splitlines() or [""])[0]
    number = labelled(f"`{line(commit.get('id'))[:7] or '?'}`".replace("``", "`"), link(commit.get("url")))
    return f"{number} {escaped(cut(first, 120))} – {escaped(line(at(commit, 'author', 'name')))}"


def _issue(payload: dict[str, Any]) -> CardOut | None:
    issue, action = obj(payload.get("issue")), line(payload.get("action"))
    color = {"opened": "accent", "reopened": "accent", "closed": "good"}.get(action, "quiet")
    words = quoted(issue.get("body")) if action == "opened" else ""
    return _card(payload, f"Issue {action}: {numbered(issue)}", issue.get("html_url"), text=words, color=color)


def _comment(payload: dict[str, Any]) -> CardOut | None:
    about = obj(payload.get("issue")) or obj(payload.get("pull_request"))
    comment = obj(payload.get("comment"))
    if payload.get("action") != "created":
        return None
    return _card(payload, f"Comment on {numbered(about)}", comment.get("html_url"), text=quoted(comment.get("body")))


def _commit_comment(payload: dict[str, Any]) -> CardOut | None:
    comment = obj(payload.get("comment"))
    title = f"Comment on commit {line(comment.get('commit_id'))[:7]}"
    return _card(payload, title, comment.get("html_url"), text=quoted(comment.get("body")))


def _pull_request(payload: dict[str, Any]) -> CardOut | None:
    request, action = obj(payload.get("pull_request")), line(payload.get("action"))
    merged = action == "closed" and request.get("merged") is True
    done = "merged" if merged else action.replace("_", " ")
    color = "good" if merged else "danger" if action == "closed" else "accent"
    words = quoted(request.get("body")) if action == "opened" else ""
    return _card(payload, f"Pull request {done}: {numbered(request)}", request.get("html_url"), text=words, color=color)


def _review(payload: dict[str, Any]) -> CardOut | None:
    review, request = obj(payload.get("review")), obj(payload.get("pull_request"))
    state = line(review.get("state")).lower()
    words = {"approved": ("approved", "good"), "changes_requested": ("changes requested", "danger")}
    said, color = words.get(state, ("reviewed", "quiet"))
    if payload.get("action") in ("edited", "dismissed"):
        return None
    body = quoted(review.get("body") or review.get("content"))
    url = review.get("html_url") or request.get("html_url")
    return _card(payload, f"Pull request {said}: {numbered(request)}", url, text=body, color=color)


def _release(payload: dict[str, Any]) -> CardOut | None:
    release = obj(payload.get("release"))
    if payload.get("action") != "published":
        return None  # released and prereleased come beside published
    name = line(release.get("name")) or line(release.get("tag_name"))
    return _card(payload, f"Release {name}", release.get("html_url"), text=quoted(release.get("body")), color="good")


def _run(payload: dict[str, Any]) -> CardOut | None:
    """workflow_run, check_run, check_suite: told when they are done."""
    run = next((obj(payload[key]) for key in ("workflow_run", "check_run", "check_suite") if payload.get(key)), {})
    if payload.get("action") != "completed":
        return None
    result = line(run.get("conclusion"))
    name = line(run.get("name")) or line(at(run, "app", "name")) or "Checks"
    branch = line(run.get("head_branch")) or line(at(run, "check_suite", "head_branch"))
    title = f"{name}: {result.replace('_', ' ') or 'done'}" + (f" on {branch}" if branch else "")
    about = escaped(run.get("display_title")) or f"`{line(run.get('head_sha'))[:7]}`"
    url = run.get("html_url") or run.get("details_url")
    when = moment(run.get("updated_at") or run.get("completed_at"))
    return _card(payload, title, url, text=about, color=RESULTS.get(result, "quiet"), at=when)


def _status(payload: dict[str, Any]) -> CardOut | None:
    state = line(payload.get("state"))
    if state == "pending":
        return None
    color = {"success": "good", "failure": "danger", "error": "danger"}.get(state, "quiet")
    title = f"{line(payload.get('context')) or 'Status'}: {state}"
    return _card(payload, title, payload.get("target_url"), text=escaped(payload.get("description")), color=color)


def _branch(payload: dict[str, Any], done: str) -> CardOut | None:
    kind = line(payload.get("ref_type")) or "branch"
    name = line(payload.get("ref")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    return _card(payload, f"{kind.capitalize()} {name} was {done}", None, color="quiet")


def _fork(payload: dict[str, Any]) -> CardOut | None:
    forked = obj(payload.get("forkee"))
    return _card(payload, f"Forked to {line(forked.get('full_name'))}", forked.get("html_url"))


def _discussion(payload: dict[str, Any]) -> CardOut | None:
    discussion, comment = obj(payload.get("discussion")), obj(payload.get("comment"))
    if payload.get("action") != "created":
        return None
    what = comment or discussion
    kind = "Comment on discussion" if comment else "Discussion"
    return _card(payload, f"{kind} {numbered(discussion)}", what.get("html_url"), text=quoted(what.get("body")))


def numbered(thing: dict[str, Any]) -> str:
    """`#7 Its title`."""
    return f"#{line(thing.get('number') or thing.get('iid')) or '?'} {line(thing.get('title'))}".rstrip()


def quoted(body: Any) -> str:
    """What somebody wrote there, which is Markdown too; its hidden comments are left out."""
    words = text(body).replace("\r\n", "\n")
    while (start := words.find("<!--")) >= 0:
        end = words.find("-->", start)
        words = words[:start] + (words[end + 3 :] if end >= 0 else "")
    return cut(words.strip(), LONGEST_QUOTE)


EVENTS: dict[str, Callable[[dict[str, Any]], CardOut | None]] = {
    "push": _push,
    "issues": _issue,
    "issue_comment": _comment,
    "commit_comment": _commit_comment,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "pull_request_review_comment": _comment,
    "release": _release,
    "workflow_run": _run,
    "check_run": _run,
    "check_suite": _run,
    "status": _status,
    "create": lambda payload: _branch(payload, "created"),
    "delete": lambda payload: _branch(payload, "deleted"),
    "fork": _fork,
    "discussion": _discussion,
    "discussion_comment": _discussion,
}
