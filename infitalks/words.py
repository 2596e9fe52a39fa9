"""The words that the Jinja pages and their forms say: English where they are said, in `_()`, so that gettext's tools
collect them into one catalogue, and another language is one file. Not for: the chat's script (frontend/i18n)."""

from gettext import translation
from pathlib import Path

from jinja2 import Environment

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"

# Of the language that the process runs in (LANGUAGE, LANG), where there is one; else what stands in the source.
catalogue = translation("infitalks", TRANSLATIONS, fallback=True)
_, ngettext = catalogue.gettext, catalogue.ngettext


def speak_in(templates: Environment) -> None:
    """Let these templates say `_("…")` and `ngettext("…", "…", n)`; `%(name)s` in them is escaped as anywhere."""
    templates.add_extension("jinja2.ext.i18n")
    templates.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
