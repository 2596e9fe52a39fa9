"""Makes the README's pictures from the running product: `make screenshots`.

Four people of a garden party, one bot; ten screens, each on desktop and phone, in light and dark.
"""

import io
import json
import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.chromium import find_browser
from tests.browser.visitors import Visitor
from tests.whole import WholeRun

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
Step = Callable[[Page], object]


@dataclass(frozen=True)
class Screen:
    """A page by its path, and what is done there; `known`: seen by somebody who is signed in."""

    path: str
    then: Step | None = None
    known: bool = True


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
        visitor.username = visitor.name.lower()
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
    whisper(cook, host, "Do you have a big pot for Saturday?")
    whisper(painter, host, "The lanterns are ready.")
    host.call("PATCH", f"/api/chats/{host.page.url[-24:]}", {"favourite": True})
    host.page.wait_for_function("() => [...document.querySelectorAll('article img')].every(i => i.naturalWidth)")
    return host


def whisper(visitor: Visitor, other: Visitor, text: str) -> None:
    """In a chat of both alone."""
    other_id = other.call("GET", "/api/users/me")["id"]
    chat = visitor.call("POST", "/api/chats", {"kind": "direct", "user_id": other_id})
    visitor.post(chat["id"], text)


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


def screens(chat: str) -> dict[str, Screen]:
    """Where each is, and what is done there before it is shown."""

    def press(keys: str) -> Step:
        def then(page: Page) -> None:
            expect(page.get_by_role("textbox", name=re.compile("^Message "))).to_be_visible()
            page.keyboard.press(keys)
            expect(page.get_by_role("dialog")).to_be_visible()

        return then

    def new_group(page: Page) -> None:
        page.goto(page.url.partition("/c/")[0] + "/c")
        page.get_by_role("button", name="New chat").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Group", exact=True).click()
        page.get_by_label("Name of the group").fill("Lanterns")
        page.get_by_role("dialog").get_by_role("button", name=re.compile("Cook")).click()

    def open_webhook(page: Page) -> None:
        page.get_by_role("link", name="Open Weather").click()
        expect(page.get_by_role("heading", name="Weather")).to_be_visible()

    return {
        "chat": Screen(chat),
        "chats": Screen("/c"),
        "switcher": Screen(chat, press("Control+k")),
        "new-chat": Screen(chat, new_group),
        "sign-in": Screen("/login", known=False),
        "settings": Screen("/settings"),
        "group-settings": Screen(f"{chat}/settings"),
        "webhook": Screen(f"{chat}/settings", open_webhook),
        "admin": Screen("/admin"),
        "nothing": Screen("/nowhere"),
    }


def shoot(page: Page, url: str, name: str, screen: Screen) -> None:
    page.goto(url + screen.path)
    page.wait_for_function("() => [...document.querySelectorAll('img')].every(i => i.complete)")
    if screen.then:
        screen.then(page)
    page.wait_for_timeout(300)  # what the last step set in motion: a picture, not a test
    drawn = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    drawn.convert("RGB").save(TARGET / f"{name}.webp", quality=80, method=6)


def shoot_all(playwright: Playwright, browser: Browser, host: Visitor) -> None:
    """`<screen>[-phone][-dark].webp`"""
    pixel = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    sizes = {"": DESKTOP, "-phone": {**pixel, "device_scale_factor": 1.5}}
    for size, context in sizes.items():
        for look in ("light", "dark"):
            ending = size + ("-dark" if look == "dark" else "")
            known = browser.new_context(storage_state=host.context.storage_state(), color_scheme=look, **context)
            stranger = browser.new_context(color_scheme=look, **context)
            with known, stranger:
                inside, outside = known.new_page(), stranger.new_page()
                for name, screen in screens(urlsplit(host.page.url).path).items():
                    shoot(inside if screen.known else outside, host.url, name + ending, screen)


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
