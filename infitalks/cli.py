"""The admin's commands: each one action, or one task by name. `infitalks --help` lists them."""

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable, Sequence

from infitalks.actions import maintenance, migrations, users
from infitalks.app import create_app
from infitalks.errors import InfiTalksError
from infitalks.local.environment import prepare
from infitalks.local.run import main as run_everything
from infitalks.schemas.base import validate
from infitalks.schemas.users import RegisterIn
from infitalks.settings import Settings, SettingsError, load_settings

FOLLOW_SECONDS = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 refused, 2 misused."""
    asked = _parser().parse_args(arguments)
    try:
        settings = _settings()
        command: Callable[[Settings, argparse.Namespace], int] = asked.command
        return command(settings, asked)
    except (SettingsError, InfiTalksError) as error:
        fields = getattr(error, "fields", None) or {}
        for text in (str(error), *(f"  {name}: {what}" for name, what in fields.items())):
            print(text, file=sys.stderr)
        return 1


def _settings() -> Settings:
    """From the environment; on a machine where `infitalks run` keeps its data, completed as that run is."""
    settings = load_settings(os.environ)
    if (settings.data / "ports.json").exists():
        return load_settings({**os.environ, **prepare(settings, os.environ).variables})
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infitalks", description="A self-hosted real-time chat.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("run", help="start everything on this machine").set_defaults(command=_run)
    _add_database(commands.add_parser("db", help="the database's form"))
    _add_admin(commands.add_parser("admin", help="make and promote admins"))
    _add_maintenance(commands.add_parser("maintenance", help="run maintenance tasks"))
    return parser


def _add_database(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("upgrade", help="run what migrations are pending").set_defaults(command=_upgrade)
    commands.add_parser("status", help="list the migrations").set_defaults(command=_status)


def _add_admin(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="a new account that is admin; asks for the password")
    create.add_argument("email")
    create.add_argument("username")
    create.set_defaults(command=_create_admin)
    promote = commands.add_parser("promote", help="make an existing account admin")
    promote.add_argument("login", help="e-mail or username")
    promote.set_defaults(command=_promote)


def _add_maintenance(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="the tasks there are").set_defaults(command=_list_tasks)
    run = commands.add_parser("run", help="queue a task and follow its report")
    run.add_argument("name")
    run.add_argument("--dry-run", action="store_true", help="count, change nothing")
    run.set_defaults(command=_run_task)


def _run(settings: Settings, asked: argparse.Namespace) -> int:
    return run_everything(load_settings(os.environ))


def _upgrade(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    for name in migrations.upgrade():
        print(f"ran {name}")
    return 0


def _status(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    done = migrations.applied()
    for name in migrations.names():
        print(f"{'done   ' if name in done else 'pending'} {name}")
    for name in migrations.newer():
        print(f"unknown {name}")
    migrations.require_known()
    return 0


def _create_admin(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    fields = {"email": asked.email, "username": asked.username, "password": password}
    user = users.register(validate(RegisterIn, fields))
    users.make_admin(user.username)
    print(f"{user.username} is admin")
    return 0


def _promote(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(f"{users.make_admin(asked.login).username} is admin")
    return 0


def _list_tasks(settings: Settings, asked: argparse.Namespace) -> int:
    for task in maintenance.TASKS.values():
        print(f"{task.name:20} {task.summary}")
    return 0


def _run_task(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    report = maintenance.ask(asked.name, getpass.getuser(), dry_run=asked.dry_run)
    print(f"queued {report.task} as {report.id}")
    give_up = time.monotonic() + FOLLOW_SECONDS
    while report.state in ("queued", "running") and time.monotonic() < give_up:
        time.sleep(0.2)
        report = maintenance.report_of(report.id)
    print(report.state, *(f"{name}={count}" for name, count in report.counts.items()), report.message)
    return 0 if report.state == "done" else 1


if __name__ == "__main__":
    sys.exit(main())
