"""Words to one person alone, which stand in a chat of theirs for a day. Not for: messages, which all members see."""

import hashlib
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from infitalks import events
from infitalks.access import visible
from infitalks.errors import NotFound
from infitalks.integrations.markdown import render_markdown
from infitalks.integrations.post import Post
from infitalks.integrations.values import cut
from infitalks.models.chats import memberships_of
from infitalks.models.database import Doc, object_id
from infitalks.models.ephemerals import THERE, Ephemeral, ephemeral_by_id, ephemerals_for
from infitalks.models.log import top_of
from infitalks.schemas.cards import stored_card
from infitalks.schemas.messages import LONGEST_TEXT

KEPT_FOR = timedelta(hours=24)
MOST_SHOWN = 50
BLANK: Doc = {"text": "", "html": "", "cards": [], "via": None}


def ephemeral_id(user_id: ObjectId, chat_id: ObjectId, key: str) -> ObjectId:
    """The id that a word to this user here has by its key."""
    return ObjectId(hashlib.sha256(f"{user_id}:{chat_id}:{key}".encode()).digest()[:12])


def say_to(user_id: ObjectId, chat_id: ObjectId, author_id: ObjectId, key: str, said: Post | str) -> Doc | None:
    """Say something (Markdown where it is a text) to this user alone. A repeat under the same key says nothing anew,
    whatever it says. Returns it as stored; None, and nothing is said, where one of the two is not in the chat."""
    seq = top_of(chat_id).seq
    row: Doc = {"user": user_id, "chat": chat_id, "seq": seq, "author": author_id}
    if not _still_sees(row) or not memberships_of(author_id, [chat_id]):
        return None
    key_id, now = ephemeral_id(user_id, chat_id, key), datetime.now(UTC)
    row |= {"_id": key_id, **_content(said), "at": now, "expires_at": now + KEPT_FOR}
    Ephemeral.raw().update_one({"_id": key_id}, {"$setOnInsert": row}, upsert=True)
    events.ephemeral_said(user_id, chat_id)
    return Ephemeral.raw().find_one({"_id": key_id})


def _content(said: Post | str) -> Doc:
    post = Post(cut(said, LONGEST_TEXT)) if isinstance(said, str) else said
    cards = [stored_card(card) for card in post.cards]
    return {"text": post.text, "html": render_markdown(post.text), "cards": cards, "via": post.via}


def _still_sees(row: Doc) -> bool:
    membership = memberships_of(row["user"], [row["chat"]]).get(row["chat"])
    return bool(membership and visible(row["seq"], membership["intervals"]))


def list_ephemerals(user_id: ObjectId) -> list[Doc]:
    """The user's own of chats that they are in, oldest first."""
    found = ephemerals_for(user_id, MOST_SHOWN)
    # After them, so that nothing is shown that was said after a removal.
    mine = memberships_of(user_id, {row["chat"] for row in found}) if found else {}
    return [row for row in found if row["chat"] in mine and visible(row["seq"], mine[row["chat"]]["intervals"])]


def get_ephemeral_for(user_id: ObjectId, key: str) -> Doc:
    """The one with this id, where it is the user's to see. Raises NotFound."""
    row = ephemeral_by_id(object_id(key))
    if not row or row["user"] != user_id or not _still_sees(row):
        raise NotFound()
    return row


def dismiss_ephemeral(user_id: ObjectId, key: str) -> None:
    """The user has read it. Raises NotFound."""
    row = get_ephemeral_for(user_id, key)
    _change(row["_id"], row["author"], {**BLANK, "gone": True})


def replace_ephemeral(key: ObjectId, author_id: ObjectId, said: Post | str) -> bool:
    """Let its author say something else instead; False, and nothing is said, where it is not there any more or not
    the author's, or its user is gone."""
    row = ephemeral_by_id(key)
    return bool(row and _still_sees(row) and _change(key, author_id, _content(said)))


def delete_ephemeral(key: ObjectId, author_id: ObjectId) -> bool:
    """Let its author take it away; False where there was nothing to take."""
    return _change(key, author_id, {**BLANK, "gone": True})


def _change(key: ObjectId, author_id: ObjectId, fields: Doc) -> bool:
    before = Ephemeral.raw().find_one_and_update({"_id": key, "author": author_id, **THERE}, {"$set": fields})
    if before:
        events.ephemeral_said(before["user"], before["chat"])
    return before is not None
