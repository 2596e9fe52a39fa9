"""The people of an import: accounts made for them, which nobody can sign in to until they are claimed, or those that
are theirs already; and the import's count of all that there was. Not for: what they said (imports.py)."""

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, NamedTuple

from bson import ObjectId
from mongoengine.errors import NotUniqueError

from infitalks.actions.passwords import hash_password
from infitalks.actions.users import search_words
from infitalks.errors import Conflict, Invalid, NotFound
from infitalks.integrations.slack_export import Somebody
from infitalks.integrations.values import cut
from infitalks.models.database import database
from infitalks.models.users import User, user_by_email, user_by_id, user_by_login
from infitalks.schemas.base import Name, fitting
from infitalks.schemas.users import Email, Password, Username

Counts = dict[str, int]
Tell = Callable[[str], None]


def claim_account(login: str, password: str) -> User:
    """Give an imported person, who has no other way in yet, a password. Raises NotFound, Conflict, Invalid."""
    user = user_by_login(login)
    if not user:
        raise NotFound(f"Nobody has the login {login!r}.")
    if fitting(Password, password) is None:
        raise Invalid("This password cannot be taken.", fields={"password": "needs 8 to 256 characters"})
    unclaimed = {"_id": user.id, "password_hash": None, "identities.0": {"$exists": False}, "disabled_at": None}
    if not User.objects(__raw__=unclaimed).update_one(set__password_hash=hash_password(password)):
        raise Conflict("This account is somebody's already, or closed.", fields={"login": "is claimed or closed"})
    user.reload()
    return user


class Account(NamedTuple):
    """Somebody of the export here. `is_open`: a person who is not shut out."""

    id: ObjectId
    username: str
    display_name: str
    is_open: bool


class Ledger:
    """What there was, and what became of each of it. Safe for threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def note(self, noun: str, fate: str, count: int = 1) -> None:
        self.note_all(Counter({(noun, fate): count}))

    def note_all(self, noted: Counter[tuple[str, str]]) -> None:
        with self._lock:
            self._counts.update(noted)

    def written(self) -> Counts:
        counts: Counts = {}
        for (noun, fate), count in sorted(self._counts.items()):
            if count:
                counts[noun] = counts.get(noun, 0) + count
                counts[f"{noun}: {fate}"] = count
        return counts


class People:
    """Who somebody of the export is here: an account made for them, or the one that has their e-mail address. Safe for
    threads."""

    def __init__(
        self, people: list[Somebody], ledger: Ledger, tell: Tell, *, dry_run: bool, verified_only: bool
    ) -> None:
        self._known = {person.id: person for person in people}
        self.aliases = {person.bot_id: person.id for person in people if person.bot_id}
        self._ledger, self._tell, self._dry_run, self._verified_only = ledger, tell, dry_run, verified_only
        self._accounts: dict[str, Account] = {}
        self._lock = Lock()

    def accounts(self, ids: list[str]) -> list[Account]:
        found = (self.account(Somebody(key, key.lower(), key, known=False)) for key in ids)
        return list(dict.fromkeys(found))

    def account(self, somebody: Somebody) -> Account:
        with self._lock:
            if somebody.id not in self._accounts:
                self._accounts[somebody.id] = self._find(self._known.get(somebody.id, somebody))
            return self._accounts[somebody.id]

    def id_of(self, key: str | None) -> ObjectId | None:
        """Of somebody whose account is known by now."""
        return self._accounts[key].id if key in self._accounts else None

    def usernames(self) -> dict[str, str]:
        return {key: account.username for key, account in self._accounts.items()}

    def _find(self, person: Somebody) -> Account:
        noun = "people" if person.known else "people who are not in users.json"
        user = user_by_id(own_id("user", person.id)) or self._matched_before(person)
        if user:
            self._ledger.note(noun, "there already")
        elif user := self._match(person):
            self._ledger.note(noun, "matched by e-mail address")
        else:
            self._ledger.note(noun, "made")
            user = self._make(person)
        return Account(user.id, user.username, user.display_name, user.kind == "person" and not user.disabled_at)

    def _matched_before(self, person: Somebody) -> User | None:
        row = database()["imports"].find_one({"_id": f"slack.{person.id}"})
        return user_by_id(row["user"]) if row else None

    def _match(self, person: Somebody) -> User | None:
        """Kept, since an address may change between two imports."""
        email = fitting(Email, person.email)
        user = user_by_email(email) if email and not person.is_bot else None
        if not user or user.kind != "person" or (self._verified_only and not user.email_verified):
            return None
        verified = "" if user.email_verified else ", whose address nobody has verified"
        self._tell(f"{person.name} ({email}) is taken for {user.username}{verified}")
        if not self._dry_run:
            row = {"user": user.id, "at": datetime.now(UTC)}
            database()["imports"].update_one({"_id": f"slack.{person.id}"}, {"$setOnInsert": row}, upsert=True)
        return user

    def _make(self, person: Somebody) -> User:
        """Without a password; whoever has left Slack is shut out here too."""
        called = re.sub(r"[^a-z0-9._-]", "", person.name.lower()).strip("._-")
        wish = fitting(Username, called[:32].strip("._-")) or f"slack-{person.id.lower()}"
        email = fitting(Email, person.email)
        user = User(
            id=own_id("user", person.id),
            kind="bot" if person.is_bot else "person",
            display_name=fitting(Name, cut(person.display_name, 80)) or wish,
            email=email if email and not person.is_bot and not user_by_email(email) else None,
            epoch=secrets.token_hex(8),
            disabled_at=datetime.now(UTC) if person.gone else None,
            created_at=datetime.now(UTC),
        )
        return self._named(user, wish, person)

    def _named(self, user: User, wish: str, person: Somebody) -> User:
        found = person.known and not person.is_bot
        for name in (wish, f"{wish[: 31 - len(person.id)]}-{person.id.lower()}", f"slack-{user.id}"):
            user.username = name
            user.search = search_words(name, user.display_name) if found else []
            try:
                return user if self._dry_run else user.save(force_insert=True)
            except NotUniqueError:
                continue
        raise Conflict(f"No free username could be found for {person.name}.", fields={"users.json": person.id})


def own_id(*of: Any) -> ObjectId:
    """The same for the same thing of Slack's, whenever it is imported."""
    return ObjectId(hashlib.sha256("\n".join(("slack", *map(str, of))).encode()).digest()[:12])
