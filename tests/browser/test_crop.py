"""Pictures of profiles and groups: a square that somebody chooses, and none; without script the middle."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.albums import as_file
from tests.browser.test_looks import faults
from tests.browser.visitors import Visit, Visitor


@pytest.fixture(scope="module")
def flag() -> bytes:
    """Three squares beside each other: red, green, blue."""
    picture = Image.new("RGB", (900, 300))
    for place, colour in enumerate(("red", "lime", "blue")):
        picture.paste(colour, (300 * place, 0, 300 * place + 300, 300))
    data = io.BytesIO()
    picture.save(data, "jpeg", quality=95)
    return data.getvalue()


def looks(visitor: Visitor, path: str) -> tuple[tuple[int, int], str]:
    """The size of a picture that the server has, and the name of the strongest colour in its middle."""
    answer = visitor.context.request.get(visitor.url + path)
    picture = Image.open(io.BytesIO(answer.body())).convert("RGB")
    middle = picture.crop((picture.width // 2, picture.height // 2, picture.width // 2 + 1, picture.height // 2 + 1))
    red, green, blue = (band.getextrema()[0] for band in middle.split())
    return picture.size, max((red, "red"), (green, "lime"), (blue, "blue"))[1]


def chosen(visitor: Visitor, data: bytes) -> Locator:
    """The dialog, after a picture was chosen for the field of the page."""
    visitor.page.get_by_label("New picture").set_input_files(as_file("flag.jpg", data))
    return visitor.page.get_by_role("dialog", name="Choose the part that shows")


def shown(visitor: Visitor, path: str) -> str:
    """Where the picture of a user or chat is, once there is one."""
    visitor.until(lambda: visitor.call("GET", path)["avatar_url"], "it has a picture")
    return str(visitor.call("GET", path)["avatar_url"])


def test_a_square_of_a_profile_picture_is_chosen_by_keys_and_taken_away_again(ada: Visitor, flag: bytes) -> None:
    page = ada.page
    page.goto(f"{ada.url}/settings")
    dialog = chosen(ada, flag)
    expect(dialog.get_by_role("application")).to_be_focused()
    expect(dialog.get_by_role("button", name="Use this part")).to_be_enabled()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.get_by_label("New picture").input_value() == ""
    dialog = chosen(ada, flag)
    expect(dialog.get_by_role("button", name="Use this part")).to_be_enabled()
    for key in ("+", "-", *["ArrowRight"] * 12):  # to the end, and no further
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("New picture")).to_be_focused()
    expect(page.locator("form img.avatar.large")).to_have_js_property("naturalWidth", 300)
    page.get_by_role("button", name="Save profile").click()
    assert looks(ada, shown(ada, "/api/users/me")) == ((300, 300), "blue")
    page.reload()
    page.get_by_role("button", name="Remove picture").click()
    expect(page.get_by_role("button", name="Remove picture")).to_have_count(0)
    assert ada.call("GET", "/api/users/me")["avatar_url"] is None


def test_an_owner_drags_and_zooms_the_groups_picture_and_everybody_sees_it(
    ada: Visitor, bob: Visitor, chat: str, flag: bytes
) -> None:
    bob.page.goto(f"{bob.url}/c/{chat}/settings")
    expect(bob.page.get_by_role("heading", name="People")).to_be_visible()
    expect(bob.page.get_by_label("New picture")).to_have_count(0)
    bob.enter(chat)
    face = bob.page.get_by_role("main").locator(".face .avatar")
    expect(face).to_have_class("avatar group ")
    page = ada.page
    page.goto(f"{ada.url}/c/{chat}/settings")
    dialog = chosen(ada, flag)
    expect(dialog.get_by_role("button", name="Use this part")).to_be_enabled()
    dialog.get_by_role("slider").fill("1")  # twice as large
    box = dialog.get_by_role("application").bounding_box()
    assert box
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 1500, down, steps=3)
    page.mouse.up()
    dialog.get_by_role("button", name="Use this part").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Use picture").click()
    assert looks(ada, shown(ada, f"/api/chats/{chat}")) == ((150, 150), "red")
    expect(face).to_have_js_property("naturalWidth", 150)


def test_without_script_a_picture_is_taken_as_it_is(visit: Visit, flag: bytes) -> None:
    ada = visit("Ada", java_script_enabled=False)
    ada.page.goto(f"{ada.url}/settings")
    ada.page.get_by_label("New picture").set_input_files(as_file("flag.jpg", flag))
    ada.page.get_by_role("button", name="Save profile").click()
    assert looks(ada, shown(ada, "/api/users/me")) == ((640, 213), "lime")


def test_what_cannot_be_read_here_is_left_to_the_server_to_refuse(ada: Visitor) -> None:
    ada.page.goto(f"{ada.url}/settings")
    ada.page.get_by_label("New picture").set_input_files(as_file("notes.jpg", b"words"))
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    ada.page.get_by_role("button", name="Save profile").click()
    expect(ada.page.get_by_text("is no JPEG, PNG, WebP or GIF")).to_be_visible()
