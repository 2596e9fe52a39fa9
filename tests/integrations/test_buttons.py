"""Buttons that tell a program when they are pressed: what each dialect says of one, what is kept, and what is shown."""

import json
from typing import Any

import pytest

from infitalks.integrations.buttons import MOST_OF_A_MESSAGE
from infitalks.integrations.cards import MOST_BUTTONS, unrendered
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.slack import parse_slack
from infitalks.schemas.cards import Button, ButtonOut, CardOut, kept_card, stored_card

SECRET = "known-to-the-program-alone"


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def block(**more: Any) -> dict[str, Any]:
    """A message of a single block with a single button."""
    element = {"type": "button", "text": plain("Approve"), "action_id": "approve", "value": SECRET, **more}
    return {"blocks": [{"type": "actions", "block_id": "deploy", "elements": [element]}]}


def attached(*actions: Any, **more: Any) -> dict[str, Any]:
    return {"attachments": [{"text": "Deploy?", "callback_id": "deploy", "actions": list(actions), **more}]}


def legacy(**more: Any) -> dict[str, Any]:
    return attached({"type": "button", "name": "decision", "text": "Approve", "value": SECRET, **more})


def mattermost(**more: Any) -> dict[str, Any]:
    integration = {"url": f"https://bot.example/{SECRET}", "context": {"job": SECRET, "$a.b": 2**80}}
    return attached({"id": "approve", "name": "Approve", "integration": integration, **more})


def buttons_of(payload: Any) -> list[ButtonOut]:
    return [button for card in parse_slack(payload).cards for button in card.buttons]


def the_button(payload: Any) -> Button:
    (button,) = buttons_of(payload)
    assert isinstance(button, Button) and button.text == "Approve"
    return button


def told(button: Button) -> dict[str, Any]:
    """What is kept to be told."""
    assert button.press and button.id and button.url is None
    return button.press.model_dump(exclude_defaults=True)


KINDS = [block(), legacy(), mattermost()]


def test_what_each_dialect_says_is_kept() -> None:
    assert told(the_button(block(style="primary"))) == {
        "kind": "block",
        "action_id": "approve",
        "block_id": "deploy",
        "value": SECRET,
    }
    assert told(the_button(legacy(style="danger"))) == {
        "kind": "attachment",
        "name": "decision",
        "value": SECRET,
        "callback_id": "deploy",
        "attachment": 1,
    }
    kept = told(the_button(mattermost()))
    assert json.loads(kept.pop("context")) == {"job": SECRET, "$a.b": 2**80}
    assert kept == {"kind": "mattermost", "action_id": "approve", "url": f"https://bot.example/{SECRET}"}


def test_styles_are_slacks_two_and_mattermosts_names_for_them() -> None:
    styles = ("primary", "good", "success", "danger", "warning", "#123456", None, 5)
    shown = [the_button(mattermost(style=style)).style for style in styles]
    assert shown == ["primary"] * 3 + ["danger"] + ["default"] * 4


def test_a_sections_button_and_mattermosts_props_are_read_too() -> None:
    section = {"type": "section", "block_id": "s", "text": plain("Deploy?")}
    section["accessory"] = block()["blocks"][0]["elements"][0]
    assert told(the_button({"blocks": [section]}))["block_id"] == "s"
    (card,) = parse_mattermost({"props": mattermost()}).cards
    assert told(card.buttons[0])["kind"] == "mattermost"  # type: ignore[arg-type]


def test_a_button_with_an_address_stays_a_link_and_one_that_is_no_link_nor_button_is_left_out() -> None:
    (link,) = buttons_of(block(url="https://e.example/x"))
    assert (link.url, link.id, isinstance(link, Button)) == ("https://e.example/x", None, False)
    assert buttons_of({"text": "x", **legacy(url="javascript:alert(1)")}) == []
    assert buttons_of({"text": "x", **legacy(type="select")}) == []


TOO_MUCH: dict[str, dict[str, Any]] = {
    "a value": block(value="v" * 2001),
    "an id": block(action_id="i" * 256),
    "a name": legacy(name="n" * 256),
    "a context": mattermost(integration={"url": "https://bot.example/", "context": {"c": "c" * 4096}}),
    "a context in letters of three bytes": mattermost(integration={"context": {"c": "€" * 1400}}),
    "a context that is no JSON": mattermost(integration={"context": {"c": float("nan")}}),
    "half a letter": mattermost(integration={"context": {"c": "\ud800"}}),
    "a number without end": mattermost(integration={"context": {"c": 10**5000}}),
    "a button that is off": mattermost(disabled=True),
}


@pytest.mark.parametrize("payload", TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_cannot_be_kept_makes_a_button_that_does_nothing(payload: Any) -> None:
    button = the_button(payload)
    assert (button.press, button.id, button.url) == (None, None, None)


def test_as_much_as_fits_is_kept_whole() -> None:
    assert told(the_button(block(value="v" * 2000, action_id="i" * 255)))["value"] == "v" * 2000
    context = {"c": "c" * (4096 - len('{"c": ""}'))}
    kept = told(the_button(mattermost(integration={"context": context})))
    assert json.loads(kept["context"]) == context and "url" not in kept


def test_a_context_nested_without_end_costs_only_its_own_button() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"d": deep}
    assert the_button(mattermost(integration={"context": deep})).press is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "/plugins/x", 5, None, ["x"]])
def test_an_address_that_is_none_is_not_kept(url: Any) -> None:
    assert "url" not in told(the_button(mattermost(integration={"url": url})))


CONFIRMS: list[tuple[Any, tuple[str, str, str, str] | None]] = [
    (
        {"title": plain("Sure?"), "text": plain("For *all*."), "confirm": plain("Go"), "deny": plain("Wait")},
        ("Sure?", "For *all*.", "Go", "Wait"),
    ),
    ({"title": "Sure?", "text": "x", "ok_text": "Go", "dismiss_text": "Wait"}, ("Sure?", "x", "Go", "Wait")),
    ({}, ("Are you sure?", "", "Yes", "No")),
    ({"title": ["x"], "text": {"text": {}}, "confirm": 7}, ("Are you sure?", "", "7", "No")),
    (True, ("Are you sure?", "", "Yes", "No")),
    ("Really delete?", ("Are you sure?", "Really delete?", "Yes", "No")),
    ({"title": "t" * 999, "deny": "d" * 999}, ("t" * 99 + "…", "", "Yes", "d" * 29 + "…")),
    (False, None),
    (None, None),
    (5, None),
    ([{}], None),
]


@pytest.mark.parametrize(("given", "expected"), CONFIRMS, ids=range(len(CONFIRMS)))
def test_what_is_to_be_asked_first_is_asked_however_oddly_it_is_said(given: Any, expected: Any) -> None:
    for payload in (block(confirm=given), legacy(confirm=given)):
        confirm = the_button(payload).confirm
        assert (confirm and (confirm.title, confirm.text, confirm.ok, confirm.dismiss)) == expected


@pytest.mark.parametrize("payload", KINDS, ids=["block", "attachment", "mattermost"])
def test_what_a_program_is_told_is_kept_and_never_shown(payload: Any) -> None:
    (card,) = parse_slack(payload).cards
    stored = stored_card(card)
    assert SECRET in json.dumps(stored)
    shown = CardOut(**stored)
    for view in (card, shown):
        assert SECRET not in view.model_dump_json() and SECRET not in json.dumps(view.model_dump(mode="json"))
    assert SECRET not in repr(shown) and SECRET not in json.dumps(unrendered([card]))
    assert kept_card(stored) == card


def test_ids_count_and_tell_one_program_name_from_another() -> None:
    def ids(*names: str) -> list[str | None]:
        made = [{"name": name, "text": "Go", "value": "v"} for name in names]
        return [button.id for button in buttons_of(attached(*made, {"text": "x", "url": "https://e.example/"}))]

    first = ids("approve", "reject")
    assert first == ids("approve", "reject") and first[2] is None
    assert [each and each[:2] for each in first[:2]] == ["b0", "b1"]
    assert ids("delete")[0] not in first and ids("delete") != ids("approve")


def test_what_changes_with_every_press_does_not_change_an_id() -> None:
    ids = {the_button(legacy(value=value)).id for value in ("0 votes", "1 vote")}
    assert len(ids) == 1


def test_a_thousand_buttons_are_cut() -> None:
    one = {"name": "n" * 255, "text": "<b>" * 100, "value": "v" * 2000, "confirm": {"text": "c" * 9999}}
    assert len(buttons_of(attached(*[one] * 1000))) == MOST_BUTTONS
    assert len(buttons_of({"attachments": attached(*[one] * 20)["attachments"] * 50})) == MOST_OF_A_MESSAGE
    element = block()["blocks"][0]["elements"][0]
    many = {"blocks": [{"type": "actions", "elements": [element] * 25}] * 50}
    assert len(buttons_of(many)) == MOST_OF_A_MESSAGE == len({button.id for button in buttons_of(many)})


def test_labels_are_said_in_the_plain_words_too() -> None:
    assert parse_slack(legacy()).text == "Deploy?\nApprove"
    assert [button.text for button in buttons_of(block(text=None))] == ["Press"]
