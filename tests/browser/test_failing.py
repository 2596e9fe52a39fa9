"""Answers that do not come: the page stays, says it where it was asked for, and goes on when it is asked again."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.visitors import Visitor

WAYS = [
    ("POST", "/api/sync$"),
    ("GET", "/api/realtime$"),
    ("POST", "/api/realtime/auth$"),
    ("PUT", "/api/realtime/away$"),
    ("GET", r"/api/chats/\w+\?"),
    ("GET", r"/api/chats/\w+/log"),
    ("POST", r"/api/chats/\w+/(read|typing)$"),
    ("GET", "/api/(users|commands|ephemerals)"),
    ("PUT", "/reactions/"),
    ("POST", "/api/messages$"),
    ("PATCH", "/api/"),
    ("POST", "/api/chats$"),
    ("DELETE", "/api/"),
]


def break_all(page: Page) -> None:
    error = {"error": {"code": "error", "message": "Something went wrong here."}}
    page.route(re.compile("/api/"), lambda route: route.fulfill(status=500, json=error))


def test_no_answer_that_fails_blanks_the_page(ada: Visitor, bob: Visitor, chat: str) -> None:
    page = ada.page
    for text in ("one", "two"):
        bob.post(chat, text)
    attic = ada.group("Attic", bob)
    bob.post(attic, "up here")
    ada.sees("two")
    expect(page.get_by_role("link", name=re.compile("Attic"))).to_be_visible()
    break_all(page)

    ada.open_chat("Attic")  # nothing of it was loaded
    expect(page.get_by_role("alert")).to_contain_text("The messages could not be loaded.")
    ada.composer.fill("kept")
    ada.composer.press("Enter")
    failed = page.get_by_role("article").filter(has_text="kept")
    page.get_by_role("button", name="More about this chat").click()
    page.get_by_role("button", name="Mute", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Something went wrong here.")
    page.get_by_role("button", name="More about this chat").click()
    expect(page.get_by_role("button", name="Mute", exact=True)).to_be_visible()  # it is as it was
    page.keyboard.press("Escape")

    page.get_by_role("button", name="New chat").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("People could not be searched.")
    dialog.get_by_role("button", name="Group", exact=True).click()
    dialog.get_by_label("Name of the group").fill("Lanterns")
    dialog.get_by_role("button", name="Make group").click()
    expect(dialog.get_by_text("Something went wrong here.")).to_be_visible()
    page.keyboard.press("Control+k")  # one dialog at a time
    page.unroute_all()
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("Escape")

    retry = page.locator(".not-loaded").get_by_role("button", name="Retry")
    if retry.is_visible():  # it may have been asked again meanwhile
        retry.click()
    ada.sees("up here")
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Retry").click()
    ada.sees("kept")


def break_one(page: Page, method: str, path: str) -> None:
    def answer(route: Route) -> None:
        if route.request.method == method:
            route.fulfill(status=500, json={})
        else:
            route.fallback()

    page.route(re.compile(path), answer)


def test_each_endpoint_may_fail_alone(ada: Visitor, bob: Visitor, chat: str) -> None:
    page = ada.page
    ada.say("mine")
    ada.sees("mine")
    for number, (method, path) in enumerate(WAYS):
        break_one(page, method, path)
        page.reload()
        expect(ada.composer, path).to_be_visible()
        chats = page.get_by_role("navigation", name="Chats")
        expect(chats.get_by_role("link", name=re.compile("Garden")), path).to_be_visible()
        expect(ada.message("mine"), path).to_have_count(1)
        if path != "/api/messages$":
            ada.say(f"words {number};")
            ada.sees(f"words {number};")
        page.unroute_all()


def test_shapes_of_messages_show_only_where_these_take_more_than_a_moment(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    attic = ada.group("Attic", bob)
    bob.post(attic, "up here")
    held: list[Route] = []
    ada.page.route(re.compile(rf"/api/chats/{attic}"), lambda route: held.append(route))
    ada.open_chat("Attic")
    shapes = ada.page.locator(".skeleton")
    # From its beginning: on a busy machine it may be over by now.
    seen = shapes.evaluate("""box => [149, 151].map(at => {
        box.style.animation = "none";
        box.getBoundingClientRect();
        box.style.animation = "";
        box.getAnimations()[0].currentTime = at;
        return getComputedStyle(box).visibility;
    })""")
    assert seen == ["hidden", "visible"]
    ada.until(lambda: held, "its messages are asked for")
    for route in held:
        route.continue_()
    ada.page.unroute_all()
    ada.sees("up here")
    expect(shapes).to_have_count(0)


def test_lists_in_which_nothing_is_found_say_so(ada: Visitor, chat: str) -> None:
    ada.page.get_by_role("searchbox", name="Find a chat").fill("no such chat")
    expect(ada.page.get_by_text("No chat has that name.")).to_be_visible()
    ada.page.keyboard.press("Control+k")
    ada.page.get_by_role("combobox").fill("no such person")
    expect(ada.page.get_by_text("Nobody and no chat has that name.")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.get_by_role("button", name="New chat").first.click()
    ada.page.get_by_role("dialog").get_by_role("searchbox").fill("no such person")
    expect(ada.page.get_by_text("Nobody has that name.", exact=True)).to_be_visible()
