"""Text to safe HTML: CommonMark with autolinks, then an allow-list. Pictures in text are dropped: loading one would
tell a stranger who reads the chat."""

import nh3
from markdown_it import MarkdownIt

TAGS = {"a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"}
TAGS |= {"s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
MOST_BRACKETS = 500  # each may open a link; thousands cost a second
MOST_LINKS = 200  # bare addresses that are made links
MOST_COLUMNS = 60  # a table of thousands of columns costs a second to render

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
    wide = any(line.count("|") > MOST_COLUMNS for line in text.splitlines())
    text = text.replace("|", "\\|") if wide else text
    text = text.replace("[", "\\[") if text.count("[") > MOST_BRACKETS else text
    html = (_unlinked if text.count("://") > MOST_LINKS else _markdown).render(text)
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}},
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
    return value
