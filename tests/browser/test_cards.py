"""Rich cards in a real browser: what a sender tells is seen live, stays within the page, and runs nothing."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitors import Visit, Visitor
from tests.integrations.payloads import payload

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 320, "height": 640}}
HOSTILE = {
    "attachments": [
        {
            "color": "#ffffff",
            "title": "<img src=x onerror=alert(1)>" + "long" * 200,
            "title_link": "javascript:alert(1)",
            "text": "<script>alert(1)</script> *bold*",
            "fields": [{"title": "<b>f</b>", "value": "v" * 2000, "short": True}],
            "footer": "\u202egnp.exe",
        }
    ]
}


def hook_of(visitor: Visitor, chat: str) -> str:
    """The path of a new webhook of the chat."""
    url: str = visitor.call("POST", f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Monitor"})["url"]
    return "/hooks/" + url.rpartition("/")[2]


def post(visitor: Visitor, path: str, body: object) -> None:
    answer = visitor.context.request.post(visitor.url + path, data=body)
    assert answer.ok, answer.text()


@pytest.mark.parametrize("size", SIZES)
def test_a_card_is_seen_live_changes_with_its_alert_and_stays_within_the_page(visit: Visit, size: str) -> None:
    ada = visit("Ada", viewport=SIZES[size])
    chat = ada.group("Alerts")
    ada.enter(chat)
    hook = hook_of(ada, chat)
    post(ada, f"{hook}/alertmanager", payload("alertmanager_firing"))
    card = ada.page.locator(".card").first
    expect(card).to_contain_text("FIRING")
    expect(ada.page.locator("article")).to_have_count(1)
    post(ada, f"{hook}/alertmanager", payload("alertmanager_resolved"))
    expect(card).to_contain_text("RESOLVED")
    expect(ada.page.locator("article")).to_have_count(1)
    post(ada, hook, HOSTILE)
    hostile = ada.page.locator("article").nth(1).locator(".card")
    expect(hostile).to_contain_text("<img src=x onerror=alert(1)>")
    expect(hostile.locator("strong")).to_have_text("bold")
    expect(hostile.locator("img, script, a")).to_have_count(0)
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    box = hostile.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= SIZES[size]["width"]


def test_a_card_is_readable_without_script_said_once_and_loads_nothing(visit: Visit) -> None:
    ada = visit("Ada", java_script_enabled=False)
    chat = ada.group("Builds")
    hook = hook_of(ada, chat)
    post(ada, f"{hook}/discord", payload("discord_embed"))
    post(ada, hook, HOSTILE)
    asked: list[str] = []
    ada.context.on("request", lambda request: asked.append(request.url))
    ada.page.goto(f"{ada.url}/c/{chat}")
    first, hostile = ada.page.locator("article").all()
    expect(first.get_by_text("Build 7")).to_have_count(1)
    picture = payload("discord_embed")["embeds"][0]["image"]["url"]
    expect(first.get_by_role("link", name="Picture")).to_have_attribute("href", picture)
    expect(hostile).to_contain_text("<script>alert(1)</script>")
    expect(hostile.locator("img, script, a")).to_have_count(0)
    assert asked and all(url.startswith(ada.url) for url in asked), asked
