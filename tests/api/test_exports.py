"""Exports hold what was said, with its pictures, and nothing that was deleted or is secret; or there is none."""

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import exports
from infitalks.actions.exports import export_chat, export_user
from infitalks.actions.media import process_media
from infitalks.backends.media import store
from infitalks.errors import Conflict, Invalid, NotFound, Unavailable
from infitalks.models.media import Media
from infitalks.models.users import User
from infitalks.schemas.messages import EntryOut, MessageOut
from infitalks.schemas.users import SelfOut
from tests.people import Person
from tests.running import Running

pytestmark = pytest.mark.usefixtures("media_process")


def quiet(line: str) -> None:
    """Hears nothing."""


class Talk:
    """A chat of ada's and bob's with a bit of everything."""

    def __init__(self, app: Flask, ada: Person, bob: Person, picture: bytes) -> None:
        self.ada, self.bob = ada, bob
        self.chat = chat = ada.group(bob, name="Garden <b>plans</b>")
        ada.patch(f"/api/chats/{chat}", {"topic": "Tomatoes & more"})
        self.said = ada.say(chat, "**hello** <script>alert(1)</script>")["id"]
        bob.put(f"/api/messages/{self.said}/reactions/👍")
        answer = bob.say(chat, "first wording", reply_to=self.said)["id"]
        assert bob.patch(f"/api/messages/{answer}", {"text": "second wording"}).status_code == 200
        self.deleted = bob.say(chat, "regretted words")["id"]
        assert bob.delete(f"/api/messages/{self.deleted}").status_code == 204
        hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
        self.secret = hook["url"].rpartition("/")[2]
        card = {"title": "Build 7", "text": "green", "image_url": "https://example.org/x.png", "color": "good"}
        posted = {"text": "", "username": "CI", "attachments": [card]}
        assert app.test_client().post(f"/hooks/{self.secret}", json=posted).text == "ok"
        self.media = self.picture(picture)

    def picture(self, data: bytes, name: str = "sky.png") -> str:
        media = str(self.ada.upload(data, name).json["id"])
        process_media(ObjectId(media))
        self.ada.say(self.chat, "look", attachments=[media])
        return media


@pytest.fixture
def talk(app: Flask, ada: Person, bob: Person, picture: bytes) -> Talk:
    return Talk(app, ada, bob, picture)


def read(file: Path, name: str) -> Any:
    with zipfile.ZipFile(file) as archive:
        content = archive.read(name)
    return json.loads(content) if name.endswith(".json") else content


def everything_in(file: Path) -> str:
    with zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")


def test_a_chat_is_written_in_the_shapes_of_the_api(talk: Talk, tmp_path: Path) -> None:
    counts = export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    written = read(tmp_path / "chat.zip", "chat.json")
    log = talk.ada.get(f"/api/chats/{talk.chat}/log?after=0&limit=100").json["entries"]
    for entry in log:
        if entry["message"]:
            entry["message"]["replies"] = None  # a count of what one reader sees
    assert written["entries"] == [entry for entry in log if entry["kind"] in ("message", "member", "chat")]
    assert all(EntryOut.model_validate(entry) for entry in written["entries"])
    messages = [entry["message"] for entry in written["entries"] if entry["message"]]
    first, answer, deleted, built, pictured = messages
    assert first["reactions"] == [{"emoji": "👍", "users": [talk.bob.id]}]
    assert answer["reply_to"] == talk.said and answer["edited_at"] and answer["text"] == "second wording"
    assert deleted["deleted"] and deleted["text"] == "" and built["cards"][0]["title"] == "Build 7"
    assert [each["id"] for each in pictured["attachments"]] == [talk.media]
    assert counts == {"entries": len(log), "messages": 5, "pictures": 1, "missing pictures": 0}
    assert written["chat"]["topic"] == "Tomatoes & more"
    assert {member["user"]["id"] for member in written["chat"]["members"]} >= {talk.ada.id, talk.bob.id}


def test_its_pictures_are_in_it_as_they_are_shown(talk: Talk, tmp_path: Path) -> None:
    export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    name = read(tmp_path / "chat.zip", "chat.json")["pictures"][talk.media]
    assert read(tmp_path / "chat.zip", name) == talk.ada.get(f"/media/{talk.media}/full").data
    assert f'src="{name}"' in read(tmp_path / "chat.zip", "chat.html").decode()


def test_its_files_are_in_it_as_links_and_none_that_a_browser_would_run(talk: Talk, tmp_path: Path) -> None:
    endings = {"page.html": ".html.txt", "Bericht (1).PDF": ".pdf", "notes": "", "a.b ö": ""}
    ids = {name: talk.picture(f"in {name}".encode(), name) for name in endings}
    export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    export_user(talk.ada.username, tmp_path / "ada.zip", quiet)
    page = read(tmp_path / "chat.zip", "chat.html").decode()
    for name, ending in endings.items():
        part = f"files/{ids[name]}{ending}"
        assert read(tmp_path / "chat.zip", "chat.json")["pictures"][ids[name]] == part
        assert read(tmp_path / "chat.zip", part) == read(tmp_path / "ada.zip", part) == f"in {name}".encode()
        assert f'<a href="{part}" download="{name}"><bdi>{name}</bdi></a>' in page
    assert "12 Bytes" in page


def test_its_page_says_the_same_and_does_nothing(talk: Talk, tmp_path: Path) -> None:
    export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    page = read(tmp_path / "chat.zip", "chat.html").decode()
    for said in ("<strong>hello</strong>", "second wording", "This message was deleted.", "Build 7", "👍 1", "via CI"):
        assert said in page, said
    assert "Garden &lt;b&gt;plans" in page and f'href="#m-{talk.said}"' in page
    assert "<script" not in page and not re.search(r"\son\w+=", page)
    loaded = re.findall(r"<(?:img|link|iframe|source|object|embed)[^>]*", page)
    assert len(loaded) == 1 and 'src="pictures/' in loaded[0]


def test_what_was_deleted_or_is_secret_is_nowhere_in_it(talk: Talk, tmp_path: Path) -> None:
    export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    export_user(talk.bob.username, tmp_path / "bob.zip", quiet)
    export_user(talk.ada.username, tmp_path / "ada.zip", quiet)
    stored = User.objects.get(id=talk.ada.id)
    for file in ("chat.zip", "bob.zip", "ada.zip"):
        everything = everything_in(tmp_path / file)
        assert "second wording" in everything or file == "ada.zip"
        for hidden in ("regretted words", "first wording", talk.secret, stored.password_hash, stored.epoch):
            assert hidden not in everything


def test_a_picture_that_is_stored_nowhere_is_named_and_the_rest_is_written(
    talk: Talk, picture: bytes, tmp_path: Path
) -> None:
    lost = talk.picture(picture + b"\n", "lost.png")
    media = Media.raw().find_one({"_id": ObjectId(lost)})
    assert media
    store().destroy(media["public_id"])
    heard: list[str] = []
    counts = export_chat(talk.chat, tmp_path / "chat.zip", heard.append)
    assert (counts["pictures"], counts["missing pictures"]) == (1, 1)
    assert read(tmp_path / "chat.zip", "chat.json")["missing_pictures"] == [{"id": lost, "name": "lost.png"}]
    assert any("lost.png" in line for line in heard)
    assert "lost.png</bdi>: this picture is missing" in read(tmp_path / "chat.zip", "chat.html").decode()


def test_more_than_is_read_at_once_comes_whole(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    export_chat(talk.chat, tmp_path / "small.zip", quiet)
    monkeypatch.undo()
    export_chat(talk.chat, tmp_path / "large.zip", quiet)
    small, large = (read(tmp_path / name, "chat.json") for name in ("small.zip", "large.zip"))
    assert small["entries"] == large["entries"]


def test_a_person_gets_their_own_words_and_nobody_elses(talk: Talk, tmp_path: Path) -> None:
    ada, bob = talk.ada, talk.bob
    made = bob.post("/api/bots", {"username": f"robot-{bob.username}", "display_name": "Robot"}).json
    direct = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    ada.say(direct, "for bob"), bob.say(direct, "for ada")
    assert ada.delete(f"/api/chats/{talk.chat}/members/{bob.id}").status_code == 204
    counts = export_user(bob.email, tmp_path / "bob.zip", quiet)
    own = read(tmp_path / "bob.zip", "user.json")
    assert SelfOut.model_validate({k: v for k, v in own["user"].items() if k != "created_at"}).email == bob.email
    assert own["chats"] == [{"id": direct, "kind": "direct", "name": "ada"}]  # he was removed from the other
    assert own["bots"] == [{"username": f"robot-{bob.username}", "display_name": "Robot"}]
    (session,) = own["sessions"]
    assert session["kind"] == "browser" and set(session) == {"kind", "agent", "created_at", "seen_at", "expires_at"}
    said = read(tmp_path / "bob.zip", "messages.json")["messages"]
    assert {each["text"] for each in said} == {"second wording", "", "for ada"}
    assert all(MessageOut.model_validate(each).author.id == bob.id for each in said)
    assert counts == {"messages": 3, "pictures": 0, "missing pictures": 0}
    assert made["token"] not in everything_in(tmp_path / "bob.zip")
    assert export_user(ada.username, tmp_path / "ada.zip", quiet)["pictures"] == 1
    name = f"pictures/{talk.media}.png"
    assert read(tmp_path / "ada.zip", name) == ada.get(f"/media/{talk.media}/full").data


def test_only_its_owner_may_read_it_and_no_file_is_overwritten(talk: Talk, tmp_path: Path) -> None:
    part = tmp_path / "chat.zip.part"
    part.write_text("of one who was killed")
    part.chmod(0o666)
    export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    assert (tmp_path / "chat.zip").stat().st_mode & 0o077 == 0 and not part.exists()
    kept = (tmp_path / "chat.zip").read_bytes()
    with pytest.raises(Conflict):
        export_chat(talk.chat, tmp_path / "chat.zip", quiet)
    with pytest.raises(Conflict):
        export_user(talk.ada.username, tmp_path / "chat.zip", quiet)
    assert (tmp_path / "chat.zip").read_bytes() == kept


def test_who_or_what_is_not_there_is_named(tmp_path: Path) -> None:
    for nothing in ("0" * 24, "what?"):
        with pytest.raises(NotFound):
            export_chat(nothing, tmp_path / "x.zip", quiet)
    with pytest.raises(NotFound, match="nobody@example"):
        export_user("nobody@example.org", tmp_path / "x.zip", quiet)
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_the_file_is_named(talk: Talk, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        export_chat(talk.chat, tmp_path / "no such folder" / "x.zip", quiet)
    assert refused.value.fields == {"file": os.strerror(2)}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had")
def test_on_a_full_disk_nothing_is_left_behind(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def opened(path: Any, *rest: Any) -> int:
        os.close(real(path, *rest))
        return real("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(Invalid) as refused:
        export_chat(talk.chat, tmp_path / "x.zip", quiet)
    assert refused.value.fields == {"file": os.strerror(28)}
    assert list(tmp_path.iterdir()) == []


def test_without_the_media_service_nothing_is_left_behind(talk: Talk, media_process: Running, tmp_path: Path) -> None:
    media_process.kill()
    try:
        with pytest.raises(Unavailable, match="media service"):
            export_chat(talk.chat, tmp_path / "chat.zip", quiet)
        with pytest.raises(Unavailable, match="media service"):
            export_user(talk.ada.username, tmp_path / "ada.zip", quiet)
    finally:
        media_process.start()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_is_deleted_meanwhile_is_not_in_it(talk: Talk, tmp_path: Path) -> None:
    (shown,) = [m for m in talk.ada.get(f"/api/messages?chat={talk.chat}").json["messages"] if m["attachments"]]

    def deletes(line: str) -> None:
        if line.startswith("pictures"):
            assert talk.ada.delete(f"/api/messages/{shown['id']}").status_code == 204

    with pytest.raises(Conflict, match="deleted"):
        export_chat(talk.chat, tmp_path / "chat.zip", deletes)
    assert list(tmp_path.iterdir()) == []
    assert export_chat(talk.chat, tmp_path / "chat.zip", quiet)["pictures"] == 0
