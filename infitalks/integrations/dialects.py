"""What each kind of sender is told: that a post was taken, or why not, in its own words and to the byte.

Sources: Slack's changelog of 2016-05-17 for its words, Mattermost's AppError, Discord's error codes. Not for: deciding.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infitalks.errors import InfiTalksError
from infitalks.integrations.discord import discord_message
from infitalks.integrations.post import PayloadRefused
from infitalks.schemas.messages import MessageOut

# Our own words, which are Slack's where it has one, and the status that each has there.
STATUSES = {
    "invalid_payload": 400,
    "no_text": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "invalid_token": 403,
    "no_service": 404,
    "unknown_message": 404,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "rollup_error": 500,
    "unavailable": 503,
}
MEANINGS = {
    "invalid_payload": "The payload cannot be read.",
    "no_text": "No text specified.",
    "too_many_attachments": "Too many attachments.",
    "user_not_found": "This webhook posts to its own chat only.",
    "invalid_token": "The signature or token is missing or wrong.",
    "no_service": "There is no such webhook.",
    "unknown_message": "There is no such message of this webhook.",
    "conflict": "This key was used for other content.",
    "too_large": "The payload is too large.",
    "rate_limited": "Too many requests; wait a little.",
    "rollup_error": "Something went wrong here.",
    "unavailable": "A part is away for a moment. Send again.",
}
WORDS = {"conflict": "invalid_payload", "too_large": "invalid_payload", "unavailable": "rollup_error"}
DISCORD_CODES = {
    "invalid_payload": (50109, "The request body contains invalid JSON."),
    "no_text": (50006, "Cannot send an empty message"),
    "no_service": (10015, "Unknown Webhook"),
    "unknown_message": (10008, "Unknown Message"),
    "invalid_token": (50027, "Invalid Webhook Token"),
    "too_large": (40005, "Request entity too large"),
}


@dataclass(frozen=True)
class Reply:
    """An answer to the byte; `retry_after` in seconds."""

    status: int
    body: bytes
    content_type: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a post was not taken: one of the words above."""

    word: str
    status: int
    retry_after: int | None = None

    @property
    def reason(self) -> str:
        return MEANINGS[self.word]


def refusal_of(error: PayloadRefused | InfiTalksError) -> Refusal:
    """The word for an error."""
    if isinstance(error, PayloadRefused):
        return Refusal(error.code, STATUSES[error.code])
    words = {403: "invalid_token", 404: "no_service", 409: "conflict", 413: "too_large", 429: "rate_limited"}
    words |= {500: "rollup_error", 503: "unavailable"}
    status = 400 if error.status == 422 else error.status
    return Refusal(words.get(status, "invalid_payload"), status, error.retry_after)


@dataclass(frozen=True)
class Dialect:
    """`took` says that a post is there (or that there was nothing to post); `refuse` why it is not; `echo` makes the
    JSON of a message for a sender that asks to see it, with `?wait=true`."""

    took: Reply
    refuse: Callable[[Refusal], Reply]
    echo: Callable[[MessageOut, str], dict[str, Any]] | None = None


def _text(status: int, words: str, retry_after: int | None = None) -> Reply:
    return Reply(status, words.encode(), "text/plain; charset=utf-8", retry_after)


def json_reply(status: int, content: Any, retry_after: int | None = None) -> Reply:
    return Reply(status, json.dumps(content).encode(), "application/json", retry_after)


def _in_words(refusal: Refusal) -> Reply:
    return _text(refusal.status, WORDS.get(refusal.word, refusal.word), refusal.retry_after)


def _as_app_error(refusal: Refusal) -> Reply:
    # There an unknown webhook is a bad request, not nothing.
    status = 400 if refusal.word == "no_service" else refusal.status
    error = {"id": f"web.incoming_webhook.{refusal.word}.app_error", "message": refusal.reason, "detailed_error": ""}
    return json_reply(status, {**error, "request_id": "", "status_code": status}, refusal.retry_after)


def _as_discord_error(refusal: Refusal) -> Reply:
    if refusal.status == 429:
        seconds = refusal.retry_after or 1
        wait = {"message": "You are being rate limited.", "retry_after": float(seconds), "global": False}
        return json_reply(429, wait, seconds)
    code, message = DISCORD_CODES.get(refusal.word, (0, refusal.reason))
    return json_reply(
        401 if refusal.word == "invalid_token" else refusal.status,
        {"message": message, "code": code},
        refusal.retry_after,
    )


def _as_our_error(refusal: Refusal) -> Reply:
    error = {"code": refusal.word, "message": refusal.reason}
    return json_reply(refusal.status, {"error": error}, refusal.retry_after)


# Alertmanager and Grafana compare these two bytes, unless the type is JSON.
WORDS_OF_SLACK = Dialect(_text(200, "ok"), _in_words)
MATTERMOST = Dialect(_text(200, "ok"), _as_app_error)
DISCORD = Dialect(Reply(204, b"", "application/json"), _as_discord_error, discord_message)
OURS = Dialect(json_reply(200, {"ok": True}), _as_our_error)
