"""The words that people read: English where they are said, in `_()`, so that gettext's tools collect those of the Jinja
pages, of their forms and of the chat's script (frontend/i18n) into one catalogue, and another language is one file."""

import json
from gettext import NullTranslations, translation
from pathlib import Path

from jinja2 import Environment

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"
RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}

# Of the language that the process runs in (LANGUAGE, LANG), where there is one; else what stands in the source.
catalogue: NullTranslations = translation("infitalks", TRANSLATIONS, fallback=True)
_, ngettext = catalogue.gettext, catalogue.ngettext


def speak_in(templates: Environment) -> None:
    """Let these templates say `_("…")` and `ngettext("…", "…", n)`; `%(name)s` in them is escaped as anywhere."""
    templates.add_extension("jinja2.ext.i18n")
    templates.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    language = language_of(catalogue)
    right_to_left = language.partition("-")[0] in RIGHT_TO_LEFT
    templates.globals |= {"language": language, "direction": "rtl" if right_to_left else "ltr"}


def language_of(spoken: NullTranslations) -> str:
    """As HTML names it, "pt-BR"."""
    return spoken.info().get("language", "en").replace("_", "-")


def script_of(spoken: NullTranslations) -> str:
    """The same words for the chat's script, as JavaScript (frontend/i18n/words.ts takes them); empty for English.

    A catalogue's rule of plurals is an expression of C without assignments and calls, and so one of JavaScript; gettext
    refuses any other when it reads the catalogue (https://docs.python.org/3/library/gettext.html, `Plural-Forms`).
    """
    rule = spoken.info().get("plural-forms", "plural=n!=1").partition("plural=")[2].rstrip("; ")
    said: dict[str, str | list[str]] = {}
    # gettext has no door to all of a catalogue; a key is a text, or one with the number of a plural's form.
    for key, text in sorted(getattr(spoken, "_catalog", {}).items(), key=str):
        if isinstance(key, tuple):
            forms = said.setdefault(key[0], [])
            assert isinstance(forms, list)
            forms.append(text)
        elif key:
            said[key] = text
    return f"globalThis.words = {{plural: n => +({rule}), said: {json.dumps(said)}}};\n" if said else ""
