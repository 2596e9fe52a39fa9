"""What webhooks may reach under `make run`: this machine where only its people use the chat, never its own services."""

from pathlib import Path

import pytest

from infitalks.backends.http import own_ports
from infitalks.local.environment import prepare
from infitalks.settings import load_settings


@pytest.mark.parametrize(
    ("host", "given", "allowed"),
    [
        ("127.0.0.1", "", "127.0.0.0/8"),
        ("localhost", "", "127.0.0.0/8"),
        ("::1", "", "127.0.0.0/8"),
        ("0.0.0.0", "", ""),
        ("192.168.1.5", "", ""),
        ("127.0.0.1", "10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0", "10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_this_machine_may_be_reached_where_only_its_people_use_the_chat(
    tmp_path: Path, host: str, given: str, allowed: str
) -> None:
    settings = {"INFITALKS_HOST": host, "INFITALKS_DATA": str(tmp_path), "INFITALKS_EGRESS_ALLOW": given}
    run = prepare(load_settings(settings), settings)
    assert run.variables["INFITALKS_EGRESS_ALLOW"] == allowed


@pytest.mark.parametrize("port", ["0", "8123"])
def test_the_ports_of_all_that_it_starts_are_closed(tmp_path: Path, port: str) -> None:
    settings = {"INFITALKS_PORT": port, "INFITALKS_DATA": str(tmp_path)}
    run = prepare(load_settings(settings), settings)
    assert len(run.stand_ins) == 4
    assert own_ports(load_settings(run.variables)) >= {run.port, *run.stand_ins.values()}
