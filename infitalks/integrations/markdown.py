"""Text to safe HTML: CommonMark with autolinks and names that are called, then an allow-list. Pictures in text are
dropped: loading one would tell a stranger who reads the chat."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

TAGS = {"a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"}
TAGS |= {"s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
MOST_BRACKETS = 500  # each may open a link; thousands cost a second
MOST_LINKS = 200  # bare addresses that are made links
MOST_COLUMNS = 60  # a table of thousands of columns costs a second to render
MOST_NAMES = 100  # different ones that are looked at

# A username after an @ that is no part of a word, an address or a path; a dot at its end is the sentence's.
_NAME = re.compile(r"(?<![\w@/.+-])@([A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?)(?![\w@])")
_WHO = re.compile(r"[0-9a-f]{24}|all")

_unlinked = MarkdownIt("js-default", {"html": False, "breaks": True, "typographer": False}).disable(
    ["image", "linkify"]
)
_markdown = MarkdownIt("js-default", {"html": False, "breaks": True, "linkify": True, "typographer": False})
_markdown.enable("linkify").disable("image")
# Bare words with a dot ("readme.md") are no links; addresses with a scheme and www. are.
_linkify = _markdown.linkify
assert _linkify is not None  # its package is installed
_linkify.set({"fuzzy_link": False, "fuzzy_email": False})


def render_markdown(text: str) -> str:
    """HTML that is safe to put into a page as it is."""
    return render_message(text, {})[0]


def names_in(text: str) -> list[str]:
    """What may be usernames after an @, in lower case; those in code are among them, though they call nobody."""
    found = dict.fromkeys(match[1].lower() for match in _NAME.finditer(text))
    return list(found)[:MOST_NAMES]


def render_message(text: str, known: Mapping[str, str]) -> tuple[str, list[str]]:
    """The same HTML with the names in `known` marked, `<span class="mention" data-user=…>`; and what `known` gives for
    those that stand in running text: neither in code nor in links."""
    env: dict[str, Any] = {"known": known, "called": []}
    return _clean(_render(text, env)), env["called"]


def _render(text: str, env: dict[str, Any]) -> str:
    wide = any(line.count("|") > MOST_COLUMNS for line in text.splitlines())
    text = text.replace("|", "\\|") if wide else text
    text = text.replace("[", "\\[") if text.count("[") > MOST_BRACKETS else text
    html: str = (_unlinked if text.count("://") > MOST_LINKS else _markdown).render(text, env)
    return html


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}, "span": {"class", "data-user"}},
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    ).strip()


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    if tag == "a" and attribute == "href":
        # "//host" and "/\host" have no scheme and would pass the scheme list, yet lead away.
        return value if value.lower().startswith(("http://", "https://", "mailto:")) else None
    if tag == "code" and attribute == "class":
        return value if value.startswith("language-") and len(value) < 40 else None
    if tag == "span":
        fits = value == "mention" if attribute == "class" else _WHO.fullmatch(value)
        return value if fits else None
    return value


def _mark_names(state: StateCore) -> None:
    """The parser's last rule: the known names in running text become tokens of their own."""
    if not state.env.get("known"):
        return
    for block in state.tokens:
        if block.type == "inline":
            block.children = _with_names(block.children or [], state.env)


def _with_names(tokens: list[Token], env: Any) -> list[Token]:
    made: list[Token] = []
    links = 0
    for token in tokens:
        links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        made += _split(token, env) if token.type == "text" and not links else [token]
    return made


def _split(token: Token, env: Any) -> list[Token]:
    made: list[Token] = []
    rest = 0
    for match in _NAME.finditer(token.content):
        who = env["known"].get(match[1].lower())
        if who:
            made.append(_text(token.content[rest : match.start()]))
            made.append(Token("mention", "span", 0, content=match[0], meta={"user": who}))
            env["called"].append(who)
            rest = match.end()
    return [*made, _text(token.content[rest:])] if made else [token]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _show_mention(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    return f'<span class="mention" data-user="{token.meta["user"]}">{token.content}</span>'


for _parser in (_markdown, _unlinked):
    _parser.core.ruler.push("names", _mark_names)
    _parser.add_render_rule("mention", _show_mention)
