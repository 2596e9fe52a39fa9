"""What a bot hears when it asks: the entries after its cursor, over all chats that it is in.

Not for: making bots (users.py), nor telling programs that have an address (sending.py).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from bson import ObjectId

from infitalks import access
from infitalks.actions.loops import IN_A_ROW, is_end, note_heard, say_stopped
from infitalks.errors import Invalid, Unauthenticated
from infitalks.models.bots import Cursor, cursors_beyond
from infitalks.models.chats import chats_beyond, memberships_of
from infitalks.models.database import Doc
from infitalks.models.log import entries_after
from infitalks.models.users import enabled_users, user_by_id
from infitalks.schemas.messages import EntryOut, entries_out

MOST_EVENTS = 100  # of one answer
MOST_CURSORS = 32  # of one bot: those whose answers got lost, and what they began from

Positions = dict[str, int]


class Heard(NamedTuple):
    """`cursor` stands after the events, each of them in its chat."""

    events: list[EntryOut]
    cursor: str


def start_listening(bot_id: ObjectId) -> Heard:
    """Nothing yet, and a cursor that stands at now."""
    tops = chats_beyond(memberships_of(bot_id), {})
    return Heard([], _keep_cursor(bot_id, {str(chat["_id"]): chat["last_seq"] for chat in tops}))


def listen(bot_id: ObjectId, cursor: str, pause: Callable[[], bool]) -> Heard:
    """What comes after `cursor`, less what the bot did itself and what bots said when they had answered one another
    often enough, in order within each chat. While there is nothing it calls `pause`, and looks again where that
    returns true.

    Raises Invalid where the cursor is not one of the bot's last MOST_CURSORS, Unauthenticated where the bot was
    disabled meanwhile.
    """
    began = at = _use_cursor(bot_id, cursor)
    events, at = _look(bot_id, at)
    while not events and pause():
        events, at = _look(bot_id, at)
    if bot_id not in enabled_users([bot_id]):
        raise Unauthenticated("This bot was disabled.")
    return Heard(events, cursor if at == began else _keep_cursor(bot_id, at))


def _use_cursor(bot_id: ObjectId, cursor: str) -> Positions:
    # Marked as used: a bot that asks with it again and again, since it falls over each answer, has to find it.
    mine = {"_id": ObjectId(cursor), "bot": bot_id}
    found = Cursor.raw().find_one_and_update(mine, {"$set": {"used_at": datetime.now(UTC)}})
    if not found:
        raise Invalid("This cursor is unknown here.", fields={"after": "not one of this bot's last cursors"})
    return dict(found["positions"])


def _keep_cursor(bot_id: ObjectId, positions: Positions) -> str:
    kept = {"_id": ObjectId(), "bot": bot_id, "positions": positions, "used_at": datetime.now(UTC)}
    Cursor.raw().insert_one(kept)
    if old := cursors_beyond(bot_id, MOST_CURSORS):
        Cursor.raw().delete_many({"_id": {"$in": old}})
    return str(kept["_id"])


def _look(bot_id: ObjectId, at: Positions) -> tuple[list[EntryOut], Positions]:
    """The next events, and where they lead to."""
    while True:
        found, through = _next_entries(bot_id, at)
        told = [(doc, entry) for doc, entry in found if doc["author"] != bot_id and not _ends_here(bot_id, doc, entry)]
        if told or through == at:
            note_heard(bot_id, [doc for doc, _ in told if doc["kind"] == "message"])
            return [entry for _, entry in told], through
        at = through  # nothing that it is to hear


def _ends_here(bot_id: ObjectId, doc: Doc, entry: EntryOut) -> bool:
    if doc["kind"] != "message" or entry.author.kind != "bot" or not is_end(doc):
        return False
    bot = user_by_id(bot_id)
    if bot and not doc["origin"].get("notice"):
        say_stopped(bot_id, doc["chat"], bot.display_name, IN_A_ROW)
    return True


def _next_entries(bot_id: ObjectId, at: Positions) -> tuple[list[tuple[Doc, EntryOut]], Positions]:
    mine = memberships_of(bot_id)
    # A chat that it has joined since is heard from the entry on that says so, whatever it may look up before that.
    known = {key: at.get(str(key), membership["joined"] - 1) for key, membership in mine.items()}
    # The longest quiet first: where there is too much for one answer, a busy chat must not hold up the others.
    behind = sorted(chats_beyond(mine, known), key=lambda chat: chat["last_at"])[:MOST_EVENTS]
    if not behind:
        return [], at
    share = MOST_EVENTS // len(behind)
    pages = {chat["_id"]: _page(chat, mine[chat["_id"]], known[chat["_id"]], share) for chat in behind}
    docs = [doc for found, _ in pages.values() for doc in found]
    entries = zip(docs, entries_out(docs), strict=True)
    still_in = _unchanged(bot_id, {key: mine[key] for key in pages})
    through = {str(key): seq for key, (_, seq) in pages.items() if str(key) in still_in}
    return [(doc, entry) for doc, entry in entries if entry.chat_id in still_in], {**at, **through}


def _page(chat: Doc, membership: Doc, after: int, most: int) -> tuple[list[Doc], int]:
    """Entries of one chat, and the seq up to which they are all that the member may see."""
    found = entries_after(chat["_id"], access.seen_filter(membership["intervals"]), after, most + 1)
    if len(found) > most:
        return found[:most], found[most - 1]["seq"]
    return found, max([chat["last_seq"], *(entry["seq"] for entry in found)])


def _unchanged(bot_id: ObjectId, before: dict[ObjectId, Doc]) -> set[str]:
    """The chats of which the bot is the member that it was, as access.require_unchanged has it for one."""
    now = memberships_of(bot_id, list(before))
    return {str(key) for key, membership in now.items() if membership["intervals"] == before[key]["intervals"]}
