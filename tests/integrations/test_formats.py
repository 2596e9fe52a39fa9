"""Each format's payloads, in the senders' real shape, and what they come to: a file there and a row here for each."""

from typing import Any

import pytest
from werkzeug.datastructures import Headers

from infitalks.integrations.catalogue import FORMATS
from infitalks.integrations.plain import fill
from infitalks.integrations.post import PayloadRefused, Post
from tests.integrations.payloads import payload

EVENT_HEADERS = {"github": "X-GitHub-Event", "gitea": "X-Gitea-Event"}


def post_of(form: str, content: Any, event: str = "", template: str = "") -> Post | None:
    headers = Headers({EVENT_HEADERS[form]: event} if event else {})
    return FORMATS[form].parse(content, headers, template)


def told(form: str, content: Any, event: str = "", template: str = "") -> Post:
    post = post_of(form, content, event, template)
    assert post
    return post


# format, file, event, and: title, link, color, and what else is said
CASES: dict[str, tuple[str, str, str, str | None, str | None, list[str]]] = {
    "github_push": (
        "push",
        "2 commits pushed to main",
        "https://github.example/ada/garden/compare/1...b",
        "#3b6fd4",
        None,
        ["Water the \\*roses\\*", "[`aaaaaaa`](<https://github.example/ada/garden/commit/a>)", "ada/garden"],
    ),
    "github_issue": (
        "issues",
        "Issue opened: #7 The hose leaks",
        "https://github.example/ada/garden/issues/7",
        "#3b6fd4",
        None,
        ["It drips."],
    ),
    "github_issue_comment": ("issue_comment", "Comment on #7 The hose leaks", "", None, None, ["**Mine too.**"]),
    "github_pull_request": ("pull_request", "Pull request merged: #8 Mend the hose", "", "#2eb886", None, []),
    "github_review": (
        "pull_request_review",
        "Pull request changes requested: #8 Mend the hose",
        "",
        "#a30200",
        None,
        ["Tape"],
    ),
    "github_release": ("release", "Release Spring", "", "#2eb886", None, ["- roses"]),
    "github_workflow_run": (
        "workflow_run",
        "CI: failure on main",
        "",
        "#a30200",
        "2026-11-22T10:05:00.000Z",
        ["Mend the hose"],
    ),
    "gitlab_push": (
        "",
        "1 commit pushed to main",
        "https://gitlab.example/ada/garden/-/commit/2",
        "#3b6fd4",
        None,
        ["Water"],
    ),
    "gitlab_merge_request": ("", "Merge request merge: #4 Mend", "", "#2eb886", None, []),
    "gitlab_pipeline": (
        "",
        "Pipeline failed on main",
        "https://gitlab.example/ada/garden/-/pipelines/31",
        "#a30200",
        None,
        ["Water"],
    ),
    "gitlab_note": ("", "Comment on #5 Leaks", "", None, None, ["Looks **good**"]),
    "gitea_push": (
        "push",
        "1 commit pushed to main",
        "https://gitea.example/ada/garden/compare/1...2",
        "#3b6fd4",
        None,
        ["Water"],
    ),
    "sentry_created": (
        "",
        "[CREATED] ZeroDivisionError: division by zero",
        "https://sentry.example/issues/4500/",
        "#a30200",
        None,
        ["garden"],
    ),
    "sentry_event_alert": ("", "KeyError: 'rose'", "", "#a30200", "2026-11-22T10:00:00.000Z", ["Many errors", "7.1"]),
    "alertmanager_firing": (
        "",
        "[FIRING:1] DiskFull",
        "http://alertmanager.example:9093",
        "#a30200",
        None,
        ["db1: 91 % used", "Clean up."],
    ),
    "alertmanager_resolved": ("", "[RESOLVED] DiskFull", "", "#2eb886", None, ["✅"]),
    "grafana_firing": (
        "",
        "[FIRING:1] DiskFull",
        "https://grafana.example/",
        "#a30200",
        None,
        ["value=91.2", "[Silence]"],
    ),
    "slack_alertmanager": (
        "",
        "[FIRING:1] DiskFull (critical)",
        "http://alertmanager.example:9093/#/alerts?receiver=chat",
        "#a30200",
        None,
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_card_says_what_happened(name: str) -> None:
    event, title, url, color, at, parts = CASES[name]
    post = told(name.partition("_")[0], payload(name), event)
    card = post.cards[0]
    assert (card.title, card.color) == (title, color)
    assert not url or card.url == url
    assert not at or card.model_dump(mode="json")["at"] == at
    for part in (title, *parts):
        assert part in post.text, post.text


def test_what_says_nothing_is_no_post_and_no_error() -> None:
    assert post_of("github", payload("github_ping"), "ping") is None
    assert post_of("github", {"action": "labeled", "issue": {}, "sender": {"login": "ada"}}, "issues") is None
    assert post_of("github", {"sender": {"login": "ada"}}, "marketplace_purchase") is None
    assert post_of("gitlab", {"object_kind": "pipeline", "object_attributes": {"status": "running"}}) is None
    assert post_of("gitlab", {"object_kind": "emoji"}) is None


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("github", []),
        ("gitlab", {}),
        ("alertmanager", {"status": "firing"}),
        ("grafana", 5),
        ("sentry", "x"),
        ("discord", []),
    ],
)
def test_another_shape_is_refused(form: str, content: Any) -> None:
    with pytest.raises(PayloadRefused) as refused:
        post_of(form, content, "push" if form == "github" else "")
    assert refused.value.code == "invalid_payload"


def test_a_comment_that_is_hidden_at_the_forge_is_hidden_here() -> None:
    text = told("github", payload("github_issue"), "issues").text
    assert "It drips." in text and "template" not in text and "- [ ] tap" in text


def test_blocks_become_cards_in_their_order() -> None:
    first, second, third = told("slack", payload("slack_blocks")).cards
    assert first.title == "Deploy :rocket:" and first.thumb_url == "https://e.example/t.png"
    assert first.text == "**prod** by @U123"
    assert [field.html for field in first.fields] == [
        "<p><strong>Version:</strong><br>\n7.1</p>",
        "<p>snake_case *raw*</p>",
    ]
    # A card describes one picture, and both of these have a description.
    assert (first.image_alt, first.image_url, second.image_alt) == ("a rocket", None, "a chart")
    assert second.image_url == "https://e.example/chart.png" and "the log</a>" in second.footer_html
    assert [(button.text, button.url, button.style) for button in second.buttons] == [
        ("Open", "https://e.example/open", "primary"),
        ("Approve", None, "default"),
    ]
    assert third.text == "rich words\n\nstill read"


def test_blocks_that_go_back_to_an_earlier_part_start_a_new_card() -> None:
    image = {"type": "image", "image_url": "https://e.example/i.png", "alt_text": "i"}
    words = {"type": "section", "text": {"type": "mrkdwn", "text": "w"}}
    post = told("slack", {"blocks": [words, image, words, words, image]})
    assert [(card.text, bool(card.image_url)) for card in post.cards] == [("w", True), ("w\n\nw", True)]


def test_words_beside_blocks_are_only_a_notifications_and_beside_attachments_the_first_card() -> None:
    assert "New request" not in told("slack", payload("slack_blocks")).text
    post = told("slack", {"text": "*look*", "attachments": [{"text": "x", "color": "good"}]})
    assert [(card.text, card.color) for card in post.cards] == [("**look**", None), ("x", "#2eb886")]
    assert told("slack", {"text": "*look*", "blocks": [{"type": "divider"}]}).text == "**look**"


def test_fifty_one_blocks_and_a_hundred_attachments_are_taken() -> None:
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": f"s{n}"}} for n in range(51)]
    assert "s49" in told("slack", {"blocks": sections}).text
    assert "t0" in told("slack", {"attachments": [{"text": f"t{n}"} for n in range(100)]}).text


def test_odd_values_of_senders_cost_nothing() -> None:
    fields = [{"title": "n", "value": 5, "short": "true"}, None, {"title": 1, "value": False}, {}]
    card = told("slack", {"attachments": [None, {"fields": fields, "ts": "1795341600.5", "text": None}]}).cards[0]
    assert [(field.title, field.text, field.short) for field in card.fields] == [
        ("n", "5", True),
        ("1", "false", False),
    ]
    assert card.at and card.at.year == 2026


def test_what_is_no_markup_is_shown_as_it_is() -> None:
    assert told("slack", {"text": "*raw* <x>", "mrkdwn": False}).text == "\\*raw\\* \\<x\\>"
    raw = {"text": "*raw*", "pretext": "*bold*", "mrkdwn_in": ["pretext"]}
    assert [card.text for card in told("slack", {"attachments": [raw]}).cards] == ["**bold**", "\\*raw\\*"]


def test_grafanas_post_for_slack_is_shown_with_its_table() -> None:
    post = told("slack", payload("slack_grafana"))
    assert "instance | db1" in post.text and post.cards[1].title == "[FIRING:1] DiskFull Ops"
    assert post.via and post.via["name"] == "Grafana"


def test_gitlabs_post_for_slack_is_shown_with_its_links() -> None:
    lead, commit = told("slack", payload("slack_gitlab")).cards
    assert "[main](<https://gitlab.example/ada/garden/commits/main>)" in lead.text
    assert commit.color == "#334455" and commit.text.endswith(": Water & weed - Ada")


def test_mattermosts_words_are_markdown_already() -> None:
    post = told("mattermost", payload("mattermost"))
    assert post.cards[0].html.startswith("<p><strong>done</strong> in <em>3 s</em>")
    assert "<table>" in post.cards[0].html and "More **here**" in post.text
    assert [card.color for card in post.cards] == [None, None, "#ff8000", None]


def test_a_message_for_one_person_is_not_shown_to_a_room() -> None:
    with pytest.raises(PayloadRefused) as refused:
        post_of("slack", {"channel": "@ada", "text": "your password"})
    assert refused.value.code == "user_not_found"
    assert told("slack", {"channel": "#elsewhere", "text": "x"}).text == "x"


def test_discords_embed_is_a_card() -> None:
    post = told("discord", payload("discord_embed"))
    lead, card = post.cards
    assert lead.text == "Build @42 done" and post.via == {"name": "CI", "icon_url": "https://e.example/a.png"}
    assert card.text == "All **green** 2026-11-22 10:00 UTC" and card.color == "#2ecc71"
    assert card.fields[0].short and card.thumb_url is None and card.footer_html == "<p>ci_bot</p>"


def test_an_alerts_graph_expression_stays_in_its_link() -> None:
    card = told("alertmanager", payload("alertmanager_firing")).cards[1]
    assert card.url == "http://prometheus.example:9090/graph?g0.expr=disk+%3E+90&g0.tab=1"
    assert card.model_dump(mode="json")["at"] == "2026-11-22T10:00:00.123Z"


def test_many_alerts_are_counted_and_those_cut_off_are_told() -> None:
    group = payload("alertmanager_firing")
    group |= {"alerts": group["alerts"] * 12, "truncatedAlerts": 3}
    post = told("alertmanager", group)
    assert "… and 2 more" in post.text and "3 more alerts were cut off" in post.text


TEMPLATES: dict[str, tuple[str, Any, str]] = {
    "a path": ("{{a.b}}", {"a": {"b": "x"}}, "x"),
    "a place in a list": ("{{ list.1.n }}", {"list": [{}, {"n": 5}]}, "5"),
    "nothing there": ("[{{a.c}}{{a.b.c}}{{list.9}}]", {"a": {"b": 1}, "list": []}, "[]"),
    "an object": ("{{a}}", {"a": {"b": [1]}}, '{"b": [1]}'),
    "no template of a value": ("{{a}}", {"a": "{{b}}", "b": "secret"}, "{{b}}"),
    "no code": ("{{7*7}}{% if 1 %}{{''.__class__}}", {}, "{% if 1 %}"),
    "attributes of Python": ("[{{a.__class__}}{{a.upper}}]", {"a": "x"}, "[]"),
    "a list at the top": ("{{0.n}}", [{"n": "x"}], "x"),
    "digits without end": ("[{{a." + "9" * 150 + "}}]", {"a": [1]}, "[]"),
}


@pytest.mark.parametrize(("template", "content", "expected"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_looks_up_and_does_nothing_else(template: str, content: Any, expected: str) -> None:
    assert fill(template, content) == expected


def test_json_without_a_template_shows_what_most_senders_mean() -> None:
    apprise = {"version": "1.0", "title": "Backup", "message": "**done**", "attachments": [], "type": "info"}
    post = told("json", apprise)
    assert (post.cards[0].title, post.cards[0].text) == ("Backup", "**done**")
    assert told("json", {"message": "only words"}).text == "only words"
    assert told("json", {"temperature": 21}).text == '```json\n{\n  "temperature": 21\n}\n```'
    with pytest.raises(PayloadRefused):
        post_of("json", {})
    with pytest.raises(PayloadRefused):
        post_of("json", {"a": 1}, template="{{b}}")
