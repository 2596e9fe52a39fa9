"""All incoming formats, one line each: how the body is read and parsed, how the sender is answered, how it signs.

The next format is a parser in a file of its own and a line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from infitalks.errors import NotFound
from infitalks.integrations import checks, received
from infitalks.integrations.alertmanager import parse_alertmanager
from infitalks.integrations.checks import Check
from infitalks.integrations.dialects import DISCORD, MATTERMOST, OURS, WORDS_OF_SLACK, Dialect
from infitalks.integrations.discord import parse_discord
from infitalks.integrations.github import parse_gitea, parse_github
from infitalks.integrations.gitlab import parse_gitlab
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.plain import parse_json, parse_text
from infitalks.integrations.post import Post
from infitalks.integrations.received import Read, Received
from infitalks.integrations.sentry import parse_sentry
from infitalks.integrations.slack import parse_slack

# What the body says, the headers, the webhook's template; None where there is nothing to post.
Parse = Callable[[Any, Headers, str], Post | None]


@dataclass(frozen=True)
class Format:
    """`check` is asked where the webhook has a signing secret; a bearer token of it does as well."""

    name: str
    parse: Parse
    dialect: Dialect
    read: Read = received.read_json
    check: Check = checks.bearer

    def post_of(self, request: Received, template: str) -> Post | None:
        """What the request asks to be posted. Raises PayloadRefused, and Malformed for what cannot be read."""
        return self.parse(self.read(request), request.headers, template)

    def is_signed(self, request: Received, secret: str) -> bool:
        known = self.check(request.body, request.headers, secret)
        return known or checks.bearer(request.body, request.headers, secret)


def _by_body(parse: Callable[[Any], Post]) -> Parse:
    return lambda payload, headers, template: parse(payload)


def _by_event(parse: Callable[[Any, Headers], Post | None]) -> Parse:
    return lambda payload, headers, template: parse(payload, headers)


def _by_template(parse: Callable[[Any, str], Post]) -> Parse:
    return lambda payload, headers, template: parse(payload, template)


FORMATS = {
    each.name: each
    for each in (
        Format("slack", _by_body(parse_slack), WORDS_OF_SLACK, check=checks.signed_by_slack),
        Format("mattermost", _by_body(parse_mattermost), MATTERMOST),
        Format("discord", _by_body(parse_discord), DISCORD, read=received.read_discord),
        Format("github", _by_event(parse_github), WORDS_OF_SLACK, check=checks.signed_by_github),
        Format("gitea", _by_event(parse_gitea), WORDS_OF_SLACK, check=checks.signed_by_gitea),
        Format("gitlab", _by_event(parse_gitlab), WORDS_OF_SLACK, check=checks.known_to_gitlab),
        Format("alertmanager", _by_body(parse_alertmanager), WORDS_OF_SLACK),
        Format("grafana", _by_body(parse_alertmanager), WORDS_OF_SLACK, check=checks.signed_by_grafana),
        Format("sentry", _by_body(parse_sentry), WORDS_OF_SLACK, check=checks.signed_by_sentry),
        Format("text", _by_body(parse_text), WORDS_OF_SLACK, read=received.read_text),
        Format("json", _by_template(parse_json), OURS, read=received.read_anything, check=checks.signed_by_github),
    )
}
DEFAULT = FORMATS["slack"]


def format_called(name: str) -> Format:
    """Raises NotFound."""
    if name not in FORMATS:
        raise NotFound()
    return FORMATS[name]
