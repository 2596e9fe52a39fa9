"""The admin's commands: each one action, or one task by name. `infitalks --help` lists them."""

import argparse
import getpass
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pymongo.errors import PyMongoError

from infitalks.actions import (
    backups,
    deliveries,
    doctor,
    exports,
    imports,
    maintenance,
    migrations,
    users,
    webhooks,
)
from infitalks.app import create_app
from infitalks.errors import InfiTalksError, NotFound
from infitalks.local.environment import prepare
from infitalks.local.run import main as run_everything
from infitalks.models.chats import chat_by_id
from infitalks.models.database import Doc, object_id
from infitalks.models.deliveries import STATES
from infitalks.models.maintenance import Report
from infitalks.models.webhooks import Webhook, every_webhook, webhook_by_id
from infitalks.schemas.base import validate
from infitalks.schemas.deliveries import delivery_out
from infitalks.schemas.users import RegisterIn
from infitalks.schemas.webhooks import webhook_out
from infitalks.settings import Settings, SettingsError, load_settings

FOLLOW_SECONDS = 600
BAR = 24  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 refused, 2 misused."""
    asked = _parser().parse_args(arguments)
    try:
        settings = _settings()
        command: Callable[[Settings, argparse.Namespace], int] = asked.command
        return command(settings, asked)
    except PyMongoError as error:
        print(f"MongoDB: {str(error)[:200]}\n`infitalks doctor` says more.", file=sys.stderr)
        return 1
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
    _add_webhooks(commands.add_parser("webhooks", help="look after webhooks and their deliveries"))
    commands.add_parser("doctor", help="what is wrong here, and how to mend it").set_defaults(command=_examine)
    for name, what, act in (
        ("backup", "write everything into a new file, while the chat runs", _back_up),
        ("restore", "bring a backup back, where nobody is yet", _restore),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("file", type=Path)
        command.set_defaults(command=act)
    _add_exports(commands.add_parser("export", help="write a chat, or what is one person's, into a new zip"))
    _add_imports(commands.add_parser("import", help="bring in what was said elsewhere"))
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
    claim = commands.add_parser("claim", help="a password for somebody who was imported; asks for it")
    claim.add_argument("login", help="e-mail or username")
    claim.set_defaults(command=_claim)
    promote = commands.add_parser("promote", help="make an existing account admin")
    promote.add_argument("login", help="e-mail or username")
    promote.set_defaults(command=_promote)


def _add_maintenance(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="the tasks there are").set_defaults(command=_list_tasks)
    commands.add_parser("history", help="what ran, and what came of it").set_defaults(command=_list_reports)
    run = commands.add_parser("run", help="queue a task and follow its report")
    run.add_argument("name")
    run.add_argument("--dry-run", action="store_true", help="count, change nothing")
    run.set_defaults(command=_run_task)


def _add_webhooks(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="all there are, by chat").set_defaults(command=_list_webhooks)
    for name, what, act in (
        ("show", "all about one", _show_webhook),
        ("deliveries", "what it was told, or what came in; the newest first", _list_deliveries),
        ("redeliver", "deliver or receive again", _redeliver),
        ("test", "send a test through it", _test_webhook),
        ("rotate", "a new address or secret, shown once", _rotate_webhook),
        ("enable", "switch it on", _switch_webhook),
        ("disable", "switch it off", _switch_webhook),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("webhook", help="its id, as `list` says it")
        command.set_defaults(command=act, name=name)
        if name == "deliveries":
            command.add_argument("--state", choices=STATES, help="only these; dead: the failed and refused ones")
            command.add_argument("--limit", type=int, default=20, choices=range(1, 1001), metavar="N")
            command.add_argument("--json", action="store_true", help="all about each, one on a line")
        if name == "redeliver":
            which = command.add_mutually_exclusive_group(required=True)
            which.add_argument("delivery", nargs="?", help="its id, as `deliveries` says it")
            which.add_argument("--failed", action="store_true", help="all that failed")


def _add_exports(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for name, what, act in (
        ("chat", "its id, as its address says it", exports.export_chat),
        ("user", "e-mail or username", exports.export_user),
    ):
        command = commands.add_parser(name)
        command.add_argument("which", help=what)
        command.add_argument("file", type=Path)
        command.set_defaults(command=_export, act=act)


def _add_imports(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="FROM")
    slack = commands.add_parser("slack", help="an export of a Slack workspace, as Slack's zip")
    slack.add_argument("file", type=Path)
    slack.add_argument("--dry-run", action="store_true", help="count, change nothing")
    slack.add_argument(
        "--trust-addresses",
        action="store_true",
        help="take people for those who signed up here with the same e-mail, though no provider has verified it",
    )
    slack.set_defaults(command=_import_slack)


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
    fields = {"email": asked.email, "username": asked.username, "password": _ask_password()}
    user = users.make_admin(users.register(validate(RegisterIn, fields)).username)
    print(f"{user.username} is admin")
    return 0


def _ask_password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _claim(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(f"{imports.claim_account(asked.login, _ask_password()).username} can sign in")
    return 0


def _promote(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(f"{users.make_admin(asked.login).username} is admin")
    return 0


def _list_tasks(settings: Settings, asked: argparse.Namespace) -> int:
    for task in maintenance.TASKS.values():
        print(f"{task.name:20} {task.summary}")
    return 0


def _list_reports(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    for report in maintenance.history():
        print(f"{report.queued_at:%Y-%m-%d %H:%M:%S} {report.task:20} {report.state:8} {_counted(report.counts)}")
    return 0


def _counted(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in counts.items())


def _run_task(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    report = maintenance.ask(asked.name, getpass.getuser(), dry_run=asked.dry_run)
    print(f"queued {report.task} as {report.id}")
    with suppress(KeyboardInterrupt):  # it goes on without us
        report = _follow(report)
    for line in report.lines:
        print(f"  {line}")
    later = "It goes on: `infitalks maintenance history` tells how it ends." if report.is_open else ""
    print(report.state, _counted(report.counts), report.message or later)
    return 0 if report.state == "done" else 1


def _follow(report: Report) -> Report:
    """The report at its end, or after ten minutes. Until then one sees how far it is."""
    live = sys.stdout.isatty()
    give_up, shown = time.monotonic() + FOLLOW_SECONDS, ""
    while report.is_open and time.monotonic() < give_up:
        time.sleep(0.2)
        report = maintenance.report_of(report.id)
        if report.is_open and (now := _progress(report, live)) != shown:
            shown = now
            fits = shutil.get_terminal_size().columns - 1
            print(f"\r{now[:fits]}\033[K" if live else now, end="" if live else "\n", flush=True)
    print("\r\033[K" if live else "", end="")
    return report


def _progress(report: Report, live: bool) -> str:
    """One line: on a terminal with a bar, where it is known how much there is; elsewhere in tenths."""
    if report.state == "queued":
        return "queued; where it stays so, nobody works on it: `infitalks doctor` says why"
    done = min(report.seen / report.total, 1) if report.total else None
    if done is None or not live:
        tenths = "" if done is None else f"{int(done * 10) * 10} %"
        return " ".join(filter(None, (report.state, tenths, report.message)))
    bar = ("█" * round(done * BAR)).ljust(BAR, "░")
    return f"{bar} {done:4.0%} {report.seen:,} of {report.total:,} {report.message or _counted(report.counts)}"


def _list_webhooks(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    for webhook in every_webhook():
        chat = (chat_by_id(webhook.chat) or {}).get("name") or "a direct chat"
        print(f"{webhook.id} {webhook.kind:8} {_state_of(webhook):7} {webhook.name} ({chat})")
    return 0


def _state_of(webhook: Webhook) -> str:
    if not webhook.active:
        return "off"
    return "failing" if webhook.failing_since else "on"


def _get_webhook(settings: Settings, asked: argparse.Namespace) -> Webhook:
    # The machine's admin is asked for no membership.
    create_app(settings)
    try:
        webhook = webhook_by_id(object_id(asked.webhook))
    except NotFound:
        webhook = None
    if not webhook:
        raise NotFound(f"No webhook has the id {asked.webhook!r}.")
    return webhook


def _show_webhook(settings: Settings, asked: argparse.Namespace) -> int:
    for name, value in webhook_out(_get_webhook(settings, asked)).model_dump(mode="json").items():
        if value not in (None, []):
            plain = isinstance(value, str) and value.isprintable()
            print(f"{name}: {value if plain else json.dumps(value)}")
    return 0


def _list_deliveries(settings: Settings, asked: argparse.Namespace) -> int:
    webhook = _get_webhook(settings, asked)
    found, more = deliveries.list_deliveries(webhook, None, [asked.state] if asked.state else [], None, asked.limit)
    for row in found:
        # In JSON everything beyond ASCII is escaped: what others have sent must not steer the terminal.
        print(json.dumps(delivery_out(row).model_dump(mode="json")) if asked.json else _line_of(row))
    if more and not asked.json:
        print(f"and older ones: --limit {asked.limit * 2} shows more")
    return 0


def _line_of(row: Doc) -> str:
    last = row["attempts"][-1] if row["attempts"] else {}
    how = f"{last.get('status') or 'no answer'} in {last['took_ms']} ms" if last else "not tried yet"
    reason = f": {row['reason']}" if row.get("reason") else ""
    return f"{row['_id']} {row['created_at']:%Y-%m-%d %H:%M:%S} {row['type']} {row['state']}, {how}{reason}"


def _redeliver(settings: Settings, asked: argparse.Namespace) -> int:
    webhook = _get_webhook(settings, asked)
    if asked.failed:
        print(f"{deliveries.redeliver_failed(webhook, None)} delivered again")
        return 0
    try:
        return _tell_delivery(deliveries.redeliver(webhook, None, asked.delivery))
    except NotFound:
        raise NotFound(f"This webhook has no delivery {asked.delivery!r}.") from None


def _tell_delivery(row: Doc) -> int:
    print(_line_of(row))
    return 1 if row["state"] == "dead" else 0


def _test_webhook(settings: Settings, asked: argparse.Namespace) -> int:
    return _tell_delivery(deliveries.send_test(_get_webhook(settings, asked)))


def _rotate_webhook(settings: Settings, asked: argparse.Namespace) -> int:
    webhook = _get_webhook(settings, asked)
    secret = webhooks.rotate_webhook(webhook, None)
    print(f"{settings.public_url.rstrip('/')}/hooks/{secret}" if webhook.kind == "incoming" else secret)
    return 0


def _switch_webhook(settings: Settings, asked: argparse.Namespace) -> int:
    webhook = _get_webhook(settings, asked)
    webhooks.change_webhook(webhook, {"active": asked.name == "enable"}, None)
    print(f"{webhook.name} is {_state_of(webhook)}")
    return 0


def _examine(settings: Settings, asked: argparse.Namespace) -> int:
    with suppress(SettingsError):  # which is the first thing that it will say
        create_app(settings)
    found = doctor.examine(settings)
    for finding in found:
        print(f"{'BAD ' if finding.fault else 'good'}  {finding.part}{': ' if finding.fault else ''}{finding.fault}")
        if finding.cure:
            print(f"      -> {finding.cure}")
    return 1 if any(finding.fault for finding in found) else 0


def _back_up(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(_counted(backups.make_backup(asked.file, print)))
    print("It holds what people said and webhooks' secrets. Keep SECRET_KEY (or CONTENT_KEY) in another place.")
    return 0


def _restore(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(_counted(backups.restore_backup(asked.file, print)))
    return 0


def _export(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    print(_counted(asked.act(asked.which, asked.file, print)))
    return 0


def _import_slack(settings: Settings, asked: argparse.Namespace) -> int:
    create_app(settings)
    counts = imports.import_slack(asked.file, print, asked.dry_run, verified_only=not asked.trust_addresses)
    for name, count in counts.items():
        print(f"{count:8} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
