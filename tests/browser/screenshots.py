"""Makes the README's pictures from the running product: `make screenshots`.

Four people of a garden party, one bot; the same on desktop and phone, in light and dark.
"""

import json
import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.chromium import find_browser
from tests.browser.visitors import Visitor
from tests.whole import WholeRun

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}


def sunset(path: Path) -> Path:
    """A picture to share, painted here."""
    picture = Image.new("RGB", (1200, 750))
    draw = ImageDraw.Draw(picture)
    for y in range(750):
        share = y / 750
        draw.line((0, y, 1200, y), fill=(int(250 - 90 * share), int(150 - 40 * share), int(90 + 60 * share)))
    draw.ellipse((510, 240, 690, 420), fill=(255, 225, 150))
    for left, top, colour in ((-200, 470, (86, 92, 110)), (350, 520, (60, 76, 88)), (-100, 610, (38, 58, 62))):
        draw.ellipse((left, top, left + 1100, top + 600), fill=colour)
    picture.filter(ImageFilter.GaussianBlur(2)).save(path, quality=88)
    return path


def talk(browser: Browser, url: str, folder: Path) -> Visitor:
    """Fill a group with a conversation. Returns one of its people, looking at it."""
    host, cook, painter, neighbour = (
        Visitor(browser, url, name, **DESKTOP) for name in ("Host", "Cook", "Painter", "Neighbour")
    )
    for visitor in (host, cook, painter, neighbour):
        visitor.sign_up()
    host.make_group("Street orchestra", neighbour)
    host.say("Rehearsal moves to Thursday.")
    host.sees("Rehearsal moves to Thursday.")
    host.make_group("Garden party", cook, painter)
    weather = make_webhook(host, "Weather")
    cook.open_chat("Garden party")
    painter.open_chat("Garden party")
    lines: list[tuple[Visitor, str]] = [
        (host, "Saturday it is! Who brings what?"),
        (cook, "I bring **two quiches** and a salad.\n\n- one with leek\n- one with tomato"),
        (cook, "Bread too, if the oven allows."),
        (painter, "The garden last night. I would put the long table under the trees:"),
    ]
    for who, text in lines:
        if "trees" in text:
            who.page.locator("input[type=file]").first.set_input_files(sunset(folder / "garden.jpg"))
        who.say(text)
        who.sees(text.split("\n")[0].replace("**", ""))
    post(weather, "Saturday: *dry and warm*, 24 °C. Wind from the west.")
    host.sees("dry and warm")
    host.say("Then no tent. Thank you all!")
    host.sees("Then no tent.")
    host.page.wait_for_function("() => [...document.querySelectorAll('article img')].every(i => i.naturalWidth)")
    return host


def make_webhook(visitor: Visitor, name: str) -> str:
    page = visitor.page
    chat = page.url
    page.goto(f"{chat}/settings")
    page.locator("form[action$='/webhooks'] [name=name]").fill(name)
    page.locator("form[action$='/webhooks'] button").click()
    found = re.search(r"http://\S+/hooks/[\w-]+", page.inner_text("main"))
    assert found
    page.goto(chat)
    expect(visitor.composer).to_be_visible()
    return found[0]


def post(url: str, text: str) -> None:
    request = urllib.request.Request(url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"ok"


def shoot(browser: Browser, visitor: Visitor, name: str, path: str = "", **context: Any) -> None:
    """The chat, or another of its pages, as this visitor sees it in a browser of the given kind."""
    with browser.new_context(storage_state=visitor.context.storage_state(), **context) as fresh:
        page = fresh.new_page()
        page.goto(visitor.page.url + path, wait_until="networkidle")
        page.wait_for_function("() => [...document.querySelectorAll('img')].every(i => i.complete)")
        page.screenshot(path=TARGET / f"{name}.png")


def shoot_all(playwright: Playwright, browser: Browser, visitor: Visitor) -> None:
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    shoot(browser, visitor, "chat", **DESKTOP)
    shoot(browser, visitor, "chat-dark", color_scheme="dark", **DESKTOP)
    shoot(browser, visitor, "chat-phone", **phone)
    shoot(browser, visitor, "settings", "/settings", color_scheme="dark", **phone)


def main(show: Callable[[str], object] = print) -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = WholeRun(Path(folder))
        try:
            with playwright.chromium.launch(executable_path=find_browser(), chromium_sandbox=False) as browser:
                shoot_all(playwright, browser, talk(browser, run.url, Path(folder)))
        finally:
            run.stop()
    show(f"pictures are in {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
