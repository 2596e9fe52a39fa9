"""Commands and the real worker with its clock: beside programs that hang, and killed in the middle."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE
from tests import receivers
from tests.api.commanding import Command, fields, saying, told, waited
from tests.api.hooking import Relay
from tests.api.test_deliveries_worker import Works, arrived, say, works
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
    assert told(ada) == ["`/deploy` did not work: it may have been done, but its answer was lost."]


def test_a_program_that_hangs_delays_no_other_command_not_even_its_own(works: Works, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    with receiving(receivers.hanging, then=saying({"text": "done"})) as receiver:
        command = Command(ada, chat, receiver.url)
        command.give(bob, "one")
        receiver.wait_for(1)
        command.give(bob, "two")
        wait_until(lambda: len(told(bob)) == 2 and not under_way(command), "one is answered and the other given up")
        first, second = command.rows()
    assert not waited(second, [first])
    assert sorted(told(bob)) == ["`/deploy` did not work: its program did not answer in time.", "done"]
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
        relay, healthy = Relay(ada, chat, well.url), Command(ada, chat, well.url)
        healthy.give(ada)
        say(ada, chat, "an event")
        wait_until(lambda: not under_way(healthy) and arrived(relay), "both have arrived")
        hanging = [row for command in commands for row in command.rows()]
        (event,) = Delivery.raw().find({"webhook": ObjectId(relay.id)})
    assert "here" in told(ada)
    assert not waited(healthy.rows()[0], hanging) and not waited(event, hanging)
