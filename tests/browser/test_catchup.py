"""A page that was cut off, by its network or by a process that died, becomes complete again by itself."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.renderers import asleep
from tests.browser.visitors import Visitor
from tests.running import descendants
from tests.whole import WholeRun


@contextmanager
def without(run: WholeRun, words: str) -> Iterator[None]:
    """kill -9 of all processes of the run whose command line has these words; they come back after the block."""
    os.kill(run.process.pid, signal.SIGSTOP)  # it would start them again at once
    try:
        killed = [pid for pid, command in descendants(run.process.pid) if words in command]
        assert killed, words
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        yield
    finally:
        os.kill(run.process.pid, signal.SIGCONT)


class Cable:
    """A page's connection to the world. The browser's own offline mode leaves an open WebSocket alone."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.sockets = visitor, list[WebSocketRoute]()
        visitor.page.route_web_socket(re.compile("/app/"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.connect_to_server()

    def pull(self) -> None:
        self.visitor.context.set_offline(True)
        for socket in self.sockets:
            socket.close()

    def plug(self) -> None:
        self.visitor.context.set_offline(False)


def test_what_was_said_while_one_was_offline_is_there_once_and_in_order(ada: Visitor, bob: Visitor, chat: str) -> None:
    cable = Cable(ada)
    ada.enter(chat)
    bob.post(chat, "before")
    ada.sees("before")
    cable.pull()
    missed = [f"missed {number:02}" for number in range(30)]
    for text in missed:
        bob.post(chat, text)
    ada.say("from the tunnel")
    expect(ada.message("from the tunnel")).to_have_attribute("data-state", re.compile("pending|failed"))
    expect(ada.page.get_by_text("No connection.")).to_be_visible()
    expect(ada.message("missed")).to_have_count(0)
    cable.plug()
    ada.sees("from the tunnel")
    expect(ada.page.locator("article .text")).to_have_text(["before", *missed, "from the tunnel"])
    expect(ada.page.get_by_text("No connection.")).to_have_count(0)
    ada.hears_live(bob, chat, "after")


def test_without_a_gateway_a_banner_says_so_and_messages_arrive_a_little_later(
    ada: Visitor, bob: Visitor, chat: str, whole: WholeRun
) -> None:
    banner = ada.page.get_by_role("status").filter(has_text="Reconnecting.")
    with without(whole, "infitalks.local.gateway"):
        expect(banner).to_be_visible(timeout=4000)
        ada.page.reload()
        bob.post(chat, "to a page that never was live")
        ada.sees("to a page that never was live")
        expect(banner).to_be_visible()
        ada.say("and back")
        ada.sees("and back")
    expect(banner).to_have_count(0)
    ada.hears_live(bob, chat, "all is well")


def test_a_gateway_that_is_back_after_six_seconds_is_found_within_three(ada: Visitor, bob: Visitor, chat: str) -> None:
    tries: list[WebSocketRoute] = []
    down = [True]

    def connect(socket: WebSocketRoute) -> None:
        tries.append(socket)
        if down[0]:
            socket.close()
        else:
            socket.connect_to_server()

    def seconds(number: int) -> None:
        for _ in range(10 * number):
            ada.page.clock.run_for(100)
            ada.page.wait_for_timeout(20)  # what answers does so by the real clock

    ada.page.route_web_socket(re.compile("/app/"), connect)
    ada.page.clock.install()
    ada.page.reload()
    ada.until(lambda: tries, "it tries to connect")
    ada.page.clock.pause_at(datetime.now() + timedelta(seconds=60))
    seconds(6)
    assert len(tries) > 1
    down[0], before = False, len(tries)
    seconds(3)
    assert len(tries) > before
    ada.page.clock.resume()
    ada.hears_live(bob, chat, "back again")


def test_a_tab_that_slept_while_its_connection_was_cut_shows_all_that_was_said(
    ada: Visitor, bob: Visitor, chat: str, whole: WholeRun, browser: Browser
) -> None:
    ada.composer.fill("half a thought")
    bob.post(chat, "before")
    ada.sees("before")
    missed = [f"missed {number:02}" for number in range(12)]
    with asleep(browser), without(whole, "infitalks.local.gateway"):
        for text in missed:
            bob.post(chat, text)
    ada.sees(missed[-1])
    expect(ada.page.locator("article .text")).to_have_text(["before", *missed])
    expect(ada.composer).to_have_value("half a thought")
    ada.hears_live(bob, chat, "good morning")


def test_a_web_server_that_dies_under_a_message_costs_nothing(
    ada: Visitor, bob: Visitor, chat: str, whole: WholeRun
) -> None:
    with without(whole, "granian"):
        ada.say("through the crash")
        expect(ada.message("through the crash")).to_have_attribute("data-state", "failed")
        expect(ada.page.get_by_text("No connection.")).to_be_visible()
        ada.composer.fill("and a draft")
    ada.sees("through the crash")
    expect(ada.composer).to_have_value("and a draft")
    bob.enter(chat)
    bob.sees("through the crash")
    ada.hears_live(bob, chat, "all is well")


def test_without_a_database_the_text_is_kept_and_sent_once_when_it_is_back(
    ada: Visitor, bob: Visitor, chat: str, whole: WholeRun
) -> None:
    with without(whole, "mongod"):
        with ada.page.expect_response(lambda answer: answer.url.endswith("/api/messages") and answer.status == 503):
            ada.say("kept for later")
        expect(ada.message("kept for later")).to_have_attribute("data-state", re.compile("pending|failed"))
    ada.sees("kept for later")
    bob.enter(chat)
    bob.sees("kept for later")
    ada.hears_live(bob, chat, "all is well")
