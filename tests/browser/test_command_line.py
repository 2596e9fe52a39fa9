"""The admin's commands beside a whole run."""

import secrets
import zipfile
from pathlib import Path

import pytest

from tests.browser.visitors import Visitor
from tests.whole import WholeRun


def test_a_whole_run_is_well(whole: WholeRun) -> None:
    examined = whole.command("doctor")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert {"good  MongoDB", "good  workers", "good  beat", "good  live events", "good  pictures"} <= set(
        examined.stdout.splitlines()
    )


def test_what_is_wrong_is_said_with_its_cure(whole: WholeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(whole.environ, "PUBLIC_URL", "http://127.0.0.1:1")
    examined = whole.command("doctor")
    assert examined.returncode == 1
    assert "BAD   address: http://127.0.0.1:1/healthz does not answer" in examined.stdout
    assert "correct PUBLIC_URL" in examined.stdout


def test_everything_is_backed_up_while_it_runs_and_not_restored_over_people(
    whole: WholeRun, ada: Visitor, chat: str, tmp_path: Path
) -> None:
    ada.post(chat, "to be kept")
    file = tmp_path / "all.zip"
    made = whole.command("backup", str(file))
    assert made.returncode == 0, made.stderr
    assert "documents=" in made.stdout and b"to be kept" in zipfile.ZipFile(file).read("db/log.bson")
    again = whole.command("backup", str(file))
    assert again.returncode == 1 and "is there already" in again.stderr
    over = whole.command("restore", str(file))
    assert over.returncode == 1 and "People are here already" in over.stderr
    ada.post(chat, "and on")


def test_a_chat_and_what_is_ones_own_are_exported(whole: WholeRun, ada: Visitor, chat: str, tmp_path: Path) -> None:
    ada.post(chat, "to be taken along")
    for arguments, part in ((("chat", chat), "chat.json"), (("user", ada.username), "messages.json")):
        file = tmp_path / f"{part}.zip"
        made = whole.command("export", *arguments, str(file))
        assert made.returncode == 0, made.stderr
        assert b"to be taken along" in zipfile.ZipFile(file).read(part)
    missing = whole.command("export", "chat", "nothing", str(tmp_path / "none.zip"))
    assert missing.returncode == 1 and missing.stderr and not (tmp_path / "none.zip").exists()


def test_what_is_no_slack_export_is_refused_and_nobody_is_claimed(
    whole: WholeRun, ada: Visitor, tmp_path: Path
) -> None:
    (tmp_path / "slack.zip").write_bytes(secrets.token_bytes(100))
    refused = whole.command("import", "slack", str(tmp_path / "slack.zip"), "--dry-run")
    assert refused.returncode == 1 and "file" in refused.stderr
    claimed = whole.command("admin", "claim", ada.username, said="a-new-password\n")
    assert claimed.returncode == 1 and "claimed" in claimed.stderr


def test_the_history_of_maintenance_is_shown(whole: WholeRun) -> None:
    assert whole.command("maintenance", "run", "expired-sessions").returncode == 0
    shown = whole.command("maintenance", "history")
    assert shown.returncode == 0 and "expired-sessions" in shown.stdout.splitlines()[0]
