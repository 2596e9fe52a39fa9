"""Whom a message calls by name: `@username` of the chat's members, and `@all` of them.

Not for: how names are read and shown (integrations/markdown.py), nor who is notified (notifications.py).
"""

import re
from collections.abc import Iterable

from bson import ObjectId

from infitalks.integrations.markdown import names_in, render_message
from infitalks.models.chats import membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.users import public_users, users_by_username

EVERYBODY = ("all", "here", "channel", "everyone")  # names that nobody can have: schemas/users.py RESERVED
ALL = "all"
TO_ALL = dict.fromkeys(EVERYBODY, ALL)
_CHIP = re.compile(r'data-user="([0-9a-f]{24})">@([^<]+)<')


def render_for_members(chat_id: ObjectId, text: str) -> Doc:
    """{html, mentions (user ids, in order), mentions_all} of a message's text. Only members of the chat are called:
    anybody else's name is text, so that it tells nobody who has an account."""
    names = names_in(text)
    members = _members_called(chat_id, names) if names else {}
    return _rendered(text, {**members, **TO_ALL})


def render_again(message: Doc) -> Doc:
    """{html} as it was rendered, whoever left since: the names of those whom the stored message calls."""
    called = {str(user_id) for user_id in message.get("mentions") or ()}
    now = {doc["username"]: str(key) for key, doc in public_users(message.get("mentions") or ()).items()}
    then = {name.lower(): key for key, name in _CHIP.findall(message.get("html") or "") if key in called}
    to_all = TO_ALL if message.get("mentions_all") else {}
    return {"html": _rendered(message.get("text") or "", {**now, **then, **to_all})["html"]}


def _rendered(text: str, called_by: dict[str, str]) -> Doc:
    html, called = render_message(text, called_by)
    ids = list(dict.fromkeys(each for each in called if each != ALL))
    return {"html": html, "mentions": [ObjectId(each) for each in ids], "mentions_all": ALL in called}


def _members_called(chat_id: ObjectId, names: Iterable[str]) -> dict[str, str]:
    named = {membership_id(chat_id, user.id): user for user in users_by_username(names)}
    found = memberships_by_id(named)
    return {user.username: str(user.id) for key, user in named.items() if found.get(key, {}).get("active")}
