"""Slack's mrkdwn as Markdown. Rules: its formatting guide, and the gaps that Mattermost documents of its own."""

import re

_LINK = re.compile(r"<([^<>\n]+)>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_STRIKE = re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")
_AMPERSAND = re.compile(r"&amp;(?!#?\w+;)")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def to_markdown(mrkdwn: str) -> str:
    """Slack's mrkdwn as Markdown; code stays as it is, but for the three entities that Slack escapes."""
    parts = _CODE.split(mrkdwn)
    return "".join(unescape(part) if index % 2 else _convert(part) for index, part in enumerate(parts))


def _convert(text: str) -> str:
    marked = _STRIKE.sub(r"~~\1~~", _BOLD.sub(r"**\1**", text))
    linked = _LINK.sub(lambda match: _reference(match[1]), marked)
    # Markdown reads entities itself: what would become one has to stay escaped.
    return _AMPERSAND.sub("&", linked.replace("&lt;", "<").replace("&gt;", ">"))


def _reference(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("!"):
        return label or "@" + target[1:].partition("^")[0]
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:])
    if target.startswith(("http://", "https://", "mailto:")):
        return f"[{label}](<{target}>)" if label else f"<{target}>"
    return f"<{inside}>"


def unescape(text: str) -> str:
    """The three entities that Slack escapes, as they are meant."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
