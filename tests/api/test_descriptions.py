"""Pictures in words: who may say what one shows, and that every page hears of it."""

import json

import pytest
from bson import ObjectId

from infitalks.actions import descriptions
from infitalks.actions.media import sweep_media
from infitalks.models.media import media_by_id
from tests.api.corpus import nothing_changes
from tests.api.test_media import attachment, kinds, process, ready, send, uploaded
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process", "gateway_process")

WORDS = "A red bicycle <b>against</b> a wall"


def describe(person: Person, media_id: str, alt: object = WORDS) -> int:
    return int(person.patch(f"/api/media/{media_id}", {"alt": alt}).status_code)


def test_a_picture_is_described_before_it_is_sent_and_again_after_and_pages_catch_up_on_it(
    ada: Person, bob: Person, picture: bytes
) -> None:
    chat, media_id = ada.group(bob), uploaded(ada, picture)
    answer = ada.patch(f"/api/media/{media_id}", {"alt": f"  {WORDS}\u202e\u200b\x07 \n again "})
    assert (answer.status_code, answer.json["alt"]) == (200, f"{WORDS} again")
    process(media_id)
    send(ada, chat, media_id)
    assert attachment(bob, chat)["alt"] == f"{WORDS} again"
    other = uploaded(ada, picture)
    send(ada, chat, other, client_id="other")
    assert describe(ada, other, "") == 200  # it had no words
    assert kinds(bob, chat) == ["member", "message", "message"]
    for _ in range(2):  # the second one changes nothing
        assert describe(ada, media_id) == 200
    assert kinds(bob, chat) == ["member", "message", "message", "media"]
    told = bob.get(f"/api/chats/{chat}/log?after=3").json["entries"][-1]
    assert told["message"]["attachments"][0]["alt"] == WORDS
    assert describe(ada, media_id, "") == 200
    assert attachment(bob, chat)["alt"] == ""


def test_a_description_is_told_though_its_process_died_before_telling(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    send(ada, chat, media_id)
    with monkeypatch.context() as dying:
        dying.setattr(descriptions, "tell_media", lambda media_id: None)
        describe(ada, media_id)
    assert kinds(bob, chat) == ["member", "message"]
    for _ in range(2):
        sweep_media()
        assert kinds(bob, chat) == ["member", "message", "media"]


def test_only_who_uploaded_a_picture_describes_it_and_only_while_in_its_chat(
    ada: Person, bob: Person, eve: Person, picture: bytes
) -> None:
    chat, media_id = bob.group(ada), ready(ada, picture)
    send(ada, chat, media_id)
    assert describe(ada, media_id) == 200
    assert bob.get(f"/media/{media_id}/thumb").status_code == 200
    for other in (bob, eve):
        with nothing_changes():
            assert describe(other, media_id, "mine") == 404
    bob.delete(f"/api/chats/{chat}/members/{ada.id}")
    with nothing_changes():
        assert describe(ada, media_id, "from outside") == 404


def test_a_file_is_not_described(ada: Person) -> None:
    media_id = uploaded(ada, b"words", "words.txt")
    with nothing_changes():
        answer = ada.patch(f"/api/media/{media_id}", {"alt": WORDS})
        assert (answer.status_code, answer.json["error"]["fields"].keys()) == (422, {"alt"})


@pytest.mark.parametrize("alt", ["x" * 1001, None, 1, "\u2126" * 1001])
def test_what_is_no_description_is_refused(ada: Person, picture: bytes, alt: object) -> None:
    media_id = uploaded(ada, picture)
    assert describe(ada, media_id, "x" * 1000) == 200
    with nothing_changes():
        assert describe(ada, media_id, alt) == 422


def test_a_deleted_picture_takes_its_words_with_it(ada: Person, bob: Person, picture: bytes) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    message = send(ada, chat, media_id).json["id"]
    describe(ada, media_id)
    assert WORDS in json.dumps(bob.get(f"/api/chats/{chat}/log?after=0").json)
    ada.delete(f"/api/messages/{message}")
    assert WORDS not in json.dumps(bob.get(f"/api/chats/{chat}/log?after=0").json)
    assert describe(ada, media_id) == 404
    assert (media_by_id(ObjectId(media_id)) or {"dropped": True})["dropped"]


def test_the_picture_of_a_profile_needs_no_words(ada: Person, picture: bytes) -> None:
    media_id = ready(ada, picture)
    assert ada.patch("/api/users/me", {"avatar": media_id}).status_code == 200
    with nothing_changes():
        assert describe(ada, media_id) == 409
