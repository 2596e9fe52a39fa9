"""A newcomer's first five minutes, on the whole product: two people, a group, a picture, a bot."""

import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from slack_sdk.webhook import WebhookClient

from tests.browser.visitors import Visit

# Number and content of each message on the page.
SHOWN = """() => [...document.querySelectorAll("article")]
    .map(row => [row.dataset.seq, row.querySelector(".bubble").innerText])"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "sunset.jpg"
    Image.radial_gradient("L").resize((900, 600)).convert("RGB").save(path)
    return path


def test_two_people_and_a_bot_share_a_group_live(newcomer: Visit, photo: Path) -> None:
    ada, bob = newcomer("Ada"), newcomer("Bob")
    ada.sign_up()
    bob.sign_up()
    ada.make_group("Garden", bob)
    bob.open_chat("Garden")

    ada.say("hello bob")
    bob.sees("hello bob")
    bob.say("hello ada")
    ada.sees("hello ada")

    ada.page.locator("input[type=file]").first.set_input_files(photo)
    ada.say("the sunset")
    for visitor in (ada, bob):
        visitor.sees("the sunset")
        picture = visitor.message("the sunset").get_by_role("img", name=re.compile("sunset.jpg"))
        expect(picture).to_be_visible()
        visitor.page.wait_for_function("() => [...document.querySelectorAll('article img')].every(i => i.naturalWidth)")

    ada.page.goto(f"{ada.page.url}/settings")
    ada.page.locator("form[action$='/webhooks'] [name=name]").fill("Weather")
    ada.page.locator("form[action$='/webhooks'] button").click()
    url = re.search(r"http://\S+/hooks/[\w-]+", ada.page.inner_text("main"))
    assert url
    said = subprocess.run(["curl", "-s", "-d", '{"text":"rain *soon*"}', url[0]], capture_output=True, check=True)
    assert said.stdout == b"ok"
    bob.sees("rain soon")
    expect(bob.message("rain soon").get_by_text("Bot", exact=True)).to_be_visible()
    answer = WebhookClient(url[0]).send(text="sun again")
    assert (answer.status_code, answer.body) == (200, "ok")
    bob.sees("sun again")

    before = bob.page.evaluate(SHOWN)
    bob.page.reload()
    bob.sees("sun again")
    assert len(before) == 5 and bob.page.evaluate(SHOWN) == before
    ada.page.go_back()


def test_a_page_without_script_shows_the_messages(visit: Visit, browser: Browser) -> None:
    ada = visit("Ada")
    ada.enter(ada.group("Quiet"))
    ada.say("readable by all")
    ada.sees("readable by all")
    with browser.new_context(java_script_enabled=False, storage_state=ada.context.storage_state()) as context:
        page = context.new_page()
        page.goto(ada.page.url)
        expect(page.get_by_text("readable by all").first).to_be_visible()


def test_quiet_hours_go_by_the_clock_of_the_first_browser_until_one_chooses_another(visit: Visit) -> None:
    ada = visit("Ada", timezone_id="Pacific/Auckland")
    chat, preferences = ada.group("Quiet"), "/api/users/me/preferences"
    assert ada.call("GET", preferences)["time_zone"] is None
    ada.enter(chat)
    ada.until(lambda: ada.call("GET", preferences)["time_zone"] == "Pacific/Auckland", "the zone is told")
    ada.call("PATCH", preferences, {"time_zone": "UTC"})
    with ada.page.expect_request(re.compile("chunk-switcher")):  # comes after it would be told
        ada.page.reload()
    assert ada.call("GET", preferences)["time_zone"] == "UTC"
