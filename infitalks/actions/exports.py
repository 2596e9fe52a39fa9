"""Export of one chat, as JSON and as a page with its pictures and files, and of all that one person said and is here.

What is written is what may be read by people: no secrets, nothing that was deleted. Not for: backups, which can be
restored (backups.py).
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
from bson import ObjectId
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pydantic import BaseModel

from infitalks import words
from infitalks.actions.archives import copy_media, new_zip, part_name, put
from infitalks.actions.saved import MOST_SAVED
from infitalks.errors import Conflict, NotFound
from infitalks.icons import icon
from infitalks.models.chats import Chat, Membership, active_members, chat_by_id, others_in_direct
from infitalks.models.database import TASK_SECONDS, Doc, object_id
from infitalks.models.log import Entry, entries_after, top_of
from infitalks.models.media import Media, media_by_ids
from infitalks.models.saved import saved_by
from infitalks.models.sessions import Session
from infitalks.models.users import User, bots_of, public_users, user_by_login
from infitalks.schemas.base import write_time
from infitalks.schemas.chats import members_out
from infitalks.schemas.messages import EntryOut, entries_out, messages_out
from infitalks.schemas.users import self_out

FORM = 1  # of the JSON
AT_ONCE = 500  # entries
SHOWN = {"kind": {"$in": ["message", "member", "chat"]}}  # what other kinds did, the messages show
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

Counts = dict[str, int]
Tell = Callable[[str], None]


def export_chat(chat_id: str, file: Path, tell: Tell) -> Counts:
    """Write the chat into a new zip: chat.json (shapes of the API), chat.html, pictures/ and files/. `tell` hears of
    each part.

    Returns what was counted, pictures that are stored nowhere any more among it: their names are told and stand in
    chat.json. Raises NotFound, Conflict where the file is there or something was deleted meanwhile, Invalid naming
    `file` where it cannot be written, Unavailable without the media service: then nothing is left behind.
    """
    chat = chat_by_id(object_id(chat_id))
    if not chat:
        raise NotFound(f"There is no chat {chat_id}.")
    with new_zip(file) as archive:
        return _ChatExport(archive, chat).write(tell)


def export_user(login: str, file: Path, tell: Tell) -> Counts:
    """Write what is one person's own into a new zip: user.json, messages.json, pictures/ and files/. Returns and
    raises as `export_chat` does. Others' words, hashes and secrets are not in it."""
    user = user_by_login(login)
    if not user:
        raise NotFound(f"Nobody has the login {login!r}.")
    with new_zip(file) as archive, pymongo.timeout(TASK_SECONDS):  # whoever wrote what is read from all the log
        pictures = Pictures(archive)
        own = Media.raw().find({"owner": user.id, "state": "ready", "dropped": {"$ne": True}})
        for media in own.sort("_id", 1):
            pictures.put(media)
        _put_json(archive, "user.json", _person(user, pictures.missing))
        said = Counted(_own_messages(user.id))
        _put_text(archive, "messages.json", _json_list("messages", said, {"form": FORM}))
    tell(f"{user.username}: {said.count} messages, {pictures.count} pictures")
    return {"messages": said.count, **pictures.counts()}


def _put_json(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    put(archive, name, [json.dumps(content, ensure_ascii=False, indent=1).encode()])


def _put_text(archive: zipfile.ZipFile, name: str, lines: Iterable[str]) -> None:
    put(archive, name, (line.encode() for line in lines))


def _json_list(name: str, shapes: Iterable[BaseModel], header: Doc) -> Iterator[str]:
    """{…header, name: [shapes]}, written as it comes."""
    yield json.dumps(header, ensure_ascii=False, indent=1)[:-2] + f',\n "{name}": ['
    for number, shape in enumerate(shapes):
        yield (",\n  " if number else "\n  ") + json.dumps(shape.model_dump(mode="json"), ensure_ascii=False)
    yield "\n ]\n}\n"


class Counted:
    """Passes things on and counts them."""

    def __init__(self, things: Iterable[BaseModel]) -> None:
        self._things, self.count = things, 0

    def __iter__(self) -> Iterator[BaseModel]:
        for thing in self._things:
            self.count += 1
            yield thing


class Pictures:
    """The zip's pictures and files. `files`: media id -> its part's name; `missing`: those that are stored nowhere."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.files: dict[str, str] = {}
        self.missing: list[Doc] = []

    def put(self, media: Doc) -> None:
        """Raises Unavailable where the media service is away."""
        name = part_name(media)
        if copy_media(media, lambda chunks: put(self._archive, name, chunks)):
            self.files[str(media["_id"])] = name
        else:
            self.missing.append({"id": str(media["_id"]), "name": media["name"]})

    @property
    def count(self) -> int:
        return len(self.files)

    def counts(self) -> Counts:
        return {"pictures": self.count, "missing pictures": len(self.missing)}


class _ChatExport:
    def __init__(self, archive: zipfile.ZipFile, chat: Doc) -> None:
        self._archive, self._chat = archive, chat
        self._through = top_of(chat["_id"]).seq  # what is said meanwhile is for the next export
        self._pictures = Pictures(archive)
        self._shown: set[str] = set()  # pictures
        self._messages = 0

    def write(self, tell: Tell) -> Counts:
        for entries in self._batches():
            named = {key for entry in entries for key in entry.get("attachments") or ()}
            for media in media_by_ids(named).values():
                if media["state"] == "ready" and not media.get("dropped"):
                    self._pictures.put(media)
        tell(f"pictures: {self._pictures.count}")
        for lost in self._pictures.missing:
            tell(f"missing picture: {lost['name']} ({lost['id']})")
        header = self._header()
        _put_text(self._archive, "chat.json", _json_list("entries", self._entries(), header))
        if gone := self._pictures.files.keys() - self._shown:
            raise Conflict(f"{len(gone)} pictures were deleted while this was written. Export the chat again.")
        messages, self._messages = self._messages, 0
        _put_text(self._archive, "chat.html", self._page(header))
        tell(f"messages: {messages}")
        return {"entries": self._through, "messages": messages, **self._pictures.counts()}

    def _batches(self) -> Iterator[list[Doc]]:
        after, seen = 0, {**SHOWN, "seq": {"$lte": self._through}}
        while batch := entries_after(self._chat["_id"], seen, after, AT_ONCE):
            yield batch
            after = batch[-1]["seq"]

    def _entries(self) -> Iterator[EntryOut]:
        for batch in self._batches():
            for entry in entries_out(batch):
                if entry.message:
                    self._messages += 1
                    self._shown |= {picture.id for picture in entry.message.attachments}
                yield entry

    def _header(self) -> Doc:
        chat = self._chat
        return {
            "form": FORM,
            "exported_at": write_time(datetime.now(UTC)),
            "chat": {
                "id": str(chat["_id"]),
                "kind": chat["kind"],
                "name": chat.get("name"),
                "topic": chat.get("topic") or "",
                "created_at": write_time(chat["created_at"]),
                "members": [member.model_dump(mode="json") for member in members_out(active_members(chat["_id"]))],
            },
            "pictures": self._pictures.files,
            "missing_pictures": self._pictures.missing,
        }

    def _page(self, header: Doc) -> Iterator[str]:
        template = _templates().get_template("export.html")
        return template.generate(
            chat=header["chat"],
            exported_at=header["exported_at"],
            entries=self._entries(),
            pictures=self._pictures.files,
        )


def _templates() -> Environment:
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters["when"] = _when
    made.globals["icon"] = icon
    words.speak_in(made)
    return made


def _when(at: datetime | str) -> Markup:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return Markup('<time datetime="{}">{}</time>').format(write_time(moment), moment.strftime("%-d %b %Y, %H:%M UTC"))


def _person(user: User, missing: list[Doc]) -> Doc:
    return {
        "form": FORM,
        "exported_at": write_time(datetime.now(UTC)),
        "user": {**self_out(user).model_dump(mode="json"), "created_at": write_time(user.created_at)},
        "signs_in_with": [each.provider for each in user.identities],
        "chats": list(_own_chats(user.id)),
        "sessions": [_session(each) for each in Session.objects(user=user.id).order_by("created_at")],
        "bots": [{"username": bot.username, "display_name": bot.display_name} for bot in bots_of(user.id)],
        "saved": [_saved(row) for row in saved_by(user.id, None, MOST_SAVED)],
        "missing_pictures": missing,
    }


def _saved(row: Doc) -> Doc:
    """Which message; its words may be somebody else's."""
    return {"message_id": str(row["message"]), "chat_id": str(row["chat"]), "saved_at": write_time(row["at"])}


def _own_chats(user_id: ObjectId) -> Iterator[Doc]:
    """Those that the user is in: how others' chats are called is not the business of who has left."""
    ids = [row["chat"] for row in Membership.raw().find({"user": user_id, "active": True}).sort("_id", 1)]
    chats = list(Chat.raw().find({"_id": {"$in": ids}}).sort("_id", 1))
    others = others_in_direct([chat["_id"] for chat in chats if chat["kind"] == "direct"], user_id)
    names = public_users(others.values())
    for chat in chats:
        partner = names.get(others[chat["_id"]]) if chat["_id"] in others else None
        name = partner["display_name"] if partner else chat.get("name") or ""
        yield {"id": str(chat["_id"]), "kind": chat["kind"], "name": name}


def _session(session: Session) -> Doc:
    times = {name: write_time(getattr(session, name)) for name in ("created_at", "seen_at", "expires_at")}
    return {"kind": session.kind, "agent": session.agent, **times}


def _own_messages(user_id: ObjectId) -> Iterator[BaseModel]:
    """Chat by chat, in order; also of chats that the user has left."""
    for chat_id in Entry.raw().distinct("chat", {"author": user_id, "kind": "message"}):
        after = 0
        while batch := entries_after(chat_id, {"author": user_id, "kind": "message"}, after, AT_ONCE):
            yield from messages_out(batch)
            after = batch[-1]["seq"]
