"""Bots in JSON. The token is shown once."""

from infitalks.schemas.base import In, Name, Out
from infitalks.schemas.users import Username, UserOut


class BotIn(In):
    username: Username
    display_name: Name | None = None


class BotOut(Out):
    bot: UserOut
    token: str
