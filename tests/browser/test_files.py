"""Files in the composer and in the log: chosen, pasted or dropped; a row with name, size and a download in the end."""

import base64
import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.test_pictures import HANDED_OVER
from tests.browser.visitors import Visitor

PAGE = b"<!doctype html><title>run</title><script>document.title='it ran'</script>"
LONG = "Protokoll der Sitzung vom 22. November, überarbeitet und ergänzt.html"


def hand_over(target: Locator, kind: str, name: str, data: bytes) -> None:
    script = HANDED_OVER.replace("image/jpeg", "text/html")
    target.evaluate(script, [kind, name, base64.b64encode(data).decode()])


def link(visitor: Visitor, text: str, name: str) -> Locator:
    return visitor.message(text).get_by_role("link", name=f"Download {name}, ")


def test_chosen_pasted_and_dropped_files_are_sent_and_saved_whole(
    ada: Visitor, bob: Visitor, chat: str, tmp_path: Path
) -> None:
    bob.enter(chat)
    chosen = {"name": LONG, "mimeType": "text/html", "buffer": PAGE}
    ada.page.locator("input[type=file]").first.set_input_files([chosen])  # type: ignore[arg-type]
    hand_over(ada.composer, "paste", "pasted.html", b"pasted")
    hand_over(ada.page.get_by_role("log"), "drop", "dropped.html", b"x" * 1536)
    for name in (LONG, "pasted.html", "dropped.html"):
        expect(ada.page.get_by_role("button", name=f"Remove {name}")).to_be_visible()
    ada.page.get_by_role("button", name="Remove pasted.html").click()
    ada.say("the papers")
    for visitor in (ada, bob):
        visitor.sees("the papers")
        expect(link(visitor, "the papers", "dropped.html")).to_have_text(re.compile(r"dropped\.html.*1\.5 kB"))
        expect(link(visitor, "the papers", LONG)).to_have_attribute("title", LONG)
        expect(visitor.message("the papers").get_by_role("link")).to_have_count(2)
    with bob.page.expect_download() as saved:
        link(bob, "the papers", LONG).click()
    assert saved.value.suggested_filename == LONG
    assert Path(saved.value.path()).read_bytes() == PAGE
    # Also where somebody follows its address, it is saved and not opened.
    address = link(bob, "the papers", LONG).get_attribute("href") or ""
    with bob.page.expect_download():
        bob.page.evaluate("address => { location.href = address }", address)
    expect(bob.page).not_to_have_title("it ran")


def test_a_file_that_no_text_goes_with_is_named_in_the_list_and_without_script(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    hand_over(ada.composer, "paste", "alone.html", PAGE)
    expect(ada.page.get_by_role("button", name="Remove alone.html")).to_be_visible()
    ada.composer.press("Enter")
    row = ada.page.get_by_role("link", name="Download alone.html, ")
    expect(row).to_have_count(1)
    expect(ada.page.locator(".sidebar .preview").first).to_have_text("You: File")
    # By keys: the log is one stop, its messages are walked, Enter goes to what can be done with one, arrows beyond.
    ada.page.get_by_role("article").last.focus()
    ada.page.keyboard.press("Enter")
    ada.page.keyboard.press("ArrowLeft")
    expect(row).to_be_focused()
    plain = bob.context.browser.new_context(java_script_enabled=False, storage_state=bob.context.storage_state())  # type: ignore[union-attr]
    page = plain.new_page()
    page.goto(f"{bob.url}/c/{chat}")
    expect(page.get_by_role("link", name=re.compile("alone.html"))).to_have_attribute("href", re.compile("/file$"))
    expect(page.locator(".sidebar .preview").first).to_have_text("File")
    plain.close()


def test_a_file_that_cannot_be_taken_says_why(ada: Visitor, chat: str) -> None:
    ada.page.evaluate("() => { window.big = new File([new Uint8Array(11 * 1024 * 1024)], 'big.iso') }")
    ada.composer.evaluate("""area => {
        const transfer = new DataTransfer();
        transfer.items.add(window.big);
        area.dispatchEvent(new ClipboardEvent("paste", {bubbles: true, cancelable: true, clipboardData: transfer}));
    }""")
    expect(ada.page.get_by_text("big.iso is too large: 10 MB at most.")).to_be_visible()
    hand_over(ada.composer, "paste", "nothing.html", b"")
    expect(ada.page.get_by_text("nothing.html is empty.")).to_be_visible()
    # What is called a picture and is none: the server's words stand at its chip.
    hand_over(ada.composer, "paste", "photo.png", PAGE)
    expect(ada.page.locator(".chip.failed")).to_have_attribute("title", re.compile("is no JPEG, PNG, WebP or GIF"))
    ada.page.get_by_role("button", name="Remove photo.png").click()


def test_an_upload_of_a_file_can_be_cancelled_and_one_that_broke_off_tried_again(ada: Visitor, chat: str) -> None:
    ada.page.route(re.compile("/api/media$"), lambda route: None)  # it hangs
    hand_over(ada.composer, "paste", "slow.html", PAGE)
    expect(ada.page.locator(".chip.uploading progress")).to_be_visible()
    ada.page.get_by_role("button", name="Remove slow.html").click()
    expect(ada.page.locator(".chip")).to_have_count(0)
    ada.page.unroute_all()
    ada.page.route(re.compile("/api/media$"), lambda route: route.abort())
    hand_over(ada.composer, "paste", "broken.html", PAGE)
    again = ada.page.get_by_role("button", name="Try broken.html again")
    expect(again).to_be_visible()
    ada.page.unroute_all()
    again.click()
    ada.say("at last")
    expect(link(ada, "at last", "broken.html")).to_be_visible()
