"""Pictures in the composer and in the log: chosen, pasted or dropped; shown in the end, or failed with a Retry."""

import base64
import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.visitors import Visitor

HANDED_OVER = """(target, [kind, name, data]) => {
    const bytes = Uint8Array.from(atob(data), each => each.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type: "image/jpeg"}));
    const options = {bubbles: true, cancelable: true, composed: true};
    if (kind === "paste")
        target.dispatchEvent(new ClipboardEvent("paste", {...options, clipboardData: transfer}));
    else for (const step of ["dragover", "drop"])
        target.dispatchEvent(new DragEvent(step, {...options, dataTransfer: transfer}));
}"""
LOADED = "() => document.querySelector('article img')?.naturalWidth > 0"


@pytest.fixture(scope="module")
def photo() -> bytes:
    data = io.BytesIO()
    Image.effect_noise((400, 300), 90).convert("RGB").save(data, "jpeg")
    return data.getvalue()


def hand_over(target: Locator, kind: str, name: str, data: bytes) -> None:
    target.evaluate(HANDED_OVER, [kind, name, base64.b64encode(data).decode()])


def test_pasted_and_dropped_pictures_are_sent_with_the_text(
    ada: Visitor, bob: Visitor, chat: str, photo: bytes
) -> None:
    bob.enter(chat)
    hand_over(ada.composer, "paste", "pasted.jpg", photo)
    hand_over(ada.page.get_by_role("log"), "drop", "dropped.jpg", photo)
    for name in ("pasted.jpg", "dropped.jpg"):
        expect(ada.page.get_by_role("img", name=name)).to_be_visible()
    ada.say("two of them")
    expect(ada.page.get_by_role("button", name="Remove pasted.jpg")).to_have_count(0)
    for visitor in (ada, bob):
        visitor.sees("two of them")
        for name in ("pasted.jpg", "dropped.jpg"):
            expect(visitor.message("two of them").get_by_role("button", name=f"Open picture {name}")).to_be_enabled()
    bob.page.wait_for_function(LOADED)
    bob.message("two of them").get_by_role("button", name="Open picture dropped.jpg").click()
    expect(bob.page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    bob.page.keyboard.press("Escape")
    expect(bob.page.get_by_role("dialog")).to_have_count(0)


def test_a_picture_that_cannot_be_read_is_shown_as_failed_and_can_be_tried_again(
    ada: Visitor, bob: Visitor, chat: str, photo: bytes
) -> None:
    bob.enter(chat)
    hand_over(ada.composer, "paste", "half.jpg", photo[: len(photo) // 2])
    ada.say("only half of it")
    failed = ada.message("only half of it").locator(".picture-failed")
    expect(failed).to_contain_text("half.jpg")
    expect(bob.message("only half of it").locator(".picture-failed")).to_contain_text("half.jpg")
    expect(bob.message("only half of it").get_by_role("button", name="Retry")).to_have_count(0)
    with ada.page.expect_response(re.compile("/retry$")) as again:
        failed.get_by_role("button", name="Retry").click()
    assert again.value.ok
    expect(failed.get_by_role("button", name="Retry")).to_be_visible()
    ada.page.reload()
    expect(failed.get_by_role("button", name="Retry")).to_be_visible()


def test_an_upload_that_breaks_off_can_be_tried_again_or_removed(ada: Visitor, chat: str, photo: bytes) -> None:
    ada.page.route(re.compile("/api/media$"), lambda route: route.abort())
    hand_over(ada.composer, "paste", "sky.jpg", photo)
    retry = ada.page.get_by_role("button", name="Try sky.jpg again")
    expect(retry).to_be_visible()
    ada.page.unroute_all()
    retry.click()
    expect(retry).to_have_count(0)
    ada.say("the sky")
    ada.sees("the sky")
    expect(ada.message("the sky").get_by_role("button", name="Open picture sky.jpg")).to_be_enabled()
