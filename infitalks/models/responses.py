"""Addresses to answer at, for a while, what somebody asked a bot by a command or a button."""

from mongoengine import DateTimeField, IntField, ListField, ObjectIdField, StringField

from infitalks.models.database import Stored


class Response(Stored):
    """`id` is the hash of the token in the address. `message` or `ephemeral`: what `replace_original` is about."""

    id = StringField(primary_key=True)
    webhook = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    user = ObjectIdField(required=True)  # who asked
    delivery = StringField()  # by which the webhook was asked
    message = ObjectIdField()
    ephemeral = ObjectIdField()
    uses = IntField(default=0)
    keys = ListField(StringField())  # under which senders used it: a repeat is no further use
    expires_at = DateTimeField(required=True)
    forgotten_at = DateTimeField(required=True)

    meta = {"collection": "responses"}
