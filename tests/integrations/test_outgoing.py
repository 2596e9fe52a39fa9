"""The bodies of outgoing webhooks, to the byte, and what triggers one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from infitalks.integrations.outgoing import Told, event_type, trigger_in, write_body
from infitalks.schemas.messages import EntryOut, MessageOut
from infitalks.schemas.users import UserOut

AT = datetime(2026, 11, 22, 12, 0, 0, 123000, UTC)
ADA = UserOut(id="a" * 24, username="ada", display_name="Ada", avatar_url=None, kind="person")
MESSAGE = MessageOut(
    id="b" * 24, chat_id="c" * 24, seq=7, author=ADA, via=None, text='build "it" & më', html="", cards=[],
    attachments=[], reply_to=None, reactions=[], edited_at=None, deleted=False, created_at=AT, client_id="x",
)  # fmt: skip
ENTRY = EntryOut(chat_id="c" * 24, seq=7, n=5, kind="message", at=AT, author=ADA, message=MESSAGE)
TOLD = Told("message.sent", ENTRY, "Town Square", "t0k3n", "build")


def test_json_is_mattermosts_field_by_field_with_milliseconds() -> None:
    body = (
        '{"token":"t0k3n","team_id":"infitalks","team_domain":"infitalks","channel_id":"cccccccccccccccccccccccc",'
        '"channel_name":"Town Square","timestamp":1795348800123,"user_id":"aaaaaaaaaaaaaaaaaaaaaaaa",'
        '"user_name":"ada","post_id":"bbbbbbbbbbbbbbbbbbbbbbbb","text":"build \\"it\\" & më","trigger_word":"build",'
        '"file_ids":""}'
    )
    assert write_body("json", TOLD) == ("application/json", body.encode())


def test_a_form_has_the_same_fields_with_seconds() -> None:
    body = (
        b"token=t0k3n&team_id=infitalks&team_domain=infitalks&channel_id=cccccccccccccccccccccccc"
        b"&channel_name=Town+Square&timestamp=1795348800&user_id=aaaaaaaaaaaaaaaaaaaaaaaa&user_name=ada"
        b"&post_id=bbbbbbbbbbbbbbbbbbbbbbbb&text=build+%22it%22+%26+m%C3%AB&trigger_word=build&file_ids="
    )
    assert write_body("form", TOLD) == ("application/x-www-form-urlencoded", body)


def test_an_event_wraps_the_entry() -> None:
    content_type, body = write_body("events", TOLD)
    assert content_type == "application/json"
    start = (
        b'{"type":"message.sent","timestamp":"2026-11-22T12:00:00.123Z","data":{"chat_id":"cccccccccccccccccccccccc"'
    )
    assert body.startswith(start) and "më".encode() in body


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"kind": "message"}, "message.sent"),
        ({"kind": "edit"}, "message.edited"),
        ({"kind": "delete"}, "message.deleted"),
        ({"kind": "reaction", "on": True}, "reaction.added"),
        ({"kind": "reaction", "on": False}, "reaction.removed"),
        ({"kind": "media"}, "media.finished"),
        ({"kind": "member", "action": "added"}, "member.added"),
        ({"kind": "member", "action": "created"}, None),
        ({"kind": "chat"}, "chat.changed"),
        ({"kind": "of tomorrow"}, None),
    ],
)
def test_entries_have_types(entry: dict[str, Any], expected: str | None) -> None:
    assert event_type(entry) == expected


def test_names_with_signs_of_their_own_are_mentioned_as_they_are() -> None:
    assert trigger_in("hi @C++ (bot)!", [], "mention", ["C++ (bot)"]) == "@C++ (bot)"
    assert trigger_in("hi @bot-7x", [], "mention", ["bot-7"]) is None
    assert trigger_in("", [], "mention", ["bot"]) is trigger_in("", ["x"], "exact", []) is None
