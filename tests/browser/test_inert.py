"""What people write is text: no page runs it, loads from it or lets it pose as something else."""

import re

import pytest
from playwright.sync_api import ConsoleMessage, Dialog, Request, expect

from tests.browser.albums import show, still, upload
from tests.browser.visitors import Visitor

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>raw</a> <form action=https://evil.example><button>x</button></form>",
    "[click](javascript:alert(1)) [click](JaVaScRiPt:alert(1)) [click](data:text/html,<script>alert(1)</script>)",
    '![picture](https://evil.example/pixel.png) ![x](x"onerror="alert(1))',
    '[a](<https://evil.example/" onmouseover="alert(1)>)',
    "<style>@import 'https://evil.example/x.css'; body { display: none }</style>",
    "<link rel=stylesheet href=https://evil.example/x.css><base href=https://evil.example/>",
    "`<script>alert(1)</script>`\n\n```\n</code></pre><script>alert(1)</script>\n```",
    "https://evil.example/?q=<script>alert(1)</script>",
    "\u202egnp.exe \u2066\u2067 a\u0301\u0301\u0301\u0301\u0301\u0301",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a" + "\u0301" * 7_990,  # nearly 16 kB of combining marks
    "|a|b|\n|---|---|\n" + "|<img src=x onerror=alert(1)>|[x](javascript:alert(1))|\n" * 100,
    "> " * 300 + "<script>alert(1)</script>",
    "[" * 400 + "x" + "](https://evil.example/)" * 400,
    "\u200f\u202b" + "👨\u200d👩\u200d👧" * 200 + "🏴\U000e0067\U000e0062\U000e007f" * 50,
    "*_`~" * 2_000 + "\n" + "#" * 500 + " <svg/onload=alert(1)>",
]
FORBIDDEN = "script, iframe, object, embed, form, style, link, base, img, svg, input"
BAD_ATTRIBUTES = """log => [...log.querySelectorAll(".text *")].flatMap(each => [...each.attributes])
    .filter(({name, value}) => name.startsWith("on") || name == "style" || /^\\s*(javascript|data):/i.test(value))
    .map(({name, value}) => `${name}=${value}`)"""


@pytest.fixture
def seen(ada: Visitor, bob: Visitor) -> list[str]:
    """Whatever left for another host, ran, or was stopped by the browser alone."""
    noted: list[str] = []

    def left(request: Request) -> None:
        if not request.url.startswith((ada.url, "data:", "blob:")):
            noted.append(request.url)

    def asked(dialog: Dialog) -> None:
        noted.append(dialog.message)
        dialog.dismiss()

    def told(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            noted.append(said.text)

    for visitor in (ada, bob):
        visitor.context.on("request", left)
        visitor.context.on("dialog", asked)
        visitor.context.on("console", told)
    return noted


def test_markup_in_messages_is_shown_and_does_nothing(ada: Visitor, bob: Visitor, chat: str, seen: list[str]) -> None:
    bob.enter(chat)
    for text in CORPUS:
        ada.composer.fill(text)
        ada.page.get_by_role("button", name="Send").click()
    for visitor in (ada, bob):
        expect(visitor.page.locator("article[data-state=sent]")).to_have_count(len(CORPUS))
    bob.page.reload()
    expect(bob.composer).to_be_visible()
    for visitor in (ada, bob):
        log = visitor.page.get_by_role("log")
        expect(log.locator(".text").locator(FORBIDDEN)).to_have_count(0)
        assert log.evaluate(BAD_ATTRIBUTES) == []
        expect(log).to_contain_text("<script>alert(1)</script>")
        for link in log.locator(".text a").all():
            assert "noopener" in (link.get_attribute("rel") or ""), link.get_attribute("href")
    assert seen == []


def test_markup_in_names_of_people_and_files_and_in_drafts_does_nothing(
    ada: Visitor, bob: Visitor, seen: list[str]
) -> None:
    ada.call("PATCH", "/api/users/me", {"display_name": "<img src=x onerror=alert(1)>"})
    chat = ada.group("<script>alert(1)</script>", bob)
    ada.post(chat, "hello")
    show(ada, chat, "a picture", upload(ada, still(), '"><img src=x onerror=alert(1)>.jpg'))
    show(ada, chat, "a file", upload(ada, b"%PDF-1.4 words", '"><svg onload=alert(1)>.pdf'))
    bob.page.goto(bob.url)
    bob.page.get_by_role("link", name="<script>").click()
    bob.sees("hello")
    expect(bob.message("a picture").get_by_role("button", name=re.compile("<img src=x onerror"))).to_be_visible()
    expect(bob.message("a file").get_by_role("link", name=re.compile("<svg onload"))).to_be_visible()
    expect(bob.page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    expect(bob.message("hello").get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    bob.composer.fill("<img src=x onerror=alert(1)>")
    bob.page.reload()
    expect(bob.composer).to_have_value("<img src=x onerror=alert(1)>")
    bob.page.goto(f"{bob.url}/c/{chat}/settings")
    expect(bob.page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert seen == []


def test_a_name_cannot_turn_the_text_around_it(ada: Visitor, bob: Visitor, chat: str) -> None:
    """Marks that turn text are refused; letters that run from right to left stay among themselves."""
    with pytest.raises(AssertionError, match="display_name"):
        ada.call("PATCH", "/api/users/me", {"display_name": "Eve\u202etoor"})
    ada.call("PATCH", "/api/users/me", {"display_name": "עדה"})
    ada.post(chat, "shalom")
    bob.enter(chat)
    bob.sees("shalom")
    name, time = bob.message("shalom").locator(".who .name"), bob.message("shalom").locator(".who time")
    expect(name).to_have_text("עדה")
    left_of, right_of = name.bounding_box(), time.bounding_box()
    assert left_of and right_of and left_of["x"] < right_of["x"]
    assert name.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate"
