"""Webhooks in JSON. An incoming one's address and what others sign with are shown once, when they are made."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints

from infitalks.backends.http import LONGEST_URL, AddressRefused, check_url
from infitalks.errors import Invalid
from infitalks.models.webhooks import Webhook
from infitalks.schemas.base import Id, In, Name, Out, Time, clean_name
from infitalks.schemas.commands import BUILT_IN

MOST_WORDS = 50

Kind = Literal["incoming", "outgoing", "command"]
Format = Literal["json", "form", "events"]
EventType = Literal[
    "message.sent",
    "message.edited",
    "message.deleted",
    "reaction.added",
    "reaction.removed",
    "media.finished",
    "member.added",
    "member.removed",
    "member.left",
    "member.role",
    "chat.changed",
]
# Slack's and Mattermost's bodies can only tell of a message; ours tell of everything.
OF_MESSAGES = ("message.sent", "message.edited")
# What each kind has beside its name and actions_url. All but an incoming one's are shown to those who look after it.
FIELDS: dict[str, tuple[str, ...]] = {
    "incoming": ("template", "signing_secret"),
    "outgoing": ("url", "format", "events", "trigger_words", "trigger_when", "on_bots"),
    "command": ("url", "format", "command", "usage", "description"),
}
OF_ALL = ("name", "active", "actions_url")


def _check_url(url: str) -> str:
    try:
        check_url(url)
    except AddressRefused as refused:
        raise ValueError(str(refused)) from None
    return url


def _check_word(text: str) -> str:
    if len(text.split()) != 1:
        raise ValueError("must be one word")
    return clean_name(text)


def _check_command(name: str) -> str:
    if name in BUILT_IN:
        raise ValueError("is a command that every chat has")
    return name


def _clean_line(text: str) -> str:
    return clean_name(text) if text.strip() else ""


def _once_each(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL), AfterValidator(_check_url)]
Word = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_check_word)]
Words = Annotated[list[Word], Field(max_length=MOST_WORDS), AfterValidator(_once_each)]
Events = Annotated[list[EventType], Field(max_length=len(get_args(EventType))), AfterValidator(_once_each)]
Template = Annotated[str, Field(max_length=4000)]
SigningSecret = Annotated[str, Field(min_length=8, max_length=200)]
Command = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$", to_lower=True), AfterValidator(_check_command)
]
Line = Annotated[str, Field(max_length=200), AfterValidator(_clean_line)]
# exact: the message's first word is one of trigger_words; prefix: it begins with one; mention: the bot is mentioned.
When = Literal["exact", "prefix", "mention"]


class WebhookIn(In):
    """Outgoing ones need url and format (without events: message.sent), commands need command (without its slash) and
    url. `actions_url`: where the buttons of its bot's messages post to, where that is not `url`."""

    kind: Kind
    name: Name
    url: Url | None = None
    format: Format | None = None
    events: Events | None = None
    trigger_words: Words | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None
    command: Command | None = None
    usage: Line | None = None
    description: Line | None = None
    actions_url: Url | None = None

    def given(self) -> dict[str, Any]:
        """What is asked for beside kind and name."""
        return self.model_dump(exclude={"kind", "name"}, exclude_none=True)


class WebhookPatchIn(In):
    """What is given changes; null takes `actions_url` away, and an incoming one's `template` (puts JSON of no known
    format into words) and `signing_secret` (what posts have to be signed with)."""

    name: Name | None = None
    url: Url | None = None
    format: Format | None = None
    events: Events | None = None
    trigger_words: Words | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None
    command: Command | None = None
    usage: Line | None = None
    description: Line | None = None
    actions_url: Url | None = None
    active: bool | None = None
    template: Template | None = None
    signing_secret: SigningSecret | None = None

    def given(self) -> dict[str, Any]:
        """The fields to be changed, and their new values."""
        nullable = ("template", "signing_secret", "actions_url")
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in values.items() if value is not None or name in nullable}


def check_fields(kind: str, given: Iterable[str]) -> None:
    """Raise Invalid, naming them, where fields of other kinds are given for a webhook of this one."""
    _refuse({name: f"only {_kinds_with(name)} webhooks have this" for name in given if not _has(kind, name)})


def _has(kind: str, name: str) -> bool:
    return name in OF_ALL or name in FIELDS[kind]


def _kinds_with(name: str) -> str:
    return " and ".join(kind for kind, fields in FIELDS.items() if name in fields)


def check_outgoing(fields: Mapping[str, Any]) -> None:
    """Raise Invalid, naming the field, where these fields of an outgoing webhook do not go together."""
    wrong = {}
    if not fields.get("url"):
        wrong["url"] = "an outgoing webhook needs one"
    if fields.get("format") not in get_args(Format):
        wrong["format"] = "an outgoing webhook has json, form or events"
    if not fields.get("events"):
        wrong["events"] = "at least one"
    elif fields.get("format") != "events" and not set(fields["events"]) <= set(OF_MESSAGES):
        wrong["events"] = f"only the format `events` tells of more than {' and '.join(OF_MESSAGES)}"
    if fields.get("trigger_when") == "mention" and fields.get("trigger_words"):
        wrong["trigger_words"] = "a mention is the trigger by itself"
    _refuse(wrong)


def check_command(fields: Mapping[str, Any]) -> None:
    """Raise Invalid, naming the field, where one that a command needs is not there."""
    _refuse({name: "a command needs one" for name in ("command", "url") if not fields.get(name)})


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise Invalid(f"Some fields cannot be taken: {', '.join(sorted(wrong))}.", fields=wrong)


class WebhookOut(Out):
    """From `url` on each kind has those that are its own. `off_reason`: why it was switched off, where nobody did."""

    id: Id
    kind: Kind
    chat_id: Id
    name: str
    bot_id: Id
    created_by: Id
    created_at: Time
    active: bool
    actions_url: str | None = None
    old_secret_until: Time | None = None
    template: str | None = None
    signed: bool = False
    off_reason: str | None = None
    url: str | None = None
    format: Format | None = None
    events: list[EventType] | None = None
    trigger_words: list[str] | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None
    command: str | None = None
    usage: str | None = None
    description: str | None = None
    failing_since: Time | None = None


class NewWebhookOut(WebhookOut):
    """An incoming one's `url` is the address to post to. What we send is signed with `secret` (Standard Webhooks) and
    has `token` in bodies of Slack's and Mattermost's form; null where they are known already, or not needed."""

    secret: str | None = None
    token: str | None = None


class WebhooksOut(Out):
    webhooks: list[WebhookOut]


SHOWN = {**FIELDS, "outgoing": (*FIELDS["outgoing"], "failing_since"), "incoming": ("template",)}


def webhook_out(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_fields(webhook))


def new_webhook_out(webhook: Webhook, url: str) -> NewWebhookOut:
    """An incoming one, with its address, and what proves that its buttons' posts are ours."""
    return NewWebhookOut(**{**_fields(webhook), "url": url}, secret=webhook.secret, token=webhook.token)


def new_outgoing_out(webhook: Webhook) -> NewWebhookOut:
    """One that sends, with what proves it."""
    return NewWebhookOut(**_fields(webhook), secret=webhook.secret, token=webhook.token)


def changed_webhook_out(webhook: Webhook, *, fresh: bool) -> NewWebhookOut:
    """After a change; `fresh`: with the secret that came about by it."""
    proofs = {"secret": webhook.secret, "token": webhook.token} if fresh else {}
    return NewWebhookOut(**_fields(webhook), **proofs)


def _fields(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": str(webhook.id),
        "kind": webhook.kind,
        "chat_id": str(webhook.chat),
        "name": webhook.name,
        "bot_id": str(webhook.bot),
        "created_by": str(webhook.created_by),
        "created_at": webhook.created_at,
        "active": webhook.active,
        "actions_url": webhook.actions_url,
        "old_secret_until": webhook.old_secret_until,
        "signed": bool(webhook.signing_secret),
        "off_reason": webhook.off_reason,
        **{name: getattr(webhook, name) for name in SHOWN[webhook.kind]},
    }
