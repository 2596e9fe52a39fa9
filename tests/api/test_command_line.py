"""`infitalks webhooks …`: the machine's admin looks after any webhook, also of chats that nobody let them into."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bson import ObjectId

from infitalks.backends import http
from infitalks.cli import main
from infitalks.models.webhooks import Webhook
from infitalks.settings import load_settings
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay, tell
from tests.api.test_requests_kept import kept
from tests.hooks import Hook
from tests.people import Person
from tests.receivers import Receiver

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    stores_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """`run("list")`: the exit code, what it printed, and its errors."""
    environ = {**stores_environ, "MONGODB_DATABASE": "api", "INFITALKS_DATA": str(tmp_path)}
    environ["INFITALKS_EGRESS_ALLOW"] = "127.0.0.0/8"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(("webhooks", *arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    yield command
    http.configure(load_settings(stores_environ))


def test_all_webhooks_are_listed_and_shown_without_their_secrets(run: Run, hook: Hook, receiver: Receiver) -> None:
    relay = Relay(hook.owner, hook.chat, receiver.url, trigger_words=["hey"])
    code, printed, errors = run("list")
    assert (code, errors) == (0, "")
    lines = printed.splitlines()
    assert f"{hook.made['id']} incoming on      Builds (Garden)" in lines
    assert f"{relay.id} outgoing on      Relay (Garden)" in lines
    code, printed, _ = run("show", relay.id)
    assert code == 0 and f"url: {receiver.url}" in printed and 'trigger_words: ["hey"]' in printed
    assert relay.made["secret"] not in printed and relay.made["token"] not in printed


def test_what_came_in_is_listed_and_received_again(run: Run, hook: Hook) -> None:
    hook.post({"text": "x\x1b[2J"})
    hook.post({})
    refused, taken = kept(hook, 2)
    code, printed, _ = run("deliveries", hook.made["id"])
    first, second = printed.splitlines()
    assert code == 0 and first.startswith(refused["id"])
    assert "dead, 400 in" in first and first.endswith(": No text specified.")
    assert second.startswith(taken["id"]) and "post.slack ok, 200 in" in second
    code, printed, _ = run("deliveries", hook.made["id"], "--state", "ok", "--json")
    assert "\x1b" not in printed and json.loads(printed)["body"] == taken["body"]
    assert "older ones" in run("deliveries", hook.made["id"], "--limit", "1")[1]
    code, printed, errors = run("redeliver", hook.made["id"], taken["id"])
    assert (code, errors) == (0, "") and len(hook.messages()) == 2
    assert run("redeliver", hook.made["id"], refused["id"])[0] == 1
    assert [replay["by"] for replay in kept(hook, 2)[1]["replays"]] == [None]
    hook.rules(template="x")
    assert run("redeliver", hook.made["id"], "--failed")[:2] == (0, "1 delivered again\n")


def test_what_it_was_told_is_delivered_again(run: Run, ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "one")
    tell(chat, relay)
    (delivery,) = relay.deliveries()
    code, printed, _ = run("redeliver", relay.id, delivery["id"])
    assert code == 0 and "message.sent new" in printed
    relay.work()
    assert len(receiver.got) == 2
    assert [replay["by"] for replay in relay.deliveries()[0]["replays"]] == [None]


def test_a_test_a_new_address_and_the_switch(run: Run, hook: Hook) -> None:
    code, printed, _ = run("test", hook.made["id"])
    assert code == 0 and "post.slack ok" in printed and len(hook.messages()) == 1
    maker = Webhook.objects(id=hook.made["id"]).first().created_by
    code, address, _ = run("rotate", hook.made["id"])
    assert code == 0 and address.startswith("http") and hook.post({"text": "old"}).status_code == 404
    hook.path = "/hooks/" + address.strip().rpartition("/")[2]
    assert hook.post({"text": "new"}).status_code == 200
    assert Webhook.objects(id=hook.made["id"]).first().created_by == maker
    assert run("disable", hook.made["id"])[:2] == (0, "Builds is off\n")
    assert hook.post({"text": "off"}).status_code == 404
    code, _, errors = run("test", hook.made["id"])
    assert code == 1 and "switched off" in errors
    assert run("enable", hook.made["id"])[:2] == (0, "Builds is on\n")


def test_a_new_secret_signs_from_now_on(run: Run, ada: Person, receiver: Receiver) -> None:
    relay = Relay(ada, ada.group(), receiver.url)
    code, secret, _ = run("rotate", relay.id)
    stored = Webhook.objects(id=relay.id).first()
    assert code == 0 and secret.strip() == stored.secret != relay.made["secret"] == stored.old_secret


def test_what_is_wrong_is_said_on_stderr_and_changes_nothing(run: Run, hook: Hook, eve: Person) -> None:
    hook.post({"text": "x"})
    (row,) = kept(hook)
    other = Hook(hook.client.application, eve, eve.group()).made["id"]
    with nothing_changes():
        for arguments in (
            ("show", "0" * 24),
            ("show", "nothing"),
            ("redeliver", hook.made["id"], "nothing"),
            ("redeliver", other, row["id"]),
            ("rotate", str(ObjectId())),
        ):
            code, printed, errors = run(*arguments)
            assert (code, printed) == (1, "") and errors.count("\n") == 1, arguments
        for misused in (
            ("redeliver", other),
            ("deliveries", other, "--limit", "0"),
            ("deliveries", other, "--state", "x"),
        ):
            with pytest.raises(SystemExit) as ended:
                run(*misused)
            assert ended.value.code == 2
