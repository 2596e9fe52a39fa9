"""Where bots stand in what they hear. Not for: the bots themselves, which are users."""

from bson import ObjectId
from mongoengine import DateTimeField, DictField, ObjectIdField

from infitalks.models.database import Stored


class Cursor(Stored):
    """A bot's place in all of its chats at once. Its positions never change, so that asking again with it hears the
    same again; one number over all chats could not say it, since they are not written in one order."""

    bot = ObjectIdField(required=True)
    positions = DictField()  # chat id -> seq of the last entry that was heard or passed over
    used_at = DateTimeField(required=True)  # made, or asked with

    meta = {"collection": "cursors"}


def cursors_beyond(bot_id: ObjectId, most: int) -> list[ObjectId]:
    """The bot's cursors, but for the `most` that were used last."""
    rows = Cursor.raw().find({"bot": bot_id}, {"_id": 1}).sort([("used_at", -1), ("_id", -1)]).skip(most)
    return [row["_id"] for row in rows]
