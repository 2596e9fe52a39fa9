"""Who is signed in where. A session is a record here, so that it can be listed and ended at once."""

from bson import ObjectId
from mongoengine import DateTimeField, ListField, ObjectIdField, StringField

from infitalks.models.database import Stored
from infitalks.models.users import User


class Session(Stored):
    """`id` is the SHA-256 of a browser's token, or of a random name that JWTs carry; `kind` browser or api."""

    id = StringField(primary_key=True)
    user = ObjectIdField(required=True)
    kind = StringField(required=True, choices=("browser", "api"))
    agent = StringField(default="")
    password_mark = StringField()  # of the password at sign-in; "" for none
    refresh_hash = StringField()
    spent_refresh = ListField(StringField())  # hashes of refresh tokens that were used: seeing one again is theft
    created_at = DateTimeField(required=True)
    seen_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)

    meta = {"collection": "sessions"}


def session_and_user(session_id: str) -> tuple[Session, User] | None:
    """The session and whose it is, in the one read that every request makes."""
    stages = [
        {"$match": {"_id": session_id}},
        {"$lookup": {"from": "users", "localField": "user", "foreignField": "_id", "as": "whose"}},
    ]
    for row in Session.raw().aggregate(stages):
        whose = row.pop("whose")
        return (Session._from_son(row), User._from_son(whose[0])) if whose else None
    return None


def sessions_of(user_id: ObjectId) -> list[Session]:
    return list(Session.objects(user=user_id).order_by("-seen_at"))


def session_by_refresh(token_hash: str) -> Session | None:
    """The session that this refresh token belongs to, be the token current or spent."""
    return Session.objects(__raw__={"$or": [{"refresh_hash": token_hash}, {"spent_refresh": token_hash}]}).first()
