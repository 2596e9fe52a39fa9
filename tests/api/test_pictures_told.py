"""How a picture ended is told whoever died or was slow; what nobody shows any more is nobody's, and is destroyed."""

from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import log as chat_log
from infitalks.actions import media as pictures
from infitalks.backends.media import MediaRefused, store
from infitalks.models.log import entry_by_id
from infitalks.models.media import Media, media_by_id
from tests.api.listening import tell
from tests.api.test_log import dying_writers
from tests.api.test_maintenance import LONG_AGO, run
from tests.api.test_media import attachment, kinds, process, ready, send, uploaded, ways
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process", "gateway_process")

GONE = [404] * 3


def age(*media: str) -> None:
    """As if they had been uploaded long ago."""
    keys = [ObjectId(media_id) for media_id in media]
    Media.raw().update_many({"_id": {"$in": keys}}, {"$set": {"created_at": LONG_AGO}})


def stored(media_id: str) -> Any:
    return media_by_id(ObjectId(media_id))


def avatar_of(person: Person, asker: Person) -> Any:
    return asker.get(f"/api/users/{person.id}").json["avatar_url"]


def thumb(media_id: str) -> str:
    return f"/media/{media_id}/thumb"


# Messages' pictures


@pytest.mark.parametrize("repeated", [False, True])
def test_a_picture_that_is_ready_before_its_message_is_applied_is_told(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch, repeated: bool
) -> None:
    chat, media_id, real = ada.group(bob), uploaded(ada, picture), chat_log.apply
    polled: list[str] = []

    def slowly(entry: Any) -> None:
        if entry["kind"] == "message":
            polled.append(attachment(bob, chat)["state"])
            process(media_id)
            if repeated:  # a second request of the same send, under way at once
                pictures.claim_media(ObjectId(ada.id), [media_id], ObjectId(chat), entry["client_id"])
        real(entry)

    with monkeypatch.context() as slow:
        slow.setattr(chat_log, "apply", slowly)
        assert send(ada, chat, media_id).status_code == 201
    assert polled == ["processing"] and kinds(bob, chat) == ["member", "message"]
    pictures.sweep_media()
    assert kinds(bob, chat) == ["member", "message", "media"]
    pictures.sweep_media()
    assert kinds(bob, chat) == ["member", "message", "media"]


def test_each_of_two_failures_is_told_though_the_worker_died_before_telling(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, media_id = ada.group(bob), uploaded(ada, picture[:60])
    send(ada, chat, media_id)
    for told in (1, 2):
        with monkeypatch.context() as dying:
            dying.setattr(pictures, "tell_media", lambda media_id: None)
            process(media_id)
        pictures.sweep_media()
        assert kinds(bob, chat) == ["member", "message", *["media"] * told]
        assert ada.post(f"/api/media/{media_id}/retry").status_code == 200


def test_odd_uploads_keep_no_other_from_being_told(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chat, odd, other = ada.group(bob), uploaded(ada, picture), uploaded(ada, picture)
    for media_id in (odd, other):
        send(ada, chat, media_id)
    with monkeypatch.context() as dying:
        dying.setattr(pictures, "tell_media", lambda media_id: None)
        process(odd)
        process(other)
    crowd = _odd_crowd(odd, before=other)
    try:
        for _ in range(30):  # each takes any hundred
            pictures.sweep_media()
            if len(kinds(bob, chat)) == 4:
                break
        assert kinds(bob, chat) == ["member", "message", "message", "media"]
        assert "cannot be told" in caplog.text and other not in caplog.text  # which of the odd, chance decides
    finally:
        Media.raw().delete_many({"_id": {"$in": crowd}})


def _odd_crowd(odd: str, before: str) -> list[ObjectId]:
    """More uploads like this one that can never be told than a sweep takes, all found before the other."""
    record = Media.raw().find_one({"_id": ObjectId(odd)})
    last = Media.raw().find_one_and_delete({"_id": ObjectId(before)})
    assert record and last
    del record["outcome"]
    Media.raw().delete_one({"_id": record["_id"]})
    crowd = [{**record, "_id": ObjectId(), "public_id": f"odd.{number}"} for number in range(120)]
    Media.raw().insert_many([record, *crowd, last])
    return [record["_id"], *(each["_id"] for each in crowd)]


def test_a_repeat_of_what_was_deleted_with_its_picture_is_still_a_repeat(ada: Person, picture: bytes) -> None:
    chat, media_id = ada.group(), ready(ada, picture)
    message = send(ada, chat, media_id, client_id="c1").json["id"]
    ada.delete(f"/api/messages/{message}")
    for _ in range(2):  # before and after a worker destroyed the picture
        again = send(ada, chat, media_id, client_id="c1")
        assert (again.status_code, again.json["id"], again.json["deleted"]) == (200, message, True)
        pictures.destroy_media(ObjectId(media_id))
    assert stored(media_id) is None
    assert send(ada, chat, media_id, client_id="c2").status_code == 422


def test_a_deletion_whose_writer_died_drops_its_pictures_all_the_same(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    message = send(ada, chat, media_id).json["id"]
    held = entry_by_id(ObjectId(message)) or {}
    with dying_writers(monkeypatch):
        assert ada.delete(f"/api/messages/{message}").status_code == 204
    tell(chat)
    assert ways(ada, media_id) == ways(bob, media_id) == GONE
    chat_log.apply(held)  # as somebody does who took it up before
    assert ways(ada, media_id) == ways(bob, media_id) == GONE
    check_destroyed(media_id)


def test_a_message_that_is_deleted_before_it_was_applied_keeps_no_picture(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    with dying_writers(monkeypatch):
        message = send(ada, chat, media_id).json["id"]
    held = entry_by_id(ObjectId(message)) or {}
    assert ada.delete(f"/api/messages/{message}").status_code == 204
    tell(chat)
    chat_log.apply(held)  # its writer was slow
    assert ways(ada, media_id) == ways(bob, media_id) == GONE
    check_destroyed(media_id)


def check_destroyed(media_id: str) -> None:
    """By the task that cleans up, here and at the service."""
    kept = stored(media_id)
    store().open(kept["public_id"], kept["version"], kept["format"], width=None).close()
    age(media_id)
    run("orphaned-pictures")
    assert stored(media_id) is None
    with pytest.raises(MediaRefused):
        store().open(kept["public_id"], kept["version"], kept["format"], width=None)


def test_one_stubborn_picture_keeps_no_other_from_being_cleaned_up(ada: Person, picture: bytes) -> None:
    stubborn, others = ready(ada, picture), [ready(ada, picture) for _ in range(2)]
    age(stubborn, *others)
    public_id = stored(stubborn)["public_id"]
    Media.raw().update_one({"_id": ObjectId(stubborn)}, {"$set": {"public_id": ""}})  # which the service refuses
    report = run("orphaned-pictures")
    assert (report.state, report.counts["kept"]) == ("done", 1)
    assert stored(stubborn) and [stored(media_id) for media_id in others] == [None, None]
    Media.raw().update_one({"_id": ObjectId(stubborn)}, {"$set": {"public_id": public_id}})
    assert run("orphaned-pictures").counts == {"orphaned": 1, "dropped": 1, "kept": 0}


# Profiles' pictures


def test_an_older_upload_that_is_slower_does_not_replace_the_newer_one(
    ada: Person, eve: Person, picture: bytes
) -> None:
    older, newer = uploaded(ada, picture), uploaded(ada, picture)
    for media_id in (older, newer):
        assert ada.patch("/api/users/me", {"avatar": media_id}).status_code == 200
    process(newer)
    assert avatar_of(ada, eve) == thumb(newer)
    process(older)
    assert avatar_of(ada, eve) == thumb(newer)
    assert (eve.get(thumb(newer)).status_code, eve.get(thumb(older)).status_code) == (200, 404)


def test_a_new_picture_hides_the_one_before_from_others(ada: Person, eve: Person, picture: bytes) -> None:
    first, second = ready(ada, picture), uploaded(ada, picture)
    ada.patch("/api/users/me", {"avatar": first})
    ada.patch("/api/users/me", {"avatar": second})
    assert avatar_of(ada, eve) == thumb(first) and eve.get(thumb(first)).status_code == 200
    process(second)
    assert avatar_of(ada, eve) == thumb(second)
    assert (eve.get(thumb(second)).status_code, eve.get(thumb(first)).status_code) == (200, 404)
    age(first, second)
    run("orphaned-pictures")
    assert stored(first) is None and eve.get(thumb(second)).status_code == 200


def test_taking_the_picture_away_hides_it_and_the_one_on_its_way(ada: Person, eve: Person, picture: bytes) -> None:
    shown, coming = ready(ada, picture), uploaded(ada, picture)
    ada.patch("/api/users/me", {"avatar": shown})
    ada.patch("/api/users/me", {"avatar": coming})
    assert eve.get(thumb(shown)).status_code == 200
    assert ada.patch("/api/users/me", {"avatar": None}).status_code == 200
    process(coming)
    pictures.sweep_media()
    assert avatar_of(ada, eve) is None
    assert ways(eve, shown) == ways(eve, coming) == GONE


def test_a_damaged_picture_leaves_the_one_before_to_others_too(ada: Person, eve: Person, picture: bytes) -> None:
    first, damaged = ready(ada, picture), uploaded(ada, picture[:60])
    ada.patch("/api/users/me", {"avatar": first})
    ada.patch("/api/users/me", {"avatar": damaged})
    process(damaged)
    assert stored(damaged)["state"] == "failed"
    assert avatar_of(ada, eve) == thumb(first) and eve.get(thumb(first)).status_code == 200


def test_a_profile_picture_shows_though_the_worker_died_before_showing_it(
    ada: Person, eve: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = uploaded(ada, picture)
    ada.patch("/api/users/me", {"avatar": media_id})
    with monkeypatch.context() as dying:
        dying.setattr(pictures, "tell_media", lambda media_id: None)
        process(media_id)
    assert stored(media_id)["state"] == "ready" and avatar_of(ada, eve) is None
    pictures.sweep_media()
    assert avatar_of(ada, eve) == thumb(media_id)


def test_a_groups_new_picture_is_one_entry_though_it_is_told_twice(ada: Person, bob: Person, picture: bytes) -> None:
    chat, media_id = ada.group(bob), uploaded(ada, picture)
    assert ada.patch(f"/api/chats/{chat}", {"avatar": media_id}).status_code == 200
    assert bob.get(f"/api/chats/{chat}").json["avatar_url"] is None and kinds(bob, chat) == ["member"]
    process(media_id)
    Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": {"told": False}})  # as a worker leaves it that dies
    pictures.sweep_media()
    (entry,) = bob.get(f"/api/chats/{chat}/log?after=1").json["entries"]
    assert (entry["kind"], entry["changes"]) == ("chat", {"avatar": media_id})
    assert bob.get(f"/api/chats/{chat}").json["avatar_url"] == thumb(media_id)


def test_a_picture_whose_giver_left_the_group_leaves_the_one_before(ada: Person, bob: Person, picture: bytes) -> None:
    chat, first, late = ada.group(bob), ready(ada, picture), uploaded(ada, picture)
    ada.patch(f"/api/chats/{chat}", {"avatar": first})
    ada.patch(f"/api/chats/{chat}", {"avatar": late})
    ada.delete(f"/api/chats/{chat}/members/me")
    process(late)
    pictures.sweep_media()
    assert bob.get(f"/api/chats/{chat}").json["avatar_url"] == thumb(first)
    assert bob.get(thumb(first)).status_code == 200
