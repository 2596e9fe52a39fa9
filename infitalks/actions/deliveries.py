"""Deliveries: what webhooks are to be told is written down here; it and what came in is shown, and asked for again.

Not for: sending it (sending.py).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne

from infitalks.access import visible
from infitalks.actions.arrivals import receive_again, receive_test
from infitalks.backends import queue
from infitalks.errors import Conflict, NotFound
from infitalks.integrations.outgoing import Told, channel_name, event_type, trigger_in, write_body
from infitalks.models.chats import active_members, chat_by_id, memberships_of
from infitalks.models.database import Doc
from infitalks.models.deliveries import EVENTS, Delivery, deliveries_of, delivery_by_id, failed_requests
from infitalks.models.log import AT_ONCE
from infitalks.models.users import public_users
from infitalks.models.webhooks import Webhook, listening_webhooks
from infitalks.schemas.messages import EntryOut, MessageOut, entries_out
from infitalks.schemas.users import user_out
from infitalks.schemas.webhooks import OF_MESSAGES

FRESH: Doc = {"state": "new", "due": AT_ONCE, "tries": 0}


def create_deliveries(chat_id: ObjectId, run: list[Doc]) -> None:
    """Write down what the webhooks whose bots are in the chat are to be told of these entries, and ring for them.

    Repeatable: a delivery has the same id whoever makes it, and what is written first stays.
    """
    wanted = [entry for entry in run if event_type(entry)]
    members = {member["user"]: member for member in active_members(chat_id)} if wanted else {}
    webhooks = listening_webhooks(members) if members else []
    if not webhooks:
        return
    shown = entries_out(wanted)
    name = _chat_name(chat_id)
    rows = [
        _row(webhook, entry, told)
        for webhook in webhooks
        for entry, shape in zip(wanted, shown, strict=True)
        if _may_hear(members[webhook.bot], webhook, entry, shape) and (told := _told(webhook, entry, shape, name))
    ]
    _insert(rows)


def _chat_name(chat_id: ObjectId) -> str:
    return channel_name(chat_by_id(chat_id) or {})


def _may_hear(member: Doc, webhook: Webhook, entry: Doc, shape: EntryOut) -> bool:
    """What came since the bot did, and not from itself; other bots' only where that was asked for."""
    if entry["author"] == webhook.bot or (entry.get("origin") or {}).get("notice"):
        return False
    since = entry["seq"] > member["joined"] and visible(entry["seq"], member["intervals"])
    return since and (shape.author.kind == "person" or bool(webhook.on_bots))


def _told(webhook: Webhook, entry: Doc, shape: EntryOut, chat: str) -> Told | None:
    kind = event_type(entry) or ""
    if kind not in webhook.events:
        return None
    word = ""
    if kind in OF_MESSAGES and (webhook.trigger_words or webhook.trigger_when == "mention"):
        found = trigger_in(_text(shape), webhook.trigger_words, webhook.trigger_when, _names(webhook))
        if found is None:
            return None
        word = found
    return Told(kind, shape, chat, webhook.token, word)


def _text(shape: EntryOut) -> str:
    return shape.message.text if shape.message else ""


def _names(webhook: Webhook) -> list[str]:
    bot = public_users([webhook.bot]).get(webhook.bot)
    return [bot["username"], bot["display_name"]] if bot else []


def _row(webhook: Webhook, entry: Doc, told: Told) -> Doc:
    content_type, body = write_body(webhook.format, told)
    return {
        "_id": f"{entry['_id']}:{webhook.id}",
        "webhook": webhook.id,
        "chat": entry["chat"],
        "seq": entry["seq"],
        "message": entry.get("target") or (entry["_id"] if entry["kind"] == "message" else None),
        "type": told.type,
        "by_bot": told.entry.author.kind == "bot",
        "request": entry.get("out", {}).get("request"),  # a test has no row in the outbox
        "origin": entry.get("origin") or {},
        "attempts": [],
        "replays": [],
        "content_type": content_type,
        "body": body,
        "created_at": datetime.now(UTC),
        **FRESH,
    }


def _insert(rows: list[Doc]) -> None:
    if rows:
        upserts = [UpdateOne({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True) for row in rows]
        Delivery.raw().bulk_write(upserts, ordered=False)
        ring({row["webhook"] for row in rows})


def ring(webhook_ids: Iterable[ObjectId]) -> None:
    """Ask workers to look for what these webhooks are to be told."""
    for webhook_id in webhook_ids:
        queue.ring_once("webhooks.deliver", str(webhook_id))


def send_test(webhook: Webhook) -> Doc:
    """A delivery that tells of nothing that happened, so that one sees whether it arrives; through an incoming one, a
    word in its chat. Raises Conflict where it is off."""
    require_on(webhook)
    if webhook.kind == "incoming":
        return receive_test(webhook)
    entry_id = ObjectId()
    test = Told("webhook.test", _test_entry(webhook, entry_id), _chat_name(webhook.chat), webhook.token, "")
    entry = {"_id": entry_id, "chat": webhook.chat, "seq": 0, "kind": "test"}
    row = _row(webhook, entry, test)
    _insert([row])
    return row


def _test_entry(webhook: Webhook, entry_id: ObjectId) -> EntryOut:
    now, bot = datetime.now(UTC), user_out(public_users([webhook.bot])[webhook.bot])
    where: Doc = {"chat_id": str(webhook.chat), "seq": 0, "author": bot}
    text = f"This is a test of the webhook {webhook.name}."
    empty: Doc = {"via": None, "html": "", "cards": [], "attachments": [], "reply_to": None, "reactions": []}
    message = MessageOut(
        **where, **empty, id=str(entry_id), text=text, edited_at=None, deleted=False, created_at=now, client_id="test"
    )
    return EntryOut(**where, n=0, kind="message", at=now, message=message)


def list_deliveries(
    webhook: Webhook, by: ObjectId | None, states: Sequence[str], before: str | None, limit: int
) -> tuple[list[Doc], bool]:
    """The newest ones first, of what the user `by` may see, and whether there are more. None: the machine's admin.

    Looking after a webhook shows nothing of chats, or of times in a chat, that one has no part in; and of what others
    asked its bot no more than that they did, and how it went.
    """
    found = deliveries_of(webhook.id, states, before, limit + 1)
    return [_without_others_words(by, row) for row in _seen_by(by, found[:limit])], len(found) > limit


def _without_others_words(by: ObjectId | None, row: Doc) -> Doc:
    if by is None or row.get("user", by) == by:
        return row
    attempts = [{**attempt, "answer": None} for attempt in row["attempts"]]
    return {**row, "body": b"", "private": True, "attempts": attempts}


def _seen_by(user_id: ObjectId | None, rows: list[Doc]) -> list[Doc]:
    if user_id is None:
        return rows
    memberships = memberships_of(user_id, {row["chat"] for row in rows})
    return [row for row in rows if _may_see(memberships, row)]


def _may_see(memberships: dict[ObjectId, Doc], row: Doc) -> bool:
    membership = memberships.get(row["chat"])
    return bool(membership and (row["seq"] == 0 or visible(row["seq"], membership["intervals"])))


def redeliver(webhook: Webhook, by: ObjectId | None, delivery_id: str) -> Doc:
    """Send it once more, from the first try on, with the same id and bytes; what is under way stays so. What came in
    is received once more. Raises NotFound, and Conflict where that is not possible."""
    row = delivery_by_id(delivery_id)
    if not row or row["webhook"] != webhook.id or not _seen_by(by, [row]):
        raise NotFound()
    require_on(webhook)
    if row.get("incoming"):
        return receive_again(webhook, row, by)
    again = Delivery.raw().find_one_and_update(
        {"_id": delivery_id, "state": {"$ne": "sending"}}, _afresh(by), return_document=ReturnDocument.AFTER
    )
    if "user" in row:
        queue.ring_once("webhooks.ask", delivery_id)
    else:
        ring([webhook.id])
    return _without_others_words(by, again or row)


def redeliver_failed(webhook: Webhook, by: ObjectId | None) -> int:
    """The same for all of the failed list, but for what somebody asked: that is not done behind their back, long after
    they were told that it failed. Returns how many they are."""
    require_on(webhook)
    refused = _seen_by(by, failed_requests(webhook.id))
    for row in refused:
        receive_again(webhook, row, by)
    changed = Delivery.raw().update_many({"_id": {"$in": _failed_events(webhook, by)}, "state": "dead"}, _afresh(by))
    ring([webhook.id])
    return len(refused) + int(changed.modified_count)


def _failed_events(webhook: Webhook, by: ObjectId | None) -> list[str]:
    dead = {"webhook": webhook.id, "state": "dead", "incoming": {"$ne": True}, **EVENTS}
    rows = list(Delivery.raw().find(dead, {"chat": 1, "seq": 1}))
    return [row["_id"] for row in _seen_by(by, rows)]


def require_on(webhook: Webhook) -> None:
    """Raises Conflict."""
    if not webhook.active:
        raise Conflict("This webhook is switched off: switch it on first.")


def _afresh(by: ObjectId | None) -> Doc:
    replay = {"at": datetime.now(UTC), "by": by}
    return {
        "$set": FRESH,
        "$unset": {"reason": "", "expires_at": "", "claim": ""},
        "$push": {"replays": {"$each": [replay], "$slice": -20}},
    }
