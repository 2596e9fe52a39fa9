"""Pictures in the log and in the large view: still where that is wanted, described, at rest, and walked through."""

import io
import re

from PIL import Image
from playwright.sync_api import Dialog, Locator, Playwright, Route, expect

from tests.browser.albums import TALL, as_file, moving, show, still, upload
from tests.browser.test_looks import faults
from tests.browser.visitors import Visit, Visitor

ALT = "A cat that blinks"
SHIFTS = """() => new Promise(resolve => {
    const seen = [];
    new PerformanceObserver(list => seen.push(...list.getEntries())).observe({type: "layout-shift", buffered: true});
    setTimeout(() => resolve(seen.map(each => each.value)), 100);
})"""
BOXES = """() => [...document.querySelectorAll("article img")].map(each => {
    const {width, height} = each.getBoundingClientRect();
    return [Math.round(width), Math.round(height)];
})"""
LOADED = "() => [...document.querySelectorAll('article img')].every(each => each.complete && each.naturalWidth > 0)"


def frame_of(picture: Locator) -> bytes:
    """The colour in its middle, as it is on the screen now."""
    shown = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    return bytes(round(level / 64) for level in shown.getpixel((shown.width // 2, shown.height // 3)))  # type: ignore[union-attr]


def viewer(visitor: Visitor) -> Locator:
    return visitor.page.locator(".lightbox")


def test_what_moves_is_still_until_it_is_played_where_less_motion_is_asked_for(visit: Visit, bob: Visitor) -> None:
    ada = visit("Ada", reduced_motion="reduce")
    chat = ada.group("Cats", bob)
    media = upload(bob, moving(), "cat.gif")
    bob.call("PATCH", f"/api/media/{media}", {"alt": ALT})
    show(bob, chat, "look", media)
    ada.enter(chat)
    row = ada.message("look")
    picture = row.get_by_role("img", name=ALT, include_hidden=True)
    expect(picture).to_have_attribute("src", f"/media/{media}/still")
    row.get_by_role("button", name="Play cat.gif").click()
    expect(picture).to_have_attribute("src", f"/media/{media}/thumb")
    row.get_by_role("button", name="Stop cat.gif").click()
    row.get_by_role("button", name=f"Open picture {ALT}").click()
    large = viewer(ada).get_by_role("img", name=ALT)
    expect(large).to_have_attribute("src", f"/media/{media}/still")
    viewer(ada).get_by_role("button", name="Play cat.gif").click()
    expect(large).to_have_attribute("src", f"/media/{media}/full")
    bob.enter(chat)  # asked for no less motion
    expect(bob.message("look").locator("img")).to_have_attribute("src", f"/media/{media}/thumb")
    ada.page.keyboard.press("Escape")
    for visitor, frames in ((ada, 1), (bob, 2)):
        own = as_file("own.gif", moving(), "image/gif")
        visitor.page.locator("input[type=file]").first.set_input_files(own)
        chip = visitor.page.get_by_role("img", name="own.gif")
        expect(chip).to_have_js_property("naturalWidth", 320)
        expect(visitor.page.get_by_role("progressbar")).to_have_count(0)
        assert len({frame_of(chip) for _ in range(20)}) == frames


def test_without_script_what_moves_is_still_where_less_motion_is_asked_for(visit: Visit, bob: Visitor) -> None:
    ada = visit("Ada", java_script_enabled=False, reduced_motion="reduce")
    chat = ada.group("Cats", bob)
    media = upload(bob, moving(), "cat.gif")
    bob.call("PATCH", f"/api/media/{media}", {"alt": ALT})
    show(bob, chat, "look", media)
    for motion, shown in (("reduce", "still"), ("no-preference", "thumb")):
        ada.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        ada.page.goto(f"{ada.url}/c/{chat}")
        expect(ada.page.get_by_role("img", name=ALT)).to_have_js_property(
            "currentSrc", f"{ada.url}/media/{media}/{shown}"
        )


def test_a_picture_is_described_before_and_after_it_is_sent_and_others_see_the_words_at_once(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    bob.enter(chat)
    page = ada.page
    page.locator("input[type=file]").first.set_input_files(as_file("sky.jpg", still()))
    opener = page.get_by_role("button", name="Describe sky.jpg")
    opener.click()
    dialog = page.get_by_role("dialog", name="Describe this picture")
    assert faults(page) == []
    dialog.get_by_role("textbox").fill("A teal sky")
    dialog.get_by_role("button", name="Save").click()
    expect(opener).to_be_focused()
    ada.say("the sky")
    for visitor in (ada, bob):
        expect(visitor.message("the sky").get_by_role("button", name="Open picture A teal sky")).to_be_enabled()
    ada.message("the sky").get_by_role("button", name="Open picture").click()
    expect(viewer(ada).locator(".caption")).to_have_text("A teal sky")
    assert faults(page) == []
    viewer(ada).get_by_role("button", name="Describe").click()
    dialog.get_by_role("textbox").fill("The sky over <b>Bergen</b>")
    dialog.get_by_role("button", name="Save").click()
    expect(viewer(ada).locator(".caption")).to_have_text("The sky over <b>Bergen</b>")
    bob.message("the sky").get_by_role("button", name="Open picture The sky over <b>Bergen</b>").click()
    expect(viewer(bob).get_by_role("button", name="Describe")).to_have_count(0)
    # Gone while it is looked at.
    message = ada.call("GET", f"/api/messages?chat={chat}")["messages"][-1]["id"]
    ada.call("DELETE", f"/api/messages/{message}")
    for visitor in (ada, bob):
        expect(viewer(visitor)).to_have_count(0)


def test_albums_take_their_room_before_they_load_and_are_walked_through(ada: Visitor, bob: Visitor, chat: str) -> None:
    media = [upload(bob, still((400 + 60 * n, 300), "teal"), f"p{n}.jpg") for n in range(12)]
    show(bob, chat, "six", *media[:6])
    show(bob, chat, "three", *media[6:9])
    show(bob, chat, "one", upload(bob, still(TALL), "tall.jpg"))
    # Thumbs come long after the page stands; every shift from its first byte on is counted.
    held: list[Route] = []
    thumbs = re.compile("/thumb$")
    ada.page.route(thumbs, lambda route: held.append(route))
    ada.page.goto(f"{ada.url}/c/{chat}", wait_until="domcontentloaded")
    expect(ada.composer).to_be_visible()
    expect(ada.message("one").get_by_role("button", name="Open picture tall.jpg")).to_be_enabled()
    before = ada.page.evaluate(BOXES)
    for route in held:
        route.continue_()
    ada.page.unroute(thumbs)
    ada.page.wait_for_function(LOADED)
    assert ada.page.evaluate(BOXES) == before and len(before) == 8
    show(bob, chat, "live", *media[9:11])
    expect(ada.message("live").get_by_role("button", name="Open picture p9.jpg")).to_be_visible()
    ada.page.wait_for_function(LOADED)
    assert ada.page.evaluate(SHIFTS) == []
    six = ada.message("six")
    expect(six.locator("img")).to_have_count(4)
    expect(six.locator("img").first).to_have_attribute("loading", "lazy")
    more = six.get_by_role("button", name="Open picture p3.jpg and 2 more")
    expect(more).to_contain_text("+3")
    more.scroll_into_view_if_needed()
    more.click()
    box, keys = viewer(ada), ada.page.keyboard
    expect(box).to_contain_text("4 / 6")
    for key, place in (("ArrowRight", 5), ("ArrowRight", 6), ("ArrowRight", 1), ("ArrowLeft", 6)):
        keys.press(key)
        expect(box).to_contain_text(f"{place} / 6")
    stands = "image => new DOMMatrix(getComputedStyle(image).transform).a"
    for key, scale in (("+", 1.5), ("+", 2.25), ("-", 1.5), ("0", 1)):
        keys.press(key)
        assert box.get_by_role("img").evaluate(stands) == scale
    box.get_by_role("img").dblclick()
    assert box.get_by_role("img").evaluate(stands) == 2.5
    keys.press("ArrowRight")  # moves what is enlarged, and does not leave it
    expect(box).to_contain_text("6 / 6")
    with ada.page.expect_download() as download:
        box.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "p5.jpg"
    for _ in range(12):  # the page behind is out of reach
        keys.press("Tab")
        assert ada.page.evaluate("() => !document.activeElement?.closest('#app .log, #app .composer')")
    keys.press("Escape")
    expect(box).to_have_count(0)
    expect(more).to_be_focused()
    more.click()
    expect(box).to_be_visible()
    ada.page.go_back()
    expect(box).to_have_count(0)
    assert ada.page.url.endswith(f"/c/{chat}")


def test_on_a_phone_a_swipe_walks_on_and_two_fingers_enlarge(
    visit: Visit, bob: Visitor, playwright: Playwright
) -> None:
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    ada = visit("Ada", **phone)
    chat = ada.group("Garden", bob)
    show(bob, chat, "two", *(upload(bob, still((900, 600), colour), f"{colour}.jpg") for colour in ("teal", "red")))
    ada.enter(chat)
    ada.message("two").get_by_role("button", name="Open picture teal.jpg").tap()
    box = viewer(ada)
    expect(box).to_contain_text("1 / 2")
    touches = ada.context.new_cdp_session(ada.page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        listed = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": listed})

    touch("touchStart", (300, 400))
    touch("touchMove", (120, 410))
    touch("touchEnd")
    expect(box).to_contain_text("2 / 2")
    touch("touchStart", (180, 400), (230, 400))
    touch("touchMove", (130, 400), (280, 400))
    touch("touchEnd")
    scale = box.get_by_role("img").evaluate("image => new DOMMatrix(getComputedStyle(image).transform).a")
    assert scale > 1.5
    expect(box).to_contain_text("2 / 2")


def test_a_picture_that_does_not_load_is_asked_for_again_and_says_so(ada: Visitor, bob: Visitor, chat: str) -> None:
    show(bob, chat, "one", upload(bob, still(), "sky.jpg"))
    refused: list[Route] = []

    def refuse(route: Route) -> None:
        refused.append(route)
        route.fulfill(status=503)

    ada.page.clock.install()
    ada.page.route(re.compile("/thumb$"), refuse)
    ada.enter(chat)
    row = ada.message("one")

    def given_up() -> bool:
        ada.page.clock.fast_forward(12_000)
        return row.get_by_text("This picture could not be loaded.").is_visible()

    ada.until(given_up, "it is asked for by itself, too")
    assert len(refused) >= 4  # the page as it is read without its script may have asked, too
    ada.page.unroute_all()
    row.get_by_role("button", name="Load sky.jpg again").click()
    expect(row.get_by_role("button", name="Open picture sky.jpg")).to_be_visible()
    ada.page.wait_for_function(LOADED)


def test_leaving_while_an_upload_runs_is_asked_about(ada: Visitor, chat: str) -> None:
    held: list[Route] = []
    ada.page.route(re.compile("/api/media$"), lambda route: held.append(route))
    field = ada.page.locator("input[type=file]").first
    field.set_input_files(as_file("sky.jpg", still()))
    expect(ada.page.get_by_role("progressbar")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    ada.page.on("dialog", stay)
    ada.composer.click()  # browsers ask only where something was touched
    ada.page.close(run_before_unload=True)
    ada.until(lambda: asked == ["beforeunload"], "it is asked")
    ada.page.get_by_role("button", name="Remove sky.jpg").click()
    expect(ada.page.get_by_role("progressbar")).to_have_count(0)
    with ada.page.expect_event("close"):
        ada.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
