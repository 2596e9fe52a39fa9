"""Bots in JSON. The token is shown once."""

from typing import Annotated

from pydantic import Field

from infitalks.schemas.base import Id, In, Name, Out, Query
from infitalks.schemas.messages import EntryOut
from infitalks.schemas.users import Username, UserOut

LONGEST_WAIT = 25  # seconds: less than proxies wait for an answer


class BotIn(In):
    username: Username
    display_name: Name | None = None


class BotOut(Out):
    bot: UserOut
    token: str


class EventsQuery(Query):
    """`after` is the cursor of the answer before; without it one starts at now. `wait` is in seconds."""

    after: Id | None = None
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class EventsOut(Out):
    """Entries as the log has them. Asking with `cursor` says that they have been dealt with."""

    events: list[EntryOut]
    cursor: Id
