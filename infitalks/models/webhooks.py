"""Webhooks of a chat. An incoming one has a secret address and a bot that posts for it."""

from bson import ObjectId
from mongoengine import DateTimeField, ObjectIdField, StringField

from infitalks.models.database import Stored
from infitalks.models.users import secret_hash


class Webhook(Stored):
    """The secret itself is shown once and not kept."""

    kind = StringField(required=True, choices=("incoming",))
    chat = ObjectIdField(required=True)
    name = StringField(required=True)
    bot = ObjectIdField(required=True)
    secret_hash = StringField(required=True)
    template = StringField()  # puts the JSON of /hooks/<secret>/json into words
    signing_secret = StringField()  # what posts have to be signed with; kept as it is, since HMAC needs it
    created_by = ObjectIdField(required=True)
    created_at = DateTimeField(required=True)

    meta = {"collection": "webhooks"}


def webhook_by_secret(secret: str) -> Webhook | None:
    return Webhook.objects(secret_hash=secret_hash(secret)).first()


def webhook_by_id(webhook_id: ObjectId) -> Webhook | None:
    return Webhook.objects(id=webhook_id).first()


def webhooks_in(chat_id: ObjectId) -> list[Webhook]:
    return list(Webhook.objects(chat=chat_id).order_by("created_at"))
