"""What people do in the browser, in their words."""

import re
import secrets

from playwright.sync_api import Browser, Locator, Page, expect

TIMEOUT = 15_000  # milliseconds


class Visitor:
    """Somebody in a browser profile of their own."""

    def __init__(self, browser: Browser, url: str, name: str, **context: object) -> None:
        self.url, self.name = url, name
        self.username = f"{name.lower()}-{secrets.token_hex(3)}"
        self.context = browser.new_context(**context)  # type: ignore[arg-type]
        self.context.set_default_timeout(TIMEOUT)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def sign_up(self) -> None:
        """Through the form, as a newcomer does."""
        page = self.page
        page.goto(f"{self.url}/")
        page.get_by_role("link", name="Make an account").click()
        page.get_by_label("E-mail").fill(f"{self.username}@example.org")
        page.get_by_label("Username").fill(self.username)
        page.locator("[name=display_name]").fill(self.name)
        page.locator("[name=password]").fill("correct horse battery")
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
        """The message is there once, and no longer pending."""
        expect(self.message(text)).to_have_count(1)
        expect(self.page.locator("[data-state=pending]").filter(has_text=text)).to_have_count(0)
