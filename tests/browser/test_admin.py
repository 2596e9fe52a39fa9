"""The admin's ways to the same maintenance: the command line and the pages, done by the real worker; and the pages as
everybody needs them: by keyboard, on a phone, in the dark, without script.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.test_looks import AXE, FAULTS, RULES, TOO_WIDE
from tests.browser.visitors import PASSWORD, Visit, Visitor
from tests.whole import WholeRun

PAGES = ("", "/users", "/chats", "/webhooks", "/maintenance", "/maintenance?follow=1", "/dead", "/settings")


@pytest.fixture(scope="module")
def boss(browser: Browser, whole: WholeRun) -> Iterator[Visitor]:
    """An admin, made on the command line; `id` is the account's."""
    visitor = Visitor(browser, whole.url, "Boss")
    made = whole.command("admin", "create", f"{visitor.username}@example.org", visitor.username, said=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    answer = visitor.call("POST", "/api/auth/login", {"login": visitor.username, "password": PASSWORD})
    visitor.csrf, visitor.id = answer["csrf_token"], answer["user"]["id"]
    chat = visitor.group("A group whose name is so long that it breaks on every screen")
    visitor.post(chat, "hello")
    visitor.call("POST", f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"})
    yield visitor
    visitor.context.close()


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest, playwright: Playwright) -> dict[str, Any]:
    """What makes a browser of this size."""
    if request.param == "desktop":
        return {"viewport": {"width": 1280, "height": 800}}
    return {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}


def test_an_admin_made_on_the_command_line_follows_maintenance_on_the_page_to_its_end(
    whole: WholeRun, page: Page
) -> None:
    name, password = f"keeper-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    made = whole.command("admin", "create", f"{name}@example.org", name, said=password + "\n")
    assert made.returncode == 0, made.stderr
    page.goto(f"{whole.url}/admin/maintenance")
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("main").get_by_role("button").last.click()
    expect(page.get_by_role("heading", name="Maintenance").first).to_be_visible()
    page.get_by_role("button", name="Only count spooled-files").click()
    newest = page.get_by_label("Runs, the newest first").get_by_role("listitem").first
    expect(newest).to_contain_text("Done")  # the page asks again by itself
    expect(newest).to_contain_text("spooled-files")
    expect(newest).to_contain_text("Only counted")
    expect(newest).to_contain_text(name)
    expect(page.get_by_role("link", name="Refresh")).to_be_visible()  # there is nothing more to follow


def test_all_of_it_is_done_by_keyboard_and_without_script(
    browser: Browser, boss: Visitor, visit: Visit, playwright: Playwright
) -> None:
    guest = visit("Guest")
    with browser.new_context(storage_state=boss.context.storage_state(), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{boss.url}/admin")
        press_on(page, page.get_by_label("Admin", exact=True).get_by_role("link", name="Users"))
        page.get_by_role("searchbox").focus()
        page.keyboard.type(guest.username)
        page.keyboard.press("Enter")
        press_on(page, page.get_by_role("link", name=f"Look at Guest, @{guest.username}"))
        press_on(page, page.locator("summary", has_text="Disable"))
        press_on(page, page.get_by_role("button", name="Yes, disable"))
        expect(page.get_by_role("status")).to_contain_text("Guest is disabled")
        expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
        assert guest.context.request.get(f"{guest.url}/api/users/me").status == 401
        press_on(page, page.get_by_role("button", name="Enable Guest"))
        expect(page.get_by_role("status")).to_contain_text("can sign in again")
        page.goto(f"{boss.url}/admin")
        expect(page.get_by_text(f"disabled: {guest.username}")).to_be_visible()


def press_on(page: Page, target: Any) -> None:
    """Reaches it by Tab alone, from the top of the page, and presses Enter there."""
    page.locator("body").press("Control+Home")
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("each => each === document.activeElement"):
            break
    else:
        raise AssertionError(f"Tab does not lead to {target}")
    page.keyboard.press("Enter")


def every_page(page: Page, boss: Visitor) -> list[str]:
    """One account's and one chat's among them."""
    page.goto(f"{boss.url}/admin/chats")
    chat = page.get_by_role("link", name="Look at").first.get_attribute("href") or ""
    return [*PAGES, f"/users/{boss.id}", chat.removeprefix("/admin")]


def test_no_page_of_the_admins_breaks_a_rule_of_accessibility(
    browser: Browser, boss: Visitor, size: dict[str, Any]
) -> None:
    found: list[str] = []
    with browser.new_context(storage_state=boss.context.storage_state(), reduced_motion="reduce", **size) as context:
        page = context.new_page()
        for path in every_page(page, boss):
            page.goto(f"{boss.url}/admin{path}")
            for summary in page.locator("summary").all():
                summary.click()  # what is folded away has to be read, too
            page.evaluate(AXE)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found.extend(f"{path}, {scheme}: {fault}" for fault in page.evaluate(FAULTS, RULES))
    assert not found, "\n".join(found)


def test_no_page_of_the_admins_is_wider_than_a_narrow_screen(browser: Browser, boss: Visitor) -> None:
    narrow: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
    with browser.new_context(storage_state=boss.context.storage_state(), **narrow) as context:
        page = context.new_page()
        for path in every_page(page, boss):
            page.goto(f"{boss.url}/admin{path}")
            for summary in page.locator("summary").all():
                summary.click()
            assert page.evaluate(TOO_WIDE) == [], path


def test_retention_is_turned_on_on_a_phone_and_only_where_that_is_meant(
    whole: WholeRun, browser: Browser, boss: Visitor, playwright: Playwright
) -> None:
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    with browser.new_context(storage_state=boss.context.storage_state(), **phone) as context:
        page = context.new_page()
        page.goto(f"{boss.url}/admin/settings")
        days = page.get_by_label("Keep messages for so many days")
        days.fill("3000")
        page.get_by_role("button", name="Save").tap()
        expect(page.get_by_text("blanked for ever").first).to_be_visible()
        expect(days).to_have_value("3000")
        page.get_by_label("That is meant").tap()
        page.get_by_role("button", name="Save").tap()
        expect(page.get_by_role("status")).to_contain_text("Saved")
        expect(days).to_have_value("3000")
        days.fill("")
        page.get_by_role("button", name="Save").tap()
        expect(days).to_have_value("")


def test_an_owner_lets_messages_vanish_on_a_phone_and_members_read_so(
    browser: Browser, boss: Visitor, visit: Visit, playwright: Playwright
) -> None:
    guest = visit("Guest")
    chat = boss.group("Short memory", guest)
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    with browser.new_context(storage_state=boss.context.storage_state(), **phone) as context:
        page = context.new_page()
        page.goto(f"{boss.url}/c/{chat}/settings")
        page.get_by_label("Keep messages for so many days").fill("30")
        page.get_by_role("button", name="Save").tap()
        page.get_by_label("That is meant").tap()
        page.get_by_role("button", name="Save").tap()
        expect(page.get_by_text("30 days after they were sent")).to_be_visible()
        page.evaluate(AXE)
        assert page.evaluate(FAULTS, RULES) == [] and page.evaluate(TOO_WIDE) == []
    seen = guest.context.new_page()
    seen.goto(f"{guest.url}/c/{chat}")
    expect(seen.get_by_text(f"{boss.username} set messages to vanish after 30 days")).to_be_visible()
    seen.goto(f"{guest.url}/c/{chat}/settings")
    expect(seen.get_by_text("30 days after they were sent")).to_be_visible()
    expect(seen.get_by_label("Keep messages for so many days")).to_have_count(0)


def test_the_command_line_follows_a_task_to_its_end(whole: WholeRun) -> None:
    ran = whole.command("maintenance", "run", "expired-sessions", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "done" in ran.stdout and "expired=" in ran.stdout


def test_wrong_commands_say_what_is_wrong_and_change_nothing(whole: WholeRun) -> None:
    unknown = whole.command("maintenance", "run", "no-such-task")
    assert unknown.returncode == 1 and "expired-sessions" in unknown.stderr
    nobody = whole.command("admin", "promote", "nobody-at-all")
    assert nobody.returncode == 1 and "nobody-at-all" in nobody.stderr
    short = whole.command("admin", "create", "x@example.org", "shorty", said="short\n")
    assert short.returncode == 1 and "password" in short.stderr
    assert whole.command("admin", "promote", "shorty").returncode == 1
