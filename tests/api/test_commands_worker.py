"""Commands and the real worker with its clock: beside programs that hang, and killed in the middle."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE
from tests import receivers
from tests.api.commanding import Command, fields, saying, told
from tests.api.hooking import Relay
from tests.api.test_deliveries_worker import Works, say, works
from tests.people import Person
from tests.receivers import receiving
from tests.running import wait_until

__all__ = ["works"]

pytestmark = pytest.mark.usefixtures("loopback")


def under_way(command: Command) -> list[str]:
    return [row["state"] for row in command.rows() if not row["attempts"]]


def test_a_worker_killed_in_the_middle_asks_no_second_time_and_who_asked_hears_it(
    app: Flask, works: Works, ada: Person
) -> None:
    with receiving(then=saying({"text": "done"})) as receiver:
        command = Command(ada, ada.group(), receiver.url)
        (works.failpoints / "webhooks.after_send").write_text("kill")
        command.give(ada)
        wait_until(lambda: works.worker.process.poll() is not None, "the worker is dead")
        assert under_way(command) == ["sending"]
        later = {"due": AT_ONCE, "created_at": datetime.now(UTC) - timedelta(seconds=31)}
        Delivery.raw().update_many({"webhook": ObjectId(command.id)}, {"$set": later})
        works.worker.start()
        wait_until(lambda: command.rows()[0]["state"] == "dead", "it is given up")
        assert len(receiver.got) == 1
    assert told(ada) == ["`/deploy` did not work: it could not be sent in time."]


def test_a_program_that_hangs_delays_no_other_command_not_even_its_own(works: Works, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    with receiving(receivers.hanging, then=saying({"text": "done"})) as receiver:
        command = Command(ada, chat, receiver.url)
        command.give(bob, "one")
        receiver.wait_for(1)
        command.give(bob, "two")
        wait_until(lambda: told(bob) == ["done"], "the second is answered")
        assert command.rows()[0]["state"] == "sending"
        wait_until(lambda: len(told(bob)) == 2, "the first is given up")
    assert told(bob)[1] == "`/deploy` did not work: its program did not answer in time."
    assert [fields(got)["text"] for got in receiver.got] == ["one", "two"]


def test_many_that_hang_delay_neither_other_commands_nor_events(works: Works, ada: Person) -> None:
    with ExitStack() as stack:
        dead = [stack.enter_context(receiving(then=receivers.hanging)) for _ in range(8)]
        commands = [Command(ada, ada.group(), each.url) for each in dead]
        for command in commands + commands[:1] * 8:  # one host has only so many places
            command.give(ada)
        for each in dead:
            each.wait_for(1)
        well = stack.enter_context(receiving(then=saying({"text": "here"})))
        chat = ada.group()
        Command(ada, chat, well.url).give(ada)
        Relay(ada, chat, well.url)
        say(ada, chat, "an event")
        well.wait_for(2)
        wait_until(lambda: "here" in told(ada), "it is answered")
        # None of those that hang has come to an end meanwhile: nobody waited for them.
        assert all(len(under_way(command)) == len(command.rows()) for command in commands)
