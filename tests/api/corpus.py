"""Bodies that each shape takes, bytes that are no JSON object, and whether the database changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infitalks.models.database import database

DEEP = 100_000
ID = "0" * 24
# A body that each shape takes, so that what is changed in it is the only thing wrong.
GOOD: dict[str, dict[str, Any]] = {
    "AwayIn": {"away": True},
    "BotIn": {"username": "robot-7", "display_name": "Robot"},
    "ChatIn": {"kind": "group", "name": "Garden", "member_ids": []},
    "ChatPatchIn": {"name": "Yard", "muted": True, "favourite": True},
    "CommandIn": {"text": "/deploy", "client_id": "c1"},
    "CloseIn": {"password": "not her password"},
    "DescribeIn": {"alt": "A sunset"},
    "EditIn": {"text": "hello"},
    "FollowIn": {"follow": True, "read_seq": 1},
    "LoginIn": {"login": "somebody", "password": "not the password"},
    "MembersIn": {"user_ids": [ID]},
    "MessageIn": {"chat_id": ID, "client_id": "c1", "text": "hello", "attachments": [], "reply_to": None},
    "PreferencesIn": {"enter_sends": False},
    "PressIn": {"button": "b0000", "client_id": "p1"},
    "ProfileIn": {"display_name": "Ada"},
    "ReadIn": {"seq": 1},
    "RefreshIn": {"refresh_token": "ifr_x"},
    "RegisterIn": {
        "email": "new@example.org",
        "username": "newcomer",
        "password": "a long password",
        "display_name": "New",
    },
    "RoleIn": {"role": "member"},
    "SyncIn": {"chats": {ID: 1}},
    "WebhookIn": {"kind": "incoming", "name": "Builds"},
    "WebhookPatchIn": {"name": "Builds"},
}

# A refused request, too, shows that its session is in use, which spares it from ending after two idle weeks.
MOVING = {"sessions": ("seen_at",)}

MALFORMED = {
    "nothing": b"",
    "half an object": b"{",
    "a comma too many": b'{"name": "x",}',
    "a bare word": b"nul",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a list": b"[]",
    "a string": b'"name"',
    "a number": b"5",
    "null": b"null",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"na\\u0000me": 1}',
    "2**63": b'{"seq": 9223372036854775808}',
    "an integer of 5,000 digits": b'{"seq": ' + b"7" * 5000 + b"}",
    "100,000 lists deep": b'{"name": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "40,000 objects deep": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "21 levels deep": b"[" * 21 + b"]" * 21,
    "NaN": b'{"seq": NaN}',
    "minus infinity": b'{"seq": -Infinity}',
    "1e999": b'{"seq": 1e999}',
    "a key twice": b'{"name": "x", "name": "y"}',
}


# Requests that came in through webhooks are kept for the delivery pages, refused ones first of all.
KEPT = {"deliveries": {"incoming": {"$ne": True}}}


def fingerprint() -> str:
    """Changes with every change of any stored document, but for the fields in MOVING and what comes in (KEPT)."""
    collections = database().command("dbHash")["collections"]
    for name in (*MOVING, *KEPT):
        left_out = dict.fromkeys(MOVING.get(name, ()), 0)
        batches: Any = database()[name].find_raw_batches(KEPT.get(name, {}), left_out, sort=[("_id", 1)])
        collections[name] = hashlib.sha256(b"".join(batches)).hexdigest()
    return str(sorted(collections.items()))


@contextmanager
def nothing_changes() -> Iterator[None]:
    before = fingerprint()
    yield
    assert fingerprint() == before
