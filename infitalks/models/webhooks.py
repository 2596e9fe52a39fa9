"""Webhooks of a chat. Each has a bot: an incoming one's posts what comes to its secret address; an outgoing one's
listens, and its URL is told of what happens in the chats that the bot is in; a command's answers who calls it."""

from collections.abc import Iterable, Iterator

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, IntField, ListField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored
from infitalks.models.users import secret_hash


class Webhook(Stored):
    """An incoming one's address is shown once and not kept. What an outgoing one signs with has to be kept."""

    kind = StringField(required=True, choices=("incoming", "outgoing", "command"))
    chat = ObjectIdField(required=True)
    name = StringField(required=True)
    bot = ObjectIdField(required=True)
    created_by = ObjectIdField(required=True)  # who answers for it: whose rights it has, and who hears of its end
    created_at = DateTimeField(required=True)

    secret_hash = StringField()
    template = StringField()  # puts the JSON of /hooks/<secret>/json into words
    signing_secret = StringField()  # what posts have to be signed with; kept as it is, since HMAC needs it

    url = StringField()
    format = StringField(choices=("json", "form", "events"))
    events = ListField(StringField())
    trigger_words = ListField(StringField())
    trigger_when = StringField(choices=("exact", "prefix", "mention"))
    on_bots = BooleanField(default=False)  # what bots write counts, too

    command = StringField()  # without the slash; once in each chat
    usage = StringField()
    description = StringField()

    actions_url = StringField()  # is told which of its bot's buttons were pressed
    active = BooleanField(default=True)
    off_reason = StringField()
    secret = StringField()  # signs what is sent
    old_secret = StringField()
    old_secret_until = DateTimeField()
    token = StringField()  # in the bodies of Slack's and Mattermost's form
    failing_since = DateTimeField()  # nothing has been delivered since
    misses = IntField(default=0)  # how often in a row there was no answer at all
    rest_until = DateTimeField()  # nothing is sent before

    meta = {"collection": "webhooks"}


def webhook_by_secret(secret: str) -> Webhook | None:
    """One that is not switched off."""
    return Webhook.objects(secret_hash=secret_hash(secret), active__ne=False).first()


def webhook_by_id(webhook_id: ObjectId) -> Webhook | None:
    return Webhook.objects(id=webhook_id).first()


def every_webhook() -> Iterator[Webhook]:
    """Of all chats, one chat's together."""
    return iter(Webhook.objects.order_by("chat", "created_at"))


def webhooks_in(chat_id: ObjectId) -> list[Webhook]:
    return list(Webhook.objects(chat=chat_id).order_by("created_at"))


def commands_in(chat_id: ObjectId) -> list[Webhook]:
    """The active commands of the chat, by name."""
    return list(Webhook.objects(chat=chat_id, kind="command", active=True).order_by("command"))


def command_called(chat_id: ObjectId, name: str) -> Webhook | None:
    """Active or not."""
    return Webhook.objects(chat=chat_id, command=name).first()


def webhook_of_bot(bot_id: ObjectId) -> Webhook | None:
    """The webhook whose bot this is."""
    return Webhook.objects(bot=bot_id).first()


def bots_hearing(bots: Iterable[ObjectId]) -> dict[ObjectId, bool]:
    """Those of these bots that have an active webhook, and whether it has somewhere to tell what was pressed."""
    query: Doc = {"bot": {"$in": list(bots)}, "active": {"$ne": False}}
    found = Webhook.raw().find(query, {"bot": 1, "actions_url": 1, "url": 1})
    return {row["bot"]: bool(row.get("actions_url") or row.get("url")) for row in found}


def listening_webhooks(bots: Iterable[ObjectId]) -> list[Webhook]:
    """The active outgoing webhooks of these bots."""
    return list(Webhook.objects(bot__in=list(bots), kind="outgoing", active=True))


def webhook_to_serve(webhook_id: ObjectId) -> Webhook | None:
    """The webhook, where it is active and its receiver is not left alone for now, by the database's clock."""
    rested = {"$expr": {"$lte": ["$rest_until", "$$NOW"]}}
    return Webhook.objects(id=webhook_id, active=True, __raw__=rested).first()


def resting_among(webhook_ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of them whose receiver is left alone for now."""
    query: Doc = {"_id": {"$in": list(webhook_ids)}, "$expr": {"$gt": ["$rest_until", "$$NOW"]}}
    return {row["_id"] for row in Webhook.raw().find(query, {"_id": 1})}  # `distinct` knows no $$NOW
