"""Webhooks in JSON. An incoming one's address and an outgoing one's secret are shown once, when they are made."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from infitalks.backends.http import LONGEST_URL, AddressRefused, check_url
from infitalks.errors import Invalid
from infitalks.models.webhooks import Webhook
from infitalks.schemas.base import Id, In, Name, Out, Time, clean_name

MOST_WORDS = 50

Kind = Literal["incoming", "outgoing"]
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
INCOMING = ("template", "signing_secret")


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


def _once_each(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL), AfterValidator(_check_url)]
Word = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_check_word)]
Words = Annotated[list[Word], Field(max_length=MOST_WORDS), AfterValidator(_once_each)]
Events = Annotated[list[EventType], Field(max_length=len(get_args(EventType))), AfterValidator(_once_each)]
Template = Annotated[str, Field(max_length=4000)]
SigningSecret = Annotated[str, Field(min_length=8, max_length=200)]
# exact: the message's first word is one of trigger_words; prefix: it begins with one; mention: the bot is mentioned.
When = Literal["exact", "prefix", "mention"]


class WebhookIn(In):
    """All but the first two are for outgoing ones, which need url and format. Without events: message.sent."""

    kind: Kind
    name: Name
    url: Url | None = None
    format: Format | None = None
    events: Events | None = None
    trigger_words: Words | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None

    def given(self) -> dict[str, Any]:
        """What is asked for beside kind and name."""
        return self.model_dump(exclude={"kind", "name"}, exclude_none=True)


class WebhookPatchIn(In):
    """What is given changes. `template` and `signing_secret` are for incoming ones, where null takes them away: what
    puts JSON of no known format into words, and what posts have to be signed with."""

    name: Name | None = None
    url: Url | None = None
    format: Format | None = None
    events: Events | None = None
    trigger_words: Words | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None
    active: bool | None = None
    template: Template | None = None
    signing_secret: SigningSecret | None = None

    def given(self) -> dict[str, Any]:
        """The fields to be changed, and their new values."""
        nullable = ("template", "signing_secret")
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in values.items() if value is not None or name in nullable}


def check_outgoing(fields: Mapping[str, Any]) -> None:
    """Raise Invalid, naming the field, where these fields of an outgoing webhook do not go together."""
    wrong = {name: "only incoming webhooks have this" for name in INCOMING if name in fields}
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


def check_incoming(fields: Mapping[str, Any]) -> None:
    """Raise Invalid, naming them, where fields of outgoing webhooks are given for an incoming one."""
    of_both = ("name", "active", *INCOMING)
    _refuse({name: "only outgoing webhooks have this" for name in fields if name not in of_both})


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise Invalid(f"Some fields cannot be taken: {', '.join(sorted(wrong))}.", fields=wrong)


class WebhookOut(Out):
    """From `url` on only outgoing ones have values. `off_reason`: why it was switched off, where nobody did that."""

    id: Id
    kind: Kind
    chat_id: Id
    name: str
    bot_id: Id
    created_by: Id
    created_at: Time
    active: bool
    template: str | None = None
    signed: bool = False
    off_reason: str | None = None
    url: str | None = None
    format: Format | None = None
    events: list[EventType] | None = None
    trigger_words: list[str] | None = None
    trigger_when: When | None = None
    on_bots: bool | None = None
    failing_since: Time | None = None
    old_secret_until: Time | None = None


class NewWebhookOut(WebhookOut):
    """An incoming one's `url` is the address to post to. An outgoing one signs with `secret` (Standard Webhooks) and
    says `token` in the bodies of Slack's and Mattermost's form."""

    secret: str | None = None
    token: str | None = None


class WebhooksOut(Out):
    webhooks: list[WebhookOut]


OUTGOING = ("url", "format", "events", "trigger_words", "trigger_when", "on_bots", "failing_since", "old_secret_until")


def webhook_out(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_fields(webhook))


def new_webhook_out(webhook: Webhook, url: str) -> NewWebhookOut:
    """An incoming one, with its address."""
    return NewWebhookOut(**{**_fields(webhook), "url": url})


def new_outgoing_out(webhook: Webhook) -> NewWebhookOut:
    """An outgoing one, with what proves it."""
    return NewWebhookOut(**_fields(webhook), secret=webhook.secret, token=webhook.token)


def _fields(webhook: Webhook) -> dict[str, Any]:
    outgoing = {name: getattr(webhook, name) for name in OUTGOING} if webhook.kind == "outgoing" else {}
    return {
        "id": str(webhook.id),
        "kind": webhook.kind,
        "chat_id": str(webhook.chat),
        "name": webhook.name,
        "bot_id": str(webhook.bot),
        "created_by": str(webhook.created_by),
        "created_at": webhook.created_at,
        "active": webhook.active,
        "template": webhook.template,
        "signed": bool(webhook.signing_secret),
        "off_reason": webhook.off_reason,
        **outgoing,
    }
