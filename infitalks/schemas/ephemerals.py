"""Words to one person in JSON."""

from collections.abc import Iterable

from infitalks.models.database import Doc
from infitalks.models.users import public_users
from infitalks.schemas.base import Id, Out, Time
from infitalks.schemas.cards import CardOut
from infitalks.schemas.messages import ViaOut
from infitalks.schemas.users import UserOut, user_out


class EphemeralOut(Out):
    """As a message's fields; `seq`: the chat's top when it was said, after which it has its place."""

    id: Id
    chat_id: Id
    seq: int
    author: UserOut
    via: ViaOut | None
    text: str
    html: str
    cards: list[CardOut]
    at: Time


class EphemeralsOut(Out):
    ephemerals: list[EphemeralOut]


def ephemerals_out(docs: Iterable[Doc]) -> list[EphemeralOut]:
    """Stored ones, raw, with their authors."""
    rows = list(docs)
    users = public_users({row["author"] for row in rows}) if rows else {}
    return [
        EphemeralOut(
            id=str(row["_id"]),
            chat_id=str(row["chat"]),
            seq=row["seq"],
            author=user_out(users[row["author"]]),
            via=ViaOut(**row["via"]) if row.get("via") else None,
            text=row["text"],
            html=row["html"],
            cards=[CardOut(**card) for card in row["cards"]],
            at=row["at"],
        )
        for row in rows
    ]
