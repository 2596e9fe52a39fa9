"""The plain forms in which a person and a group get a picture, or none."""

import io
from typing import Any

import pytest
from bson import ObjectId
from werkzeug.test import TestResponse

from infitalks.actions.media import process_media
from infitalks.models.media import Media
from tests.api.corpus import nothing_changes
from tests.api.photos import film
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process", "gateway_process")


def submit(person: Person, path: str, data: bytes | None = None, **fields: str) -> TestResponse:
    parts: dict[str, Any] = {"csrf_token": person.csrf, **fields}
    if data is not None:
        parts["avatar"] = (io.BytesIO(data), "me.png")
    return person.client.post(path, data=parts, content_type="multipart/form-data")


def prepare(person: Person) -> str:
    """The id of this person's newest upload, which is ready now."""
    newest: Any = Media.raw().find_one({"owner": ObjectId(person.id)}, sort=[("_id", -1)])
    process_media(newest["_id"])
    return str(newest["_id"])


def test_an_owner_gives_a_group_a_picture_and_takes_it_away(ada: Person, bob: Person, picture: bytes) -> None:
    chat = ada.group(bob)
    path = f"/c/{chat}/settings/picture"
    assert submit(ada, path, picture).status_code == 302
    shown = f"/media/{prepare(ada)}/thumb"
    assert bob.get(f"/api/chats/{chat}").json["avatar_url"] == shown
    assert shown in ada.client.get(f"/c/{chat}/settings").text
    with nothing_changes():
        assert submit(ada, path, b"words").status_code == 415
        assert submit(ada, path).status_code == 422
        assert submit(bob, path, picture).status_code == 403
    assert submit(ada, path, no_avatar="1").status_code == 302
    assert bob.get(f"/api/chats/{chat}").json["avatar_url"] is None


def test_a_person_takes_the_own_picture_away(ada: Person, bob: Person, picture: bytes) -> None:
    assert submit(ada, "/settings/profile", picture, display_name="Ada").status_code == 302
    shown = f"/media/{prepare(ada)}/thumb"
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] == shown
    assert submit(ada, "/settings/profile", display_name="Ada L").status_code == 302
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] == shown
    assert submit(ada, "/settings/profile", display_name="Ada L", no_avatar="1").status_code == 302
    assert bob.get(f"/api/users/{ada.id}").json["avatar_url"] is None


def test_a_moving_picture_stands_still_as_a_face_and_moves_where_it_is_looked_at(ada: Person, bob: Person) -> None:
    submit(ada, "/settings/profile", film("GIF", 3, (60, 40)), display_name="Ada")
    media_id = prepare(ada)
    for size, kind in (("thumb", "image/png"), ("full", "image/gif")):
        assert bob.client.get(f"/media/{media_id}/{size}").content_type == kind


@pytest.mark.parametrize("where", ["person", "group"])
def test_a_picture_that_does_not_show_yet_is_told_with_its_reason_and_tried_again(
    ada: Person, bob: Person, picture: bytes, where: str
) -> None:
    chat = ada.group(bob)
    page, form = ("/settings", "/settings/profile") if where == "person" else (f"/c/{chat}/settings",) * 2
    form += "/picture" if where == "group" else ""
    assert "picture does not show" not in ada.client.get(page).text
    assert submit(ada, form, picture[:60], display_name="Ada").status_code == 302
    assert "is being prepared" in ada.client.get(page).text
    media_id = prepare(ada)
    shown = ada.client.get(page).text
    retry = f"{page}/picture/{media_id}/retry"
    assert "This picture is damaged or cut off." in shown and f'action="{retry}"' in shown
    assert "does not show" not in bob.client.get(page).text
    other = ada.group()
    with nothing_changes():
        assert bob.client.post(retry, data={"csrf_token": bob.csrf}).status_code == 404
        assert ada.client.post(retry).status_code == 403
        for elsewhere in ("xyz", other):
            wrong = f"/c/{elsewhere}/settings/picture/{media_id}/retry"
            assert ada.client.post(wrong, data={"csrf_token": ada.csrf}).status_code == 404
    assert ada.client.post(retry, data={"csrf_token": ada.csrf}).location == page
    again = ada.client.get(page).text
    assert "is being prepared" in again and retry not in again
    assert ada.client.post(retry, data={"csrf_token": ada.csrf}).status_code == 409
    prepare(ada)
    assert retry in ada.client.get(page).text
    submit(ada, form, picture, display_name="Ada")
    prepare(ada)
    page_now = ada.client.get(page).text
    assert "does not show" not in page_now and "is being prepared" not in page_now


def test_another_owner_hears_that_a_groups_picture_failed_and_leaves_the_retry_to_who_gave_it(
    ada: Person, bob: Person, picture: bytes
) -> None:
    chat = ada.group(bob)
    page = f"/c/{chat}/settings"
    assert ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"}).status_code < 300
    submit(ada, f"{page}/picture", picture[:60])
    prepare(ada)
    shown = bob.client.get(page).text
    assert "This picture is damaged or cut off." in shown and "/retry" not in shown
