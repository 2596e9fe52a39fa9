"""A webhook's pages in the browser, as a newcomer finds them: all of it without script, and a look at them with it."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_looks import AXE, FAULTS, RULES, TOO_WIDE
from tests.browser.visitors import Visitor
from tests.receivers import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def plain(browser: Browser, ada: Visitor) -> Iterator[Page]:
    """Ada's browser, without script."""
    with browser.new_context(java_script_enabled=False, storage_state=ada.context.storage_state()) as context:
        yield context.new_page()


def curl(line: str) -> str:
    """What a copied line answers."""
    return subprocess.run(["sh", "-c", line.replace("curl", "curl -s", 1)], capture_output=True, text=True).stdout


def test_an_incoming_webhook_is_made_tried_mended_and_closed_without_script(ada: Visitor, plain: Page) -> None:
    chat = ada.group("Garden")
    plain.goto(f"{ada.url}/c/{chat}/settings")
    plain.get_by_label("Name of a new webhook").fill("Builds")
    plain.get_by_role("button", name="Make webhook").first.click()
    expect(plain.get_by_role("heading", name="“Builds” is ready")).to_be_visible()
    plain.get_by_text("Addresses for other programs").click()
    lines = plain.locator(".copy", has_text="curl ").all_inner_texts()
    assert curl(lines[0]) == "ok"
    discord = next(line for line in lines if line.endswith("/discord"))
    assert curl(discord) == ""
    address = re.search(r"http\S+/hooks/[\w-]+$", lines[0])
    assert address and "no_text" in curl(f"curl -d '{{}}' {address[0]}")

    rows = plain.locator(".delivery")

    def kept() -> int:
        plain.get_by_role("link", name="Refresh").click()
        return rows.count()

    ada.until(lambda: kept() == 3, "all three requests are kept")  # they are not written for a majority
    assert address[0] not in plain.content()
    failed = rows.filter(has_text="No text specified.")
    expect(failed.get_by_text("Refused")).to_be_visible()
    failed.locator("summary").click()
    expect(failed.get_by_text("no_text", exact=True)).to_be_visible()
    plain.get_by_role("link", name="Refused", exact=True).click()
    expect(rows).to_have_count(1)
    plain.get_by_role("link", name="All", exact=True).click()
    taken = rows.filter(has_text="post.discord")
    taken.locator("summary").click()
    taken.get_by_role("button", name="Receive it again").click()
    expect(plain.get_by_role("status")).to_have_text("Received: posted.")
    plain.get_by_role("button", name="Receive all refused again").click()
    expect(plain.get_by_role("status")).to_have_text("One was received again.")
    plain.get_by_role("button", name="Send a test").click()
    expect(rows).to_have_count(4)
    said = [message["text"] for message in ada.call("GET", f"/api/messages?chat={chat}")["messages"]]
    assert said == ["hello", "hello", "hello", "This is a test of the webhook Builds."]

    plain.get_by_role("button", name="Switch off").click()
    expect(plain.get_by_text("nothing is kept of what they send")).to_be_visible()
    assert curl(lines[0]) == "no_service"
    plain.get_by_role("button", name="Switch on").click()
    plain.locator("summary", has_text="Delete").click()
    plain.get_by_role("button", name="Yes, delete").click()
    expect(plain.get_by_role("status")).to_have_text("Builds is deleted.")
    assert curl(lines[0]) == "no_service"


def test_an_outgoing_webhook_is_told_fails_and_is_told_again_without_script(
    ada: Visitor, plain: Page, receiver: Receiver
) -> None:
    chat = ada.group("Garden")
    plain.goto(f"{ada.url}/c/{chat}/settings")
    plain.get_by_text("New outgoing webhook…").click()
    form = plain.locator("form[action$='/webhooks/outgoing']")
    form.get_by_label("Name", exact=True).fill("Relay")
    form.get_by_label("Address that is told").fill("http://169.254.169.254/")
    form.get_by_role("button", name="Make webhook").click()
    expect(form.get_by_label("Address that is told")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Relay")
    form.get_by_label("Address that is told").fill(receiver.url)
    form.get_by_role("button", name="Make webhook").click()
    expect(plain.get_by_text(re.compile("^whsec_"))).to_be_visible()

    plain.get_by_role("button", name="Send a test").click()
    ada.until(lambda: receiver.got, "the test arrives")
    rows = plain.locator(".delivery")

    def delivered() -> bool:
        plain.get_by_role("link", name="Refresh").click()
        return rows.get_by_text("Delivered").count() == 1

    ada.until(delivered, "the page says that it was delivered")
    plain.get_by_label("Name", exact=True).fill("Ear")
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_role("heading", name="Ear")).to_be_visible()
    rows.locator("summary").click()
    expect(rows.get_by_text("This is a test of the webhook Relay.")).to_be_visible()
    rows.get_by_role("button", name="Deliver it again").click()
    expect(plain.get_by_role("status")).to_have_text("It is on its way again.")
    ada.until(lambda: len(receiver.got) == 2, "it arrives again")
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


def test_a_bot_of_ones_own_is_made_and_its_line_works(ada: Visitor, plain: Page) -> None:
    plain.goto(f"{ada.url}/settings")
    name = f"echo-{ada.username}"
    plain.get_by_label("Username of a new bot").fill(name)
    plain.get_by_role("button", name="Make bot").click()
    line = plain.locator(".copy", has_text="curl ").inner_text()
    assert '"chats"' in curl(line)
    row = plain.get_by_role("listitem").filter(has_text=name)
    row.locator("summary", has_text="New token").click()
    row.get_by_role("button", name="Yes, a new token").click()
    assert '"chats"' in curl(plain.locator(".copy", has_text="curl ").inner_text())
    assert "unauthenticated" in curl(line)
    row.locator("summary", has_text="Delete").click()
    row.get_by_role("button", name="Yes, delete").click()
    expect(plain.get_by_role("listitem").filter(has_text=name)).to_have_count(0)


def fill(ada: Visitor, address: str) -> list[str]:
    """A chat's webhooks of all kinds, with deliveries of all states; the paths of their pages."""
    chat = ada.group("Garden")
    wide = {"text": "w" * 300}
    made = [
        ada.call("POST", f"/api/chats/{chat}/webhooks", {"name": "W" * 60, "url": address, **kind})
        for kind in ({"kind": "outgoing", "format": "events"}, {"kind": "command", "command": "deploy"})
    ]
    made.append(ada.call("POST", f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}))
    for content in (wide, {}):
        ada.context.request.post(made[-1]["url"], data=content)
    ada.call("POST", f"/api/webhooks/{made[0]['id']}/test")
    base = f"{ada.url}/c/{chat}/settings"
    return [base, *(f"{base}/webhooks/{each['id']}" for each in made), f"{ada.url}/settings"]


def test_the_pages_are_good_to_read_and_fit_a_narrow_screen(browser: Browser, ada: Visitor, receiver: Receiver) -> None:
    pages, state = fill(ada, receiver.url), ada.context.storage_state()
    for width, height in ((320, 640), (1280, 800)):
        with browser.new_context(
            storage_state=state, reduced_motion="reduce", viewport={"width": width, "height": height}
        ) as context:
            page = context.new_page()
            for path in pages:
                page.goto(path)
                page.evaluate("() => document.querySelectorAll('details').forEach(each => each.open = true)")
                assert page.evaluate(TOO_WIDE) == [], path
                page.evaluate(AXE)
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    assert page.evaluate(FAULTS, RULES) == [], (path, scheme)
