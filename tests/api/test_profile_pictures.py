"""Which picture a person or a group shows, where more than one is on its way, or who gave it may do so no more."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import media as pictures
from infitalks.actions import profile_pictures, writer
from infitalks.models.log import Entry
from infitalks.models.media import Media, media_by_id
from tests.api.test_media import process, uploaded
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process", "gateway_process")

Once = Callable[[Any, str, Callable[[], object]], None]


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> Once:
    """`once(module, name, do)`: before that function runs next, `do` happens, as another worker does it."""

    def arrange(module: Any, name: str, do: Callable[[], object]) -> None:
        real = getattr(module, name)

        def meanwhile(*arguments: Any, **more: Any) -> Any:
            monkeypatch.setattr(module, name, real)
            do()
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, meanwhile)

    return arrange


def asked(person: Person, path: str, picture: bytes) -> str:
    media_id = uploaded(person, picture)
    assert person.patch(path, {"avatar": media_id}).status_code == 200
    return media_id


def thumb(media_id: str) -> str:
    return f"/media/{media_id}/thumb"


def is_nobodys(media_id: str) -> bool:
    """So that it is cleared away like any upload that nothing shows."""
    return not (media_by_id(ObjectId(media_id)) or {})["profile_of"]


def test_of_two_pictures_that_become_ready_at_once_a_person_shows_the_later(
    ada: Person, bob: Person, picture: bytes, once: Once
) -> None:
    earlier, later = (asked(ada, "/api/users/me", picture) for _ in range(2))
    once(pictures, "show_profile_picture", lambda: process(later))
    process(earlier)
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] == thumb(later)
    assert bob.get(thumb(later)).status_code == 200
    assert is_nobodys(earlier) and bob.get(thumb(earlier)).status_code == 404
    assert ada.patch("/api/users/me", {"avatar": earlier}).status_code == 200  # asked for anew it is the latest
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] == thumb(earlier)


def test_a_picture_that_becomes_ready_while_it_is_taken_away_stays_away(
    ada: Person, bob: Person, picture: bytes, once: Once
) -> None:
    coming = asked(ada, "/api/users/me", picture)
    once(pictures, "show_profile_picture", lambda: ada.patch("/api/users/me", {"avatar": None}))
    process(coming)
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] is None and is_nobodys(coming)


@pytest.mark.parametrize("moment", ["show_profile_picture", "append"])
def test_of_two_pictures_that_become_ready_at_once_a_group_shows_the_later(
    ada: Person, bob: Person, picture: bytes, once: Once, moment: str
) -> None:
    path = f"/api/chats/{(chat := ada.group(bob))}"
    earlier, later = (asked(ada, path, picture) for _ in range(2))
    once(pictures if moment == "show_profile_picture" else profile_pictures, moment, lambda: process(later))
    process(earlier)
    assert bob.get(path).json["avatar_url"] == thumb(later)
    assert bob.get(thumb(later)).status_code == 200 and is_nobodys(earlier)
    changes = [e for e in bob.get(f"/api/chats/{chat}/log?after=0").json["entries"] if e["kind"] == "chat"]
    assert [entry["changes"] for entry in changes] == [{"avatar": later}]


def test_a_groups_picture_that_lost_the_race_for_its_number_is_asked_about_again(
    ada: Person, bob: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one's entry comes between the check of the earlier one and its insertion."""
    path = f"/api/chats/{ada.group(bob)}"
    earlier, later = (asked(ada, path, picture) for _ in range(2))
    real, tried = writer._insert, []

    def insert(numbered: Any) -> Any:
        tried.append(len(numbered))
        if len(tried) == 1:
            entry = {**numbered[0][1], "_id": ObjectId(), "client_id": "of-another-process"}
            Media.raw().update_one({"_id": ObjectId(later)}, {"$set": {"state": "ready"}})
            Entry.raw().insert_one({**entry, "changes": {"avatar": later}})
        return real(numbered)

    monkeypatch.setattr(writer, "_insert", insert)
    process(earlier)
    shown = [e["changes"] for e in bob.get(f"{path}/log?after=0").json["entries"] if e["kind"] == "chat"]
    assert shown == [{"avatar": later}] and is_nobodys(earlier)


def test_who_is_no_owner_any_more_changes_no_groups_picture(ada: Person, bob: Person, picture: bytes) -> None:
    path = f"/api/chats/{ada.group(bob)}"
    first = asked(ada, path, picture)
    process(first)
    failed, coming = asked(ada, path, picture), asked(ada, path, picture)
    Media.raw().update_one({"_id": ObjectId(failed)}, {"$set": {"state": "failed", "reason": "It was away."}})
    assert ada.patch(f"{path}/members/{bob.id}", {"role": "owner"}).status_code < 300
    assert bob.patch(f"{path}/members/{ada.id}", {"role": "member"}).status_code < 300
    assert ada.patch(path, {"avatar": None}).status_code == 403
    assert ada.post(f"/api/media/{failed}/retry").status_code == 200
    for media_id in (failed, coming):
        process(media_id)
        assert bob.get(path).json["avatar_url"] == thumb(first) and bob.get(thumb(first)).status_code == 200
        assert is_nobodys(media_id)
