"""The design system's rules, read from the styles: colours and sizes of type are tokens, icons are one sprite."""

import re
from pathlib import Path

import pytest

from infitalks.icons import PATHS

ROOT = Path(__file__).resolve().parent.parent
STYLES = sorted(set((ROOT / "frontend" / "styles").glob("*.css")) - {ROOT / "frontend" / "styles" / "tokens.css"})
# What an avatar mixes from its own hue, or a card's stripe from its own colour, is no literal. Nor is a size that
# follows from the words around it (em, %).
LITERALS = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|hwb|lab|lch)\(|\bfont(?:-size)?:[^;}]*?\d(?:rem|px|pt)\b[^;}]*"
)
COMMENTS = re.compile(r"/\*.*?\*/", re.S)


def literals(css: str) -> list[str]:
    return LITERALS.findall(COMMENTS.sub("", css))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_colours_and_sizes_of_type_are_tokens(path: Path) -> None:
    assert literals(path.read_text()) == []


@pytest.mark.parametrize(
    "rule", ["a { color: #fff; }", "a{font-size:13px}", "a { font: 600 1rem/1 x; }", "a { color: rgb(0 0 0); }"]
)
def test_the_rule_of_tokens_can_fail(rule: str) -> None:
    assert literals(rule)


def test_every_token_that_is_used_is_there() -> None:
    css = "".join(path.read_text() for path in (ROOT / "frontend" / "styles").glob("*.css"))
    assert set(re.findall(r"var\((--[\w-]+)\)", css)) <= set(re.findall(r"(--[\w-]+):", css))


def test_icons_are_drawn_in_one_place() -> None:
    drawn = "<path "
    templates = {path: path.read_text() for path in (ROOT / "templates").glob("*.html")}
    assert [path.name for path, text in templates.items() if drawn in text] == []
    page = (ROOT / "frontend" / "ui").glob("*.tsx")
    assert {path.name for path in page if drawn in path.read_text()} == {
        "icons.tsx",
        "app.tsx",
    }  # and a drawing of bubbles
    asked = {name for text in templates.values() for name in re.findall(r'icon\("(\w+)"\)', text)}
    assert asked and asked <= set(PATHS)
