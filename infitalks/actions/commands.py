"""Slash commands: those that every chat has, and those that its bots answer. Not for: making these (webhooks.py)."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from infitalks import access
from infitalks.actions.asks import ask, ask_id
from infitalks.actions.chats import add_members, change_chat, leave_chat
from infitalks.actions.messages import send_message
from infitalks.actions.responses import open_response, response_url
from infitalks.errors import Conflict, Invalid
from infitalks.integrations.commands import Called, write_command
from infitalks.integrations.outgoing import channel_name
from infitalks.models.chats import active_members, memberships_of
from infitalks.models.database import Doc, object_id
from infitalks.models.deliveries import delivery_by_id
from infitalks.models.log import entry_by_client_id
from infitalks.models.users import User, public_users, users_by_username
from infitalks.models.webhooks import Webhook, command_called, commands_in
from infitalks.schemas.base import fitting
from infitalks.schemas.chats import MOST_MEMBERS_AT_ONCE, Topic
from infitalks.schemas.commands import CommandOut
from infitalks.schemas.messages import LONGEST_TEXT
from infitalks.schemas.users import user_out

NAME = re.compile(r"/([A-Za-z][A-Za-z0-9_-]*)(?:\s+|$)")
SHRUG = r"¯\\\_(ツ)\_/¯"  # in Markdown


@dataclass(frozen=True)
class Call:
    """What `user` told a command in a chat; `text` is what comes after its name."""

    user: User
    chat: Doc
    text: str
    client_id: str

    @property
    def cause(self) -> str:
        """The client_id of the entry that comes of it, which is no message: running it twice is a repeat."""
        return f"command.{self.client_id}"


@dataclass(frozen=True)
class BuiltIn:
    """`run` returns the message that came of it."""

    name: str
    usage: str
    description: str
    run: Callable[[Call], Doc | None]
    in_groups_only: bool = False


def _invite(call: Call) -> None:
    names = [name.lstrip("@").lower() for name in re.split(r"[\s,]+", call.text) if name.strip("@")]
    if not 0 < len(names) <= MOST_MEMBERS_AT_ONCE:
        raise _refused(f"name somebody, and {MOST_MEMBERS_AT_ONCE} at most: /invite @name")
    found = users_by_username(names)
    if unknown := sorted(set(names) - {user.username for user in found}):
        raise _refused(f"nobody is called {', '.join(unknown)}")
    add_members(call.user.id, str(call.chat["_id"]), [str(user.id) for user in found], cause=call.cause)


def _leave(call: Call) -> None:
    if call.text:
        raise _refused("/leave stands alone")
    leave_chat(call.user.id, str(call.chat["_id"]), cause=call.cause)


def _me(call: Call) -> Doc:
    if not call.text:
        raise _refused("say what you do: /me waves")
    return _say(call, f"_{' '.join(call.text.split())}_")


def _shrug(call: Call) -> Doc:
    return _say(call, f"{call.text} {SHRUG}".strip())


def _say(call: Call, text: str) -> Doc:
    if len(text) > LONGEST_TEXT:
        raise _refused(f"a message has {LONGEST_TEXT} characters at most")
    message, _ = send_message(call.user.id, call.chat["_id"], call.client_id, text=text)
    return message


def _topic(call: Call) -> None:
    topic = fitting(Topic, call.text)
    if not topic:
        raise _refused("say what it is about, in 250 characters on one line: /topic text")
    change_chat(call.user.id, str(call.chat["_id"]), changes={"topic": topic}, muted=None, cause=call.cause)


BUILT_IN = {
    each.name: each
    for each in (
        BuiltIn("invite", "@name …", "Bring people into this group", _invite, in_groups_only=True),
        BuiltIn("leave", "", "Leave this group", _leave, in_groups_only=True),
        BuiltIn("me", "text", "Say what you are doing", _me),
        BuiltIn("shrug", "[text]", "Put a shrug behind a message", _shrug),
        BuiltIn("topic", "text", "Say what this group is about", _topic, in_groups_only=True),
    )
}


def list_commands(user: User, chat_id: str) -> list[CommandOut]:
    """What can be called in this chat: what every chat has, then what its bots answer, each by name."""
    chat, membership = access.get_chat_for(user.id, chat_id)
    own = [
        CommandOut(name=each.name, usage=each.usage, description=each.description, bot=None)
        for each in BUILT_IN.values()
        if chat["kind"] == "group" or not each.in_groups_only
    ]
    present = {member["user"] for member in active_members(chat["_id"])}
    answered = [webhook for webhook in commands_in(chat["_id"]) if webhook.bot in present]
    bots = public_users(webhook.bot for webhook in answered)
    access.require_unchanged(membership)
    return own + [_command_out(webhook, bots[webhook.bot]) for webhook in answered]


def _command_out(webhook: Webhook, bot: Doc) -> CommandOut:
    return CommandOut(
        name=webhook.command, usage=webhook.usage or "", description=webhook.description or "", bot=user_out(bot)
    )


def run_command(user: User, chat_id: str, text: str, client_id: str) -> Doc | None:
    """Do what `text`, a slash and a command's name and more, says. Returns the message that it was turned into, None
    where it makes none, or a bot is asked. A repeat under the same client_id does nothing anew.

    Raises Invalid naming `text` for what is no command here or is called wrongly, Conflict for another text under the
    same client_id, and what its deed raises.
    """
    access.require_person(user)  # bots that call one another's commands would never come to an end
    found = NAME.match(text.strip())
    if not found:
        raise _refused("a command is a slash and its name")
    name = found[1].lower()
    if name == "leave" and _has_left(user, chat_id, client_id):
        return None
    chat, _ = access.get_chat_for(user.id, chat_id)
    call = Call(user, chat, text.strip()[found.end() :], client_id)
    if name not in BUILT_IN:
        _ask_bot(call, name)
        return None
    if chat["kind"] == "direct" and BUILT_IN[name].in_groups_only:
        raise _refused(f"/{name} is for groups")
    return BUILT_IN[name].run(call)


def _has_left(user: User, chat_id: str, client_id: str) -> bool:
    """By this very call: whoever is out hears the same answer again all the same."""
    return entry_by_client_id(object_id(chat_id), user.id, f"command.{client_id}") is not None


def _ask_bot(call: Call, name: str) -> None:
    webhook = command_called(call.chat["_id"], name)
    if not webhook:
        raise _refused(f"there is no command /{name} here")
    if not webhook.active:
        raise _refused(f"/{name} is switched off")
    if not memberships_of(webhook.bot, [call.chat["_id"]]):
        raise _refused(f"the bot of /{name} is not in this chat any more")
    delivery = ask_id(webhook, call.user.id, call.chat["_id"], "command", call.client_id)
    digest = hashlib.sha256(call.text.encode()).hexdigest()
    if not delivery_by_id(delivery):
        written = write_command(webhook.format, _called(call, webhook, delivery))
        ask(webhook, call.user.id, call.chat["_id"], "command", call.client_id, *written, digest=digest)
    stored = delivery_by_id(delivery)  # of two at once, only one was written
    if stored and stored.get("digest", digest) != digest:
        raise Conflict("This client_id was used for something else.")


def _called(call: Call, webhook: Webhook, delivery: str) -> Called:
    token = open_response(webhook, call.chat["_id"], call.user.id, delivery=delivery)
    return Called(
        webhook.command,
        call.text,
        user_out(call.user.to_mongo()),
        chat_id=str(call.chat["_id"]),
        chat=channel_name(call.chat),
        at=datetime.now(UTC),
        token=webhook.token,
        trigger_id=delivery.partition(":")[0],
        response_url=response_url(token),
    )


def _refused(why: str) -> Invalid:
    return Invalid(f"This command cannot be run: {why}.", fields={"text": why})
