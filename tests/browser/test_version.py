"""A page whose server has become another version goes on, and offers a reload that keeps what one was writing."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.visitors import Visitor

ANSWERS, PARTS, SENDS = re.compile("/api/"), re.compile("/static/dist/chunk-"), re.compile("/api/messages$")
RELOAD = "Reload for the new version"


def upgrade(page: Page) -> None:
    """From now on all answers are another version's."""

    def answer(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "x-infitalks-version": "9.9+other"})

    page.route(ANSWERS, answer)


def ask(page: Page, times: int = 1) -> None:
    """What the page does when its tab is looked at again."""
    for _ in range(times):
        with page.expect_response(re.compile("/api/sync$")) as answer:
            page.evaluate("dispatchEvent(new Event('online'))")
        answer.value.finished()


def test_a_new_version_is_offered_and_the_reload_keeps_drafts_and_what_is_being_sent(
    ada: Visitor, bob: Visitor, chat: str
) -> None:
    page = ada.page
    reload = page.get_by_role("button", name=RELOAD)
    upgrade(page)
    ask(page)
    expect(reload).to_have_count(0)  # one answer may be of the last old server, or of the first new one
    ask(page, 2)
    expect(reload).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("new version")
    ada.say("the old page still talks")
    ada.sees("the old page still talks")
    page.unroute(ANSWERS)
    ask(page)
    expect(reload).to_have_count(0)
    upgrade(page)
    ask(page, 3)
    page.route(SENDS, lambda route: None, times=1)  # which nobody answers
    ada.say("on its way")
    ada.composer.fill("half a thought")
    page.evaluate("self.before = true")
    reload.click()
    page.wait_for_function("!self.before")
    page.unroute_all(behavior="ignoreErrors")
    ada.sees("on its way")
    expect(ada.composer).to_have_value("half a thought")
    ask(page, 3)
    expect(reload).to_have_count(0)
    bob.enter(chat)
    bob.sees("on its way")


def test_a_part_that_went_with_the_old_version_leads_to_the_same_offer(ada: Visitor, chat: str) -> None:
    page = ada.page
    page.route(PARTS, lambda route: route.fulfill(status=404))
    page.get_by_role("button", name="New chat").first.click()
    expect(page.locator(".toast")).to_contain_text("could not be fetched")
    expect(page.get_by_role("button", name=RELOAD)).to_have_count(0)
    page.unroute(PARTS)
    ada.enter(chat)
    upgrade(page)
    refused: list[Route] = []

    def refuse(route: Route) -> None:
        route.fulfill(status=404)
        refused.append(route)

    page.route(PARTS, refuse)
    ada.composer.fill("half a thought")
    page.get_by_role("button", name="New chat").first.click()
    ada.until(lambda: refused, "the part is asked for")
    expect(page.get_by_role("button", name=RELOAD)).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name=RELOAD).click()
    expect(ada.composer).to_have_value("half a thought")
    page.get_by_role("button", name="New chat").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
