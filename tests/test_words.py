"""What people read stands in one catalogue: no template says an English word by itself, nor does a form's answer or the
chat's script; and another language reaches them all."""

import ast
import io
import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
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


# The page's words: each a string where `_` or `ngettext` is called; the rest of its files are names and types.
CALLED = re.compile(r"""\b(?:_|ngettext)\(\s*"(?:[^"\\]|\\.)*"(?:,\s*"(?:[^"\\]|\\.)*")?""")
SCRIPT = sorted(path for path in (ROOT / "frontend" / "i18n").glob("*.ts") if ".test" not in path.name)
SHOWN = sorted((ROOT / "frontend" / "ui").glob("*.tsx"))
BETWEEN_TAGS = re.compile(r"<(\w+)[^<>{}]*>\s*([^<>{}]*[^\W\d_]{2,}[^<>{}]*)</\1>")
IN_ATTRIBUTE = re.compile(r"""\s(?:alt|title|aria-label|placeholder|label)="([^"]*[^\W\d_]{2,}[^"]*)\"""")


def test_what_the_chats_script_says_stands_in_the_catalogue() -> None:
    for path in SCRIPT:
        rest = CALLED.sub("", re.sub(r"^//.*$|^import .*$|/\*\*.*?\*/", "", path.read_text(), flags=re.M))
        literals = re.findall(r'"([^"]*)"|`([^`]*)`', rest)
        bare = [said for pair in literals for said in pair if re.search(r"[a-z]{2,} [a-z]|^[A-Z][a-z]+$", said)]
        assert bare == [], path.name


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_a_part_of_the_chat_page_says_nothing_past_the_catalogue(path: Path) -> None:
    assert bare_in_script(path.read_text()) == []


def bare_in_script(source: str) -> list[str]:
    found = [said.strip() for _tag, said in BETWEEN_TAGS.findall(source)] + IN_ATTRIBUTE.findall(source)
    return [said for said in found if NAMES.sub("", said).strip()]


@pytest.mark.parametrize("bare", ["<p>Sign in</p>", '<button aria-label="Sign in" />'])
def test_the_rule_of_the_scripts_words_can_fail(bare: str) -> None:
    assert bare_in_script(bare)


def test_pages_forms_and_script_are_gathered_into_one_catalogue() -> None:
    with open(ROOT / "babel.cfg") as config:
        methods, options = parse_mapping_cfg(config)
    found = extract_from_dir(str(ROOT), methods, options, directory_filter=lambda folder: "/." not in folder)
    said = {each for _path, _line, text, *_ in found for each in (text if isinstance(text, tuple) else [text])}
    assert {"Make an account", "%(name)s is no admin any more.", "No chats yet.", "Show older chats"} <= said
    assert {"%(n)s reply", "%(n)s replies", "it names you.", "Medium light"} <= said
    written = "".join(path.read_text() for path in SCRIPT)
    called = [
        ast.literal_eval(each) for call in CALLED.findall(written) for each in re.findall(r'"(?:[^"\\]|\\.)*"', call)
    ]
    assert len(called) > 300 and set(called) <= said


def polish() -> GNUTranslations:
    made = Catalog(locale="pl")
    made.add("Loading messages", "Wczytywanie")
    made.add(("%(n)s reply", "%(n)s replies"), ("odpowiedź", "odpowiedzi", "odpowiedzi"))
    return _read(made)


def _read(made: Catalog) -> GNUTranslations:
    file = io.BytesIO()
    write_mo(file, made)
    file.seek(0)
    return GNUTranslations(file)


def test_a_language_comes_to_the_script_with_its_plurals_and_english_needs_none() -> None:
    script = words.script_of(polish())
    assert script.startswith("globalThis.words = {plural: n => +((n==1 ? 0 : ")
    assert '"Loading messages": "Wczytywanie"' in script.encode().decode("unicode_escape")
    assert re.search(r'"%\(n\)s reply": \["odpowied\\u017a", "odpowiedzi", "odpowiedzi"\]', script)
    assert words.script_of(words.catalogue) == ""


def test_pages_name_their_language_and_its_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment().from_string("{{ language }} {{ direction }}").render() == "en ltr"
    for locale, named in (("pt_BR", "pt-BR ltr"), ("he", "he rtl")):
        monkeypatch.setattr(words, "catalogue", _read(Catalog(locale=locale)))
        assert environment().from_string("{{ language }} {{ direction }}").render() == named
