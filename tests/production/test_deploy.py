"""What stands in deploy/ holds together: containers, units and proxy run the very commands of docs/deploy.md, which
test_by_url.py starts; every queue has a worker, every variable is a setting, every file that is copied is there.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from infitalks.backends.queue import QUEUES
from infitalks.local.services import ROOT
from infitalks.schemas.bots import LONGEST_WAIT
from infitalks.settings import Settings, check_complete, load_settings

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("infitalks:")}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMMANDS = re.findall(r"^(?:granian|celery|python -m) .*", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
# What differs from one place to the other: addresses, ports, and whose pages the gateway serves.
PLACES = re.compile(r"^(0\.0\.0\.0|127\.0\.0\.1|80\d\d|%i|http://(web1|127\.0\.0\.1):800\d/)")


def comparable(words: list[str]) -> list[str]:
    """A command, less what differs from one place to the other."""
    return [PLACES.sub("<place>", word) for word in words]


DOCUMENTED = [comparable(shlex.split(command)) for command in COMMANDS]


def variables(file: Path) -> dict[str, str]:
    lines = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def unit(file: Path, option: str) -> str:
    (found,) = re.findall(rf"^{option}=(.*)$", file.read_text(), re.MULTILINE)
    return str(found)


def units_commands() -> Iterator[list[str]]:
    """Of each unit, and of the worker's for each queue that has a file of options."""
    for file in UNITS:
        command = unit(file, "ExecStart").replace("/opt/infitalks/.venv/bin/", "").replace("%%h", "%h")
        if "$OPTIONS" not in command:
            yield shlex.split(command)
            continue
        for options in (DEPLOY / "systemd" / "workers").iterdir():
            yield shlex.split(command.replace("$OPTIONS", variables(options)["OPTIONS"]).replace("%i", options.stem))


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_command_that_is_documented(name: str) -> None:
    assert comparable(OURS[name]["command"]) in DOCUMENTED


def test_the_image_serves_the_web_if_it_is_told_nothing() -> None:
    (by_itself,) = re.findall(r"^CMD (.*)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert yaml.safe_load(by_itself) == OURS["web1"]["command"]


def test_a_unit_runs_a_command_that_is_documented() -> None:
    commands = list(units_commands())
    assert len(commands) == 3 + len(QUEUES)
    for command in commands:
        assert comparable(command) in DOCUMENTED


def test_containers_and_units_serve_every_queue() -> None:
    for commands in ([service["command"] for service in OURS.values()], list(units_commands())):
        served = [command[command.index("-Q") + 1] for command in commands if "-Q" in command]
        assert sorted(served) == sorted(QUEUES.values())
        assert sum("beat" in command for command in commands) == 1


def test_the_target_wants_every_unit_and_two_web_servers() -> None:
    wanted = re.findall(r"infitalks-[\w@]+\.service", (DEPLOY / "systemd" / "infitalks.target").read_text())
    assert {re.sub(r"@\w+", "@", name) for name in wanted} == {file.name for file in UNITS}
    assert {f"infitalks-worker@{queue}.service" for queue in QUEUES.values()} <= set(wanted)
    assert sum(name.startswith("infitalks-web@") for name in wanted) == 2


def test_every_variable_of_the_example_is_a_setting_and_filled_in_it_is_complete() -> None:
    example = variables(DEPLOY / "env.example")
    known = {str(field.alias) for field in Settings.model_fields.values()}
    assert set(example) - known == {"COMPOSE_PROFILES", "INFITALKS_VERSION"}
    blanks = {name: "Xk3vQ9pLr7TzWm2bNc8dHs5fJy4gAe6u" for name, value in example.items() if not value}
    settings = load_settings({**example, **blanks})
    check_complete(settings)
    assert (settings.mode, settings.https, settings.proxy_hops) == ("production", True, 1)


def test_whoever_takes_the_stores_out_of_the_profiles_can_start_the_rest() -> None:
    profiles = set(variables(DEPLOY / "env.example")["COMPOSE_PROFILES"].split(","))
    assert {profile for service in SERVICES.values() for profile in service.get("profiles", [])} >= profiles
    for service in SERVICES.values():
        needs = service.get("depends_on", {})
        optional = {name for name in needs if SERVICES[name].get("profiles")}
        assert all(needs[name]["required"] is False for name in optional)


def test_only_the_proxy_is_open_to_the_world_and_the_stores_reach_nobody() -> None:
    open_to = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert {name for name, ports in open_to.items() if any(not port.startswith("127.") for port in ports)} == {"proxy"}
    assert COMPOSE["networks"]["stores"]["internal"] is True
    assert {name for name, service in SERVICES.items() if service["networks"] == ["stores"]} == {"mongo", "redis"}


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_has_no_rights_and_writes_nowhere(name: str) -> None:
    assert OURS[name]["cap_drop"] == ["ALL"] and OURS[name]["read_only"] is True
    assert "USER infitalks" in (DEPLOY / "Containerfile").read_text()


def test_what_the_image_copies_is_there_and_gets_into_it() -> None:
    ignore = (DEPLOY / "Containerfile.dockerignore").read_text().split("\n")
    sent = {line[1:] for line in ignore if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert names == sent
    assert all((ROOT / name).exists() for name in names)


def test_the_image_is_built_from_the_lock_without_the_databases_programs() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    (expression,) = re.findall(r"sed -E '(.*?)' requirements.lock", text)
    (left_out,) = re.findall(r"\^\((.*?)\)", expression)
    for name in left_out.split("|"):
        assert re.search(rf"^{name}[\w-]*==", (ROOT / "requirements.lock").read_text(), re.MULTILINE), name


def test_the_proxy_gives_the_gateway_what_is_nobodys_else_and_keeps_figures_inside() -> None:
    proxy = (DEPLOY / "Caddyfile").read_text()
    assert re.findall(r"^\thandle (/\S+)", proxy, re.MULTILINE) == ["/app/*", "/metrics"]
    doors = "\n".join(file.read_text() for file in (ROOT / "infitalks" / "blueprints").glob("*.py"))
    routes = re.findall(r'^@blueprint\.\w+\("(/.*?)"', doors, re.MULTILINE)
    assert len(routes) > 50 and not [route for route in routes if route.startswith("/app/")]
    upstreams = re.findall(r"reverse_proxy \{\$\w+:(.*?)\}", proxy)
    assert " ".join(upstreams).split() == ["gateway:6001", "web1:8000", "web2:8000"]


def test_prometheus_asks_everybody_who_counts() -> None:
    jobs = yaml.safe_load(COMPOSE["configs"]["prometheus"]["content"])["scrape_configs"]
    found = [place for job in jobs for place in job.get("static_configs", [])]
    asked = {target.partition(":")[0] for place in found for target in place["targets"]}
    named = {name for job in jobs for place in job.get("dns_sd_configs", []) for name in place["names"]}
    workers = {name for name in OURS if name.startswith("worker-")}
    assert (asked, named) == ({"web1", "web2", *workers}, {"gateway"})
    assert all(OURS[name]["environment"]["INFITALKS_METRICS_LISTEN"] == "0.0.0.0:9465" for name in workers)
    assert (DEPLOY / "monitoring" / "alerts.yml").exists()


def test_the_proxy_takes_what_the_app_takes() -> None:
    (most,) = re.findall(r"max_size \{\$LARGEST_BODY:(\d+)MB\}", (DEPLOY / "Caddyfile").read_text())
    settings = load_settings({})
    assert int(most) * 10**6 > settings.largest_file_mb * 2**20 + 2**16


def test_a_web_server_is_given_longer_to_end_than_a_bot_may_wait() -> None:
    web = DEPLOY / "systemd" / "infitalks-web@.service"
    command = shlex.split(unit(web, "ExecStart"))
    patience = int(command[command.index("--workers-kill-timeout") + 1])
    assert LONGEST_WAIT < patience < int(unit(web, "TimeoutStopSec"))
    assert patience < int(OURS["web1"]["stop_grace_period"].removesuffix("s"))
