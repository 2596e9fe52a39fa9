"""One run of the whole product that logs for machines, and everything in it that leaves figures and lines."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from infitalks.local.ports import pick_port
from tests.production.test_by_url import Caller, next_message, said, signed_up
from tests.receivers import answering, receiving
from tests.running import wait_until
from tests.whole import WholeRun

REQUEST_ID = "X-Request-ID"


class Watched:
    """The run, and what was done in it: a message with `marker` in all that people write, heard live and by webhook."""

    def __init__(self, folder: Path) -> None:
        self.marker = f"marker{secrets.token_hex(8)}"
        self.workers = f"127.0.0.1:{pick_port()}"
        told = {"INFITALKS_LOG": "json", "INFITALKS_METRICS_LISTEN": self.workers, "PUSHER_PAGE_HOST": "127.0.0.1"}
        self.run = WholeRun(folder, told)
        self.ports: dict[str, int] = json.loads((folder / "data" / "ports.json").read_text())

    def visit(self) -> None:
        """Everything once."""
        with receiving(then=answering(200)) as receiver:
            ada = self.ada = signed_up(self.run.url, self.marker)
            self.chat = ada.call(
                "POST", "/api/chats", {"kind": "group", "name": f"Group {self.marker}", "member_ids": []}
            )["id"]
            hooks = f"/api/chats/{self.chat}/webhooks"
            incoming = ada.call("POST", hooks, {"kind": "incoming", "name": "In"})
            outgoing = {"kind": "outgoing", "name": "Out", "url": receiver.url, "format": "json"}
            self.secrets = [incoming["url"].rpartition("/")[2]]
            self.secrets.append(ada.call("POST", hooks, {**outgoing, "events": ["message.sent"]})["secret"])
            with ada.listen() as live:
                self.sent = self._say(ada)
                next_message(live, f"hello {self.marker}")
            requests.post(incoming["url"], json={"text": self.marker}, timeout=20).raise_for_status()
            receiver.wait_for(1)  # what a bot says is not told to another
            self._be_refused(ada)
        wait_until(lambda: self.lines("webhook called"), "the webhook's line")
        wait_until(lambda: any(line["last"] == 5 for _, line in self.lines("told")), "pages are told of all")

    def _say(self, ada: Caller) -> requests.Response:
        body = said(self.chat, f"hello {self.marker}")
        answer = ada.http.post(f"{ada.url}/api/messages", json=body, headers={"X-CSRF-Token": ada.csrf}, timeout=20)
        assert answer.status_code == 201, answer.text
        return answer

    def _be_refused(self, ada: Caller) -> None:
        password = {"login": f"{self.marker}@example.org", "password": f"wrong {self.marker}"}
        for path in (f"/api/users?q={self.marker}", f"/nothing/{self.marker}", f"/hooks/{self.marker}"):
            ada.http.get(ada.url + path, timeout=20)
        requests.post(f"{ada.url}/login", data=password, timeout=20)

    def lines(self, event: str) -> list[tuple[str, dict[str, Any]]]:
        """(process, line) of all lines about this event."""
        parted = (line.partition("|") for line in self.run.printed().splitlines())
        found = ((name.strip(), text.strip()) for name, _, text in parted if text.strip().startswith("{"))
        lines = ((name, json.loads(text)) for name, text in found)
        return [(name, line) for name, line in lines if line["event"] == event]

    def scrape(self) -> dict[str, str]:
        """What each of the three answers, once they know of all that was done."""
        addresses = {"web": self.run.url, "worker": f"http://{self.workers}"}
        addresses["gateway"] = f"http://127.0.0.1:{self.ports['gateway']}"
        answers = {part: requests.get(f"{url}/metrics", timeout=20) for part, url in addresses.items()}
        assert {part: answer.status_code for part, answer in answers.items()} == dict.fromkeys(addresses, 200)
        return {part: answer.text for part, answer in answers.items()}


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as ending:
        watched = Watched(tmp_path_factory.mktemp("watched"))
        ending.callback(watched.run.stop)
        watched.visit()
        yield watched
