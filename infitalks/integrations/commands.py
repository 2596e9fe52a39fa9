"""Slash commands: what one's program is told, as Slack and Mattermost do or in our own shape, and what it answers.

Sources: Slack's SDK tests (a command's form), mattermost/server channels/app/command.go and model/command_response.go.
Not for: sending it (actions/sending_asks.py) or doing what is answered (actions/responses.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from infitalks.backends.http import Answer
from infitalks.errors import Malformed
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.outgoing import FORM, JSON, TEAM, write_event_body, write_json
from infitalks.integrations.post import Post
from infitalks.integrations.slack import parse_slack
from infitalks.schemas.reading import check_text, read_lenient_json
from infitalks.schemas.users import UserOut

MOST_ANSWERS = 5  # of one request: its own and `extra_responses`


class AnswerUnreadable(Exception):
    """Something was answered that is neither text nor the JSON of an answer."""


@dataclass(frozen=True)
class Called:
    """A command that `user` gave, with the `text` after its name, in the chat of this id and name."""

    command: str
    text: str
    user: UserOut
    chat_id: str
    chat: str
    at: datetime
    token: str
    trigger_id: str
    response_url: str


def write_command(form: str, called: Called) -> tuple[str, bytes]:
    """Content type and bytes, for the webhook's format."""
    if form == "events":
        return JSON, write_event_body("command", called.at, _event_data(called))
    fields = _fields(called)
    return (JSON, write_json(fields)) if form == "json" else (FORM, urlencode(fields).encode())


def _fields(called: Called) -> dict[str, str]:
    return {
        "token": called.token,
        "team_id": TEAM,
        "team_domain": TEAM,
        "channel_id": called.chat_id,
        "channel_name": called.chat,
        "user_id": called.user.id,
        "user_name": called.user.username,
        "command": f"/{called.command}",
        "text": called.text,
        "response_url": called.response_url,
        "trigger_id": called.trigger_id,
    }


def _event_data(called: Called) -> dict[str, Any]:
    return {
        "chat_id": called.chat_id,
        "user": called.user.model_dump(mode="json"),
        "command": f"/{called.command}",
        "text": called.text,
        "response_url": called.response_url,
        "trigger_id": called.trigger_id,
    }


def parser_of(form: str | None) -> Callable[[Any], Post]:
    """What reads the answers of a webhook of this format."""
    return parse_mattermost if form == "events" else parse_slack


def read_answer(answer: Answer) -> dict[str, Any] | None:
    """What was answered: the JSON's object, or {"text": …} of plain words; None where it was nothing.

    Raises AnswerUnreadable for JSON that is no object, half an answer, and pages, which error handlers like to send.
    """
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        said = answer.body.decode() if answer.whole else ""
        if not said.strip() and answer.whole:
            return None
        if "json" in kind or (not kind.startswith("text/") and said.lstrip().startswith("{")):
            read = read_lenient_json(said)
        else:
            read = {"text": said}
            check_text(read)
    except (ValueError, Malformed):
        raise AnswerUnreadable from None
    if not isinstance(read, dict) or not answer.whole or (kind == "text/html" and said.lstrip().startswith("<")):
        raise AnswerUnreadable
    return read


def answers_in(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer and Mattermost's `extra_responses`, as many as are taken."""
    extra = payload.get("extra_responses")
    more = [each for each in extra if isinstance(each, dict)] if isinstance(extra, list) else []
    return [payload, *more][:MOST_ANSWERS]
