"""No parser breaks: whatever JSON comes, it makes a bounded post of safe HTML, or refuses it in a known word."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from infitalks.integrations.catalogue import FORMATS, Format
from infitalks.integrations.dialects import STATUSES, refusal_of
from infitalks.integrations.post import MOST_CARDS, PayloadRefused, Post
from infitalks.integrations.received import Received
from infitalks.integrations.values import link, moment
from infitalks.schemas.messages import LONGEST_TEXT

# The names that parsers look at, so that chance finds its way into them.
NAMES = """
text blocks attachments content embeds alerts status labels annotations groupKey startsAt endsAt fingerprint
type title title_link fields value short color ts footer image_url thumb_url url name author elements rows
accessory action issue pull_request comment review repository sender commits ref after message id number body
object_kind object_attributes project user data event metric_alert lastSeen level mrkdwn mrkdwn_in pretext
fallback actions props card thread_ts username icon_url icon_emoji channel timestamp image thumbnail description
value action_id block_id callback_id style confirm ok_text deny integration context disabled id
workflow_run conclusion head_branch release tag_name forkee discussion commonLabels commonAnnotations
externalURL valueString truncatedAlerts build_status total_commits_count triggered_rule alt_text subject
"""
KEYS = NAMES.split()
HOSTILE = ["<script>alert(1)</script>", "javascript:alert(1)", "http://[", "https://e.example/a b", "[x](javascript:x)"]
HOSTILE += ["`" * 40, "*" * 40, "](", "9" * 400, "0001-01-01T00:00:00Z", "2026-11-22T10:00:00.123456789+02:00", "#a00"]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(HOSTILE),
)
objects = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)),
    max_leaves=40,
)
EVENTS = ("push", "issues", "issue_comment", "pull_request", "pull_request_review", "release", "workflow_run", "create")


def post_of(form: Format, payload: Any, headers: dict[str, str]) -> Post | None:
    try:
        return form.parse(payload, Headers(headers), "")
    except PayloadRefused as refused:
        assert refused.code in STATUSES and refusal_of(refused).status < 500
        return None


def check_bounded(post: Post) -> None:
    assert post.text.strip() and len(post.text) <= LONGEST_TEXT
    assert len(post.cards) <= MOST_CARDS + 1
    written = json.dumps([card.model_dump(mode="json") for card in post.cards])
    assert len(written) < 600_000


def check_inert(post: Post) -> None:
    htmls = [html for card in post.cards for html in (card.html, card.footer_html, *(f.html for f in card.fields))]
    for html in htmls:
        seen = html.replace("&lt;", "").lower()
        assert "<script" not in seen and "<img" not in seen and 'href="javascript' not in seen, html
    for card in post.cards:
        buttons = [button.url for button in card.buttons]
        by = [card.author.url, card.author.icon_url] if card.author else []
        for address in (card.url, card.image_url, card.thumb_url, *by, *buttons):
            assert address is None or (address.startswith(("http", "HTTP")) and not set(address) & set(' <>"\n'))


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=objects | st.dictionaries(st.sampled_from(KEYS), objects, max_size=12), event=st.sampled_from(EVENTS))
def test_no_json_breaks_a_parser(form: Format, payload: Any, event: str) -> None:
    headers = {"X-GitHub-Event": event, "X-Gitea-Event": event}
    post = post_of(form, payload, headers)
    if post:
        check_bounded(post)
        check_inert(post)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_huge_parts_are_cut_and_not_refused(form: Format) -> None:
    long = "word " * 10_000
    field = {"title": long, "value": long}
    many: Any = [{"type": "section", "text": {"text": long}, "title": long, "fields": [field] * 60}] * 90
    huge = {"text": long, "content": long, "blocks": many, "attachments": many, "embeds": many, "message": long}
    huge |= {"alerts": [{"labels": {"alertname": long, "x": long}, "annotations": {"summary": long}}] * 500}
    huge |= {
        "object_kind": "note",
        "object_attributes": {"note": long},
        "comment": {"body": long},
        "action": "created",
        "sender": {"login": long},
    }
    huge |= {"data": {"issue": {"id": 1, "title": long, "culprit": long}}}
    payload: Any = long if form.name == "text" else huge
    post = post_of(form, payload, {"X-GitHub-Event": "issue_comment", "X-Gitea-Event": "issue_comment"})
    assert post
    check_bounded(post)
    assert "…" in post.text


@given(value=leaves | st.text())
def test_a_link_is_http_and_leaves_no_attribute(value: Any) -> None:
    address = link(value)
    assert address is None or (address.lower().startswith("http") and not set(address) & set(" <>\"'`{}|\\^\n") - {"'"})


@given(value=leaves | st.text() | st.datetimes().map(str))
def test_a_time_is_read_or_is_none(value: Any) -> None:
    read = moment(value)
    assert read is None or (read.tzinfo and 1971 <= read.year < 2200)


def test_a_request_that_is_no_text_is_malformed() -> None:
    from infitalks.errors import Malformed

    for form in FORMATS.values():
        with pytest.raises(Malformed):
            form.post_of(Received(b"\xff\xfe\x00", Headers()), "")
