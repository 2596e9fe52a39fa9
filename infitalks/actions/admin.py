"""What admins do to accounts, webhooks and the site, each kept with who did it. Not for: maintenance by name."""

from datetime import UTC, datetime
from typing import Any

from infitalks.actions import maintenance, webhooks
from infitalks.actions.admins import one_at_a_time, require_another_admin
from infitalks.actions.deliveries import redeliver_failed, require_on
from infitalks.actions.retention import keep_chat_for, require_meant
from infitalks.actions.sessions import end_all_sessions
from infitalks.actions.upkeep import replay_entries
from infitalks.actions.users import disable_user
from infitalks.errors import Conflict, NotFound
from infitalks.models.chats import chat_by_id
from infitalks.models.database import Doc, object_id
from infitalks.models.log import entry_by_id
from infitalks.models.maintenance import Report
from infitalks.models.site import Act, Site, site
from infitalks.models.users import User, user_by_id
from infitalks.models.webhooks import Webhook, webhook_by_id
from infitalks.schemas.admin import SiteIn
from infitalks.schemas.chats import RetentionIn


def _note(by: User, what: str, about: str) -> None:
    """Before it is done: rather an act that came to nothing on the list than one that is missing there."""
    Act(at=datetime.now(UTC), by=by.id, by_name=by.username, what=what, about=about).save(force_insert=True)


def _person(user_id: str) -> User:
    user = user_by_id(object_id(user_id))
    if not user:
        raise NotFound()
    return user


def disable(by: User, user_id: str) -> User:
    """Nothing of this account works any more, until it is enabled again. Raises Conflict for the last admin."""
    with one_at_a_time():
        user = _person(user_id)
        require_another_admin(user)
        _note(by, "disabled", user.username)
        disable_user(user)
    return user


def enable(by: User, user_id: str) -> User:
    """Raises Conflict where its owner closed the account: nobody could sign in to it."""
    user = _person(user_id)
    if user.username == f"gone-{user.id}" or user.kind == "bot":
        raise Conflict("This account was given up, and cannot be brought back.")
    _note(by, "enabled", user.username)
    user.update(unset__disabled_at=True)
    return user


def promote(by: User, user_id: str) -> User:
    """Raises Conflict for what is no person whose account is open."""
    user = _person(user_id)
    if user.kind != "person" or user.disabled_at:
        raise Conflict("Only people whose account is open can be admins.")
    _note(by, "made admin", user.username)
    user.update(set__is_admin=True)
    return user


def demote(by: User, user_id: str) -> User:
    """Raises Conflict for the last admin."""
    with one_at_a_time():
        user = _person(user_id)
        require_another_admin(user)
        _note(by, "made no admin any more", user.username)
        user.update(set__is_admin=False)
    return user


def end_sessions(by: User, user_id: str) -> User:
    user = _person(user_id)
    _note(by, "signed out everywhere", user.username)
    end_all_sessions(user.id)
    return user


def run_task(by: User, name: str, *, dry_run: bool) -> Report:
    """Raises NotFound naming the tasks there are."""
    task = maintenance.get_task(name)
    _note(by, "tried maintenance" if dry_run else "ran maintenance", task.name)
    return maintenance.ask(task.name, by.username, dry_run=dry_run)


def choose_daily(by: User, name: str, *, on: bool) -> None:
    """Whether beat asks for a task every day. Raises NotFound naming the tasks there are."""
    task = maintenance.get_task(name)
    _note(by, "changed the schedule", f"{task.name}: {'every day' if on else 'only when asked for'}")
    Site.raw().update_one({"_id": site().id}, {"$set": {f"daily.{task.name}": on}}, upsert=True)


def replay_entry(by: User, entry_id: str) -> None:
    """Raises NotFound where it is not set aside."""
    entry = entry_by_id(object_id(entry_id))
    if not entry or entry["out"]["state"] != "dead":
        raise NotFound("This entry is not set aside any more.")
    _note(by, "replayed", f"entry {entry['seq']} of chat {entry['chat']}")
    replay_entries([entry["_id"]])


def _webhook(webhook_id: str) -> Webhook:
    webhook = webhook_by_id(object_id(webhook_id))
    if not webhook:
        raise NotFound()
    return webhook


def switch_webhook(by: User, webhook_id: str, *, on: bool) -> Webhook:
    webhook = _webhook(webhook_id)
    _note(by, f"switched {'on' if on else 'off'}", f"webhook {webhook.name}")
    webhooks.change_webhook(webhook, {"active": on}, None)
    return webhook


def redeliver_webhook(by: User, webhook_id: str) -> int:
    """All of its failed list. Returns how many they are. Raises Conflict where it is off."""
    webhook = _webhook(webhook_id)
    require_on(webhook)
    _note(by, "redelivered", f"webhook {webhook.name}")
    return redeliver_failed(webhook, None)


def keep_chat(by: User, chat_id: str, asked: RetentionIn) -> Doc:
    """How long a chat keeps its messages, be it a group or not. Raises Invalid where some would be lost by it and
    nobody said that this is meant."""
    chat = chat_by_id(object_id(chat_id))
    if not chat:
        raise NotFound()
    require_meant(chat, asked.retention_days, sure=asked.sure)
    kept = _kept(asked.retention_days) if asked.retention_days else "as long as the site's"
    _note(by, "changed a chat", f"messages of {chat_id} are kept {kept}")
    keep_chat_for(chat, by.id, asked.retention_days)
    return chat


def _kept(days: int | None) -> str:
    return f"{days} days" if days else "for ever"


def change_site(by: User, asked: SiteIn) -> Site:
    """Raises Invalid where messages would be lost by it and nobody said that this is meant."""
    now = site()
    days = asked.retention_days
    require_meant(None, days, sure=asked.sure)
    _note(by, "changed the settings", f"messages are kept {_kept(days)}, inactive after {asked.inactive_days} days")
    change: dict[str, Any] = {"inactive_days": asked.inactive_days, "retention_days": days}
    Site.raw().update_one({"_id": now.id}, {"$set": change}, upsert=True)
    return site()
