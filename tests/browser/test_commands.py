"""Slash commands as people write them: offered, run, refused beside the text, and never said by mistake."""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Playwright, Route, expect

from tests.browser.programs import add_command, asked_in, running
from tests.browser.visitors import Visit, Visitor
from tests.receivers import hanging, receiving

COMMANDS = re.compile("/api/chats/[0-9a-f]+/commands$")


def field(visitor: Visitor) -> Locator:
    """The composer, which is a combobox while commands are offered."""
    return visitor.page.locator("#composer")


def offer(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("listbox", name="Commands")


def order(visitor: Visitor, text: str) -> None:
    """Writes a command and sends it as it is."""
    field(visitor).fill(text)
    visitor.page.get_by_role("button", name="Send").click()


def only_for(visitor: Visitor, text: str) -> Locator:
    """A word to this person alone."""
    return visitor.message(text).filter(has_text="Only you can see this")


def test_commands_are_offered_walked_and_completed_with_keys(ada: Visitor, chat: str) -> None:
    add_command(ada, chat, "deploy", "https://example.org/", usage="app", description="Rolls it out")
    field(ada).press_sequentially("/")
    options = offer(ada).get_by_role("option")
    expect(options.filter(has_text="/deploy")).to_contain_text("Robot")
    expect(options.filter(has_text="/deploy")).to_contain_text("Rolls it out")
    box = ada.page.get_by_role("combobox", name="Message Garden")
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    field(ada).press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id") or "")
    field(ada).press("ArrowUp")
    field(ada).press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    field(ada).press_sequentially("de")
    expect(options).to_have_count(1)
    field(ada).press("Escape")
    expect(offer(ada)).to_have_count(0)
    expect(ada.composer).to_have_value("/de")
    field(ada).press_sequentially("p")
    field(ada).press("Tab")
    expect(ada.composer).to_have_value("/deploy ")
    expect(ada.composer).to_be_focused()
    expect(offer(ada)).to_have_count(0)
    expect(ada.page.locator(".usage")).to_have_text(re.compile("/deploy app.*Rolls it out"))


def test_a_command_is_picked_by_a_tap_on_a_phone(visit: Visit, playwright: Playwright) -> None:
    phone = {key: value for key, value in playwright.devices["Pixel 7"].items() if key != "default_browser_type"}
    ada = visit("Ada", **phone)
    ada.enter(ada.group("Garden"))
    field(ada).tap()
    field(ada).press_sequentially("/to")
    offer(ada).get_by_role("option", name="/topic").tap()
    expect(ada.composer).to_have_value("/topic ")
    expect(ada.composer).to_be_focused()
    field(ada).press_sequentially("Beds and hedges")
    ada.page.get_by_role("button", name="Send").tap()
    expect(ada.page.get_by_role("button", name="Topic: Beds and hedges")).to_be_visible()
    expect(ada.composer).to_have_value("")


def test_a_bots_command_answers_its_caller_alone_or_everybody(ada: Visitor, bob: Visitor, chat: str) -> None:
    def answer(asked: dict[str, Any]) -> object:
        everybody = {"response_type": "in_channel"} if "aloud" in asked["text"] else {}
        return {"text": f"heard {asked['text']}", **everybody}

    bob.enter(chat)
    with running(answer) as program:
        add_command(ada, chat, "echo", program.url)
        order(ada, "/echo in secret")
        expect(only_for(ada, "heard in secret")).to_have_count(1)
        expect(ada.page.locator("#announcer")).to_contain_text("only to you: heard in secret")
        order(ada, "/Echo aloud")
        for visitor in (ada, bob):
            visitor.sees("heard aloud")
        assert [asked_in(got)["command"] for got in program.got] == ["/echo", "/echo"]
    expect(only_for(ada, "heard aloud")).to_have_count(0)
    expect(bob.message("heard in secret")).to_have_count(0)
    expect(ada.message("/echo")).to_have_count(0)
    expect(ada.composer).to_have_value("")


def test_a_program_that_says_nothing_in_time_is_told_to_its_caller(ada: Visitor, chat: str) -> None:
    with receiving(then=hanging) as program:
        add_command(ada, chat, "slow", program.url)
        order(ada, "/slow")
        expect(ada.composer).to_have_value("")
        expect(only_for(ada, "/slow")).to_contain_text("did not answer in time", timeout=60_000)


def test_an_unknown_command_keeps_its_text_and_says_why(ada: Visitor, bob: Visitor, chat: str) -> None:
    order(ada, "/nothing at all")
    refusal = ada.page.get_by_role("alert")
    expect(refusal).to_contain_text("there is no command /nothing here")
    expect(ada.composer).to_have_value("/nothing at all")
    expect(ada.composer).to_have_attribute("aria-invalid", "true")
    ada.page.reload()
    expect(ada.composer).to_have_value("/nothing at all")
    order(ada, "/nothing at all")
    expect(refusal).to_be_visible()
    field(ada).press_sequentially("!")
    expect(refusal).to_have_count(0)
    assert bob.call("GET", f"/api/messages?chat={chat}")["messages"] == []


def test_a_command_whose_answer_got_lost_runs_once_however_often_it_is_tried(ada: Visitor, chat: str) -> None:
    ids: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            ids.append(json.loads(route.request.post_data or "")["client_id"])
            route.fetch()
            route.abort()
        else:
            route.fallback()

    with running(lambda asked: {"text": "done"}) as program:
        add_command(ada, chat, "once", program.url)
        ada.page.route(COMMANDS, lose)
        order(ada, "/once more")
        expect(ada.page.get_by_role("alert")).to_contain_text("could not be reached")
        expect(ada.composer).to_have_value("/once more")
        ada.page.reload()
        ada.page.get_by_role("button", name="Send").click()
        expect(ada.page.get_by_role("alert")).to_contain_text("could not be reached")
        ada.page.unroute(COMMANDS)
        ada.page.get_by_role("button", name="Send").click()
        expect(ada.composer).to_have_value("")
        expect(only_for(ada, "done")).to_have_count(1)
        assert len(program.got) == 1
    assert len(ids) == 2 and len(set(ids)) == 1


def test_a_command_on_its_way_is_shown_where_it_was_written_and_sent_once(ada: Visitor, chat: str) -> None:
    held: list[Route] = []
    ada.page.route(COMMANDS, lambda route: held.append(route) if route.request.method == "POST" else route.fallback())
    field(ada).fill("/me waits")
    field(ada).press("Enter")
    expect(ada.page.get_by_text("Running /me")).to_be_visible()
    field(ada).press("Enter")
    field(ada).press_sequentially("more")
    expect(ada.composer).to_have_value("/me waits")
    ada.until(lambda: held, "the command was sent")
    assert len(held) == 1
    held[0].continue_()
    ada.sees("waits")
    expect(ada.composer).to_have_value("")
    expect(ada.composer).to_be_focused()


def test_the_builtin_commands_do_what_they_say(visit: Visit, ada: Visitor, bob: Visitor, chat: str) -> None:
    cleo = visit("Cleo")
    bob.enter(chat)
    order(ada, "/me waters the beds")
    order_and_see(ada, "/shrug who knows", "¯\\_(ツ)_/¯")
    bob.sees("waters the beds")
    bob.sees("who knows")
    order(ada, f"/invite @{cleo.username}")
    expect(bob.page.get_by_text("Ada added Cleo")).to_be_visible()
    order(ada, "/topic Beds & <hedges>")
    expect(bob.page.get_by_text("Ada set the topic to “Beds & <hedges>”")).to_be_visible()
    topic = bob.page.get_by_role("button", name="Topic: Beds & <hedges>")
    expect(topic).to_have_attribute("title", "Beds & <hedges>")
    topic.click()
    expect(topic).to_have_attribute("aria-expanded", "true")
    ada.call("PATCH", f"/api/chats/{chat}", {"topic": ""})
    expect(bob.page.get_by_text("Ada cleared the topic")).to_be_visible()
    expect(topic).to_have_count(0)
    order(bob, "/topic mine")
    expect(bob.page.get_by_role("alert")).to_be_visible()
    expect(bob.composer).to_have_value("/topic mine")


def order_and_see(visitor: Visitor, text: str, shown: str) -> None:
    order(visitor, text)
    visitor.sees(shown)


def test_leaving_by_command_leads_to_another_chat(ada: Visitor, bob: Visitor, chat: str) -> None:
    other = ada.group("Kitchen")
    ada.enter(chat)
    expect(ada.page.get_by_role("link", name="Kitchen")).to_be_visible()
    field(ada).press_sequentially("/leave")
    expect(offer(ada).get_by_role("option", name="/leave")).to_be_visible()
    field(ada).press("Enter")
    ada.is_in("Kitchen")
    assert ada.page.url.endswith(other)
    expect(ada.page.get_by_role("link", name="Garden")).to_have_count(0)
    bob.enter(chat)
    expect(bob.page.get_by_text("Ada left")).to_be_visible()


def test_what_only_looks_like_a_command_is_said(ada: Visitor, chat: str) -> None:
    written = ["/etc/passwd", "//me too", "1/2", "// note"]
    meant = ["/etc/passwd", "/me too", "1/2", "// note"]
    for text, shown in zip(written, meant, strict=True):
        field(ada).fill(text)
        field(ada).press("Enter")
        ada.sees(shown)
    said = ada.call("GET", f"/api/messages?chat={chat}")["messages"]
    assert [message["text"] for message in said] == meant


def test_a_command_takes_no_pictures_and_both_are_kept(ada: Visitor, chat: str) -> None:
    pixel = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")
    ada.page.locator("input[type=file]").first.set_input_files(
        {"name": "dot.gif", "mimeType": "image/gif", "buffer": pixel}
    )
    expect(ada.page.get_by_role("img", name="dot.gif")).to_be_visible()
    order(ada, "/me paints")
    expect(ada.page.get_by_role("alert")).to_contain_text("takes no pictures")
    expect(ada.composer).to_have_value("/me paints")
    expect(ada.page.get_by_role("img", name="dot.gif")).to_be_visible()
    ada.page.get_by_role("button", name="Remove dot.gif").click()
    order(ada, "/me paints")
    ada.sees("paints")
