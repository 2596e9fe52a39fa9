"""Slash commands in JSON."""

from typing import Annotated

from pydantic import Field

from infitalks.schemas.base import ClientId, In, Out
from infitalks.schemas.messages import LONGEST_TEXT, MessageOut
from infitalks.schemas.users import UserOut

BUILT_IN = ("invite", "leave", "me", "shrug", "topic")


class CommandIn(In):
    """`text`: the slash, the command's name and what it is told."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    client_id: ClientId


class CommandOut(Out):
    """`name` without the slash; `bot` null: every chat has it."""

    name: str
    usage: str
    description: str
    bot: UserOut | None


class CommandsOut(Out):
    commands: list[CommandOut]


class RanOut(Out):
    """`message`: what the command was turned into. What comes of others arrives as entries and words to oneself."""

    message: MessageOut | None
