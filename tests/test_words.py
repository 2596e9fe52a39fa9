"""What people read stands in the catalogue: no template says an English word by itself, nor does a form's answer."""

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.ext import extract_from_ast

from infitalks import words

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").glob("*.html"))
WORD = re.compile(r"[^\W\d_]{2,}")
SPOKEN = ("alt", "title", "aria-label", "placeholder")
# Names, and what is no language: they are the same in all.
NAMES = re.compile(r"InfiTalks|Content-Type|webhook-id|GET|\?next=")
UNSAID = re.compile(r"<(style|code|script)\b.*?</\1>", re.S)
TAG = re.compile(r"""<[^<>"]*(?:"[^"]*"[^<>"]*)*>""", re.S)
ATTRIBUTE = re.compile(rf"""\s(?:{"|".join(SPOKEN)}|name="description" content)="([^"]*)\"""", re.S)
# A literal in an expression is a word for people where it begins or ends as a sentence does.
SAID = re.compile(r"^[“…,: ]*[A-Z][a-z]|[a-z] .*[.?:…]$")


def environment() -> Environment:
    made = Environment(autoescape=True)
    words.speak_in(made)
    return made


def bare_words(source: str) -> list[str]:
    """What a template says past the catalogue: in its HTML, and as literals in its expressions."""
    tree = environment().parse(source)
    # Expressions may stand anywhere in a tag: without their quotes, the tag's own are what is left.
    parts = [part for output in tree.find_all(nodes.Output) for part in output.nodes]
    html = "".join(part.data if isinstance(part, nodes.TemplateData) else "0" for part in parts)
    html = UNSAID.sub("", html)
    said = [TAG.sub(" ", html), *ATTRIBUTE.findall(html)]
    found = [each for text in said for each in WORD.findall(NAMES.sub("", text))]
    spoken = {id(each) for call in tree.find_all(nodes.Call) if _is_gettext(call) for each in call.args}
    literals = [each.value for each in tree.find_all(nodes.Const) if id(each) not in spoken]
    return found + [each for each in literals if isinstance(each, str) and SAID.search(NAMES.sub("", each))]


def _is_gettext(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in ("_", "ngettext")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_past_the_catalogue(path: Path) -> None:
    assert bare_words(path.read_text()) == []


@pytest.mark.parametrize(
    "bare",
    [
        "<p>Sign in</p>",
        '<a aria-label="Sign in" href="/">×</a>',
        '<p class="a {{ "x" if y else "z" }}">{{ name }} left</p>',
        '{{ submit("Sign in") }}',
        '{{ _("Sign in") ~ "Or not" }}',
        '{{ field("a", _("Name"), hint="with commas between them.") }}',
    ],
)
def test_the_rule_of_words_can_fail(bare: str) -> None:
    assert bare_words(bare)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_words_hold_no_markup_as_they_are_not_escaped(path: Path) -> None:
    for _line, _function, said in extract_from_ast(environment().parse(path.read_text())):
        for each in said if isinstance(said, tuple | list) else [said]:
            assert not re.search(r'[<>"]', each or ""), each


def test_what_a_form_answers_stands_in_the_catalogue() -> None:
    flashed = 0
    for path in (ROOT / "infitalks" / "blueprints").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "flash":
                flashed += 1
                assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), f"{path.name}:{node.lineno}"
    assert flashed
