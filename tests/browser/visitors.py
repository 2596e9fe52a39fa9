"""What people do in the browser, in their words."""

import json
import re
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import Any

from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

TIMEOUT = 15_000  # milliseconds
PASSWORD = "correct horse battery"


class Visitor:
    """Somebody in a browser profile of their own."""

    def __init__(self, browser: Browser, url: str, name: str, **context: object) -> None:
        self.url, self.name = url, name
        self.username = f"{name.lower()}-{secrets.token_hex(3)}"
        self.context = browser.new_context(**context)  # type: ignore[arg-type]
        self.context.set_default_timeout(TIMEOUT)
        self.problems: list[str] = []
        self._channels: dict[Page, set[str]] = {}
        self.csrf = ""

    @cached_property
    def page(self) -> Page:
        """The tab in which this person is; opened when it is first asked for."""
        return self.new_page()

    def new_page(self) -> Page:
        """One more tab of the same person. What its script throws is kept in `problems`."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("websocket", lambda socket: self._follow(page, socket))
        return page

    def _follow(self, page: Page, socket: WebSocket) -> None:
        """Keeps which channels of a tab's newest connection the gateway has said yes to."""
        channels = self._channels[page] = set()

        def take(frame: str | bytes) -> None:
            event = json.loads(frame)
            if event["event"] == "pusher_internal:subscription_succeeded":
                channels.add(event["channel"])

        socket.on("framereceived", take)
        socket.on("close", lambda _: channels.clear())

    def is_live(self) -> None:
        """What happens from now on comes as an event: the page is connected and follows each of its channels."""
        wanted = set(self.call("GET", "/api/realtime")["channels"])
        self.until(lambda: self._channels.get(self.page, set()) >= wanted, "the page is live")

    def until(self, true: Callable[[], object], what: str) -> None:
        """Returns once `true()` is; meanwhile the page's events go on."""
        for _ in range(TIMEOUT // 20):
            if true():
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"not within {TIMEOUT / 1000:g} s: {what}")

    def call(self, method: str, path: str, data: Any = None) -> Any:
        """What the API answers this person. Raises AssertionError where it is an error."""
        if not self.csrf:
            self.csrf = self.context.request.get(f"{self.url}/api/auth/session").json()["csrf_token"]
        headers = {"X-CSRF-Token": self.csrf}
        answer = self.context.request.fetch(self.url + path, method=method, headers=headers, data=data)
        assert answer.ok, answer.text()
        return answer.json() if answer.status != 204 else None

    def register(self) -> None:
        """An account, made in one call."""
        asked = {"email": f"{self.username}@example.org", "username": self.username, "password": PASSWORD}
        answer = self.call("POST", "/api/auth/register", {**asked, "display_name": self.name})
        self.csrf, self.id = answer["csrf_token"], answer["user"]["id"]

    def group(self, name: str, *others: "Visitor") -> str:
        """The id of a new group, made in one call."""
        made = self.call(
            "POST", "/api/chats", {"kind": "group", "name": name, "member_ids": [other.id for other in others]}
        )
        return str(made["id"])

    def post(self, chat_id: str, text: str) -> Any:
        """A message sent without the page."""
        return self.call("POST", "/api/messages", {"chat_id": chat_id, "client_id": secrets.token_hex(8), "text": text})

    def enter(self, chat_id: str) -> None:
        """Opens a chat by its address; returns once the page's script has it."""
        self.page.goto(f"{self.url}/c/{chat_id}")
        expect(self.composer).to_be_visible()

    def sign_up(self) -> None:
        """Through the form, as a newcomer does."""
        page = self.page
        page.goto(f"{self.url}/")
        page.get_by_role("link", name="Make an account").click()
        page.get_by_label("E-mail").fill(f"{self.username}@example.org")
        page.get_by_label("Username").fill(self.username)
        page.locator("[name=display_name]").fill(self.name)
        page.locator("[name=password]").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button").last.click()
        expect(page.get_by_role("button", name="New chat").first).to_be_visible()

    def make_group(self, name: str, *others: "Visitor") -> None:
        """Through the dialog; the new group is then open."""
        page = self.page
        page.get_by_role("button", name="New chat").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Group", exact=True).click()
        dialog.get_by_label("Name of the group").fill(name)
        for other in others:
            dialog.get_by_role("searchbox").fill(other.username)
            dialog.get_by_role("button", name=f"@{other.username}").click()
        dialog.locator("button[type=submit]").click()
        self.is_in(name)

    def open_chat(self, name: str) -> None:
        self.page.get_by_role("link", name=re.compile(name)).first.click()
        self.is_in(name)

    def is_in(self, name: str) -> None:
        """This chat is open, and no other."""
        expect(self.page.get_by_role("textbox", name=f"Message {name}", exact=True)).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^Message "))

    def say(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def message(self, text: str) -> Locator:
        """The messages of the open chat that hold this text."""
        return self.page.get_by_role("article").filter(has_text=text)

    def sees(self, text: str) -> None:
        """The message is there once, and the server has it."""
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_have_attribute("data-state", "sent")

    def hears_live(self, other: "Visitor", chat_id: str, text: str) -> None:
        """What `other` says arrives although the page's own questions are answered with nothing new."""
        self.is_live()
        sync, nothing = re.compile("/api/sync$"), {"changed": [], "gone": []}
        self.page.route(sync, lambda route: route.fulfill(json=nothing))
        other.post(chat_id, text)
        self.sees(text)
        self.page.unroute(sync)


# What the fixtures `newcomer` and `visit` are.
Visit = Callable[..., Visitor]
