"""Pictures tell nothing beside what they show, and nobody who may not see them gets them by any way."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from bson import ObjectId
from cloudinary import api, utils
from flask import Flask

from infitalks.actions.media import destroy_media
from infitalks.models.media import media_by_id
from tests.api.photos import SECRET, TELLING, film, secrets_in
from tests.api.signing import bearer, tokens
from tests.api.test_media import ready, send
from tests.people import Person
from tests.running import wait_until

pytestmark = pytest.mark.usefixtures("media_process")

Options = dict[str, Any]


@pytest.fixture
def account(cloudinary_url: str) -> Options:
    parts = urlsplit(cloudinary_url)
    address = f"127.0.0.1:{cloudinary_url.rpartition(':')[2]}"
    account = {"api_key": parts.username, "api_secret": parts.password, "cloud_name": parts.hostname}
    return account | {"upload_prefix": f"http://{address}", "cname": address, "secure": False}


def record(media_id: str) -> Any:
    return media_by_id(ObjectId(media_id))


def link(account: Options, public_id: str, **options: Any) -> str:
    usual = {"type": "authenticated", "sign_url": True, "long_url_signature": True}
    return str(utils.cloudinary_url(public_id, **usual | account | options)[0])


def fetch(url: str) -> requests.Response:
    return requests.get(url, timeout=20, allow_redirects=False)


# ---- what a picture tells


def by_the_app(person: Person, media_id: str, moving: bool) -> Iterator[tuple[str, bytes]]:
    for size in ("full", "thumb", "still") if moving else ("full", "thumb"):
        answer = person.get(f"/media/{media_id}/{size}")
        assert answer.status_code == 200, size
        yield size, answer.data


def by_the_service(account: Options, public_id: str) -> Iterator[tuple[str, bytes]]:
    """All ways that are open to whoever has the account's secret."""
    shown = api.resource(public_id, type="authenticated", **account)
    expiring = {"type": "authenticated", "expires_at": int(time.time()) + 60}
    links = {
        "the link of the Admin API": shown["secure_url"],
        "the original": link(account, public_id),
        "as it is": link(account, public_id, format=shown["format"]),
        "the expiring link": utils.private_download_url(public_id, shown["format"], **expiring, **account),
        "smaller": link(account, public_id, width=20, crop="limit"),
        "by what is accepted": link(account, public_id, fetch_format="auto"),
        **{f"as {kind}": link(account, public_id, format=kind) for kind in ("jpg", "png", "webp", "gif")},
    }
    for name, url in links.items():
        answer = fetch(url)
        assert answer.status_code == 200, name
        yield name, answer.content


@pytest.mark.parametrize("name", TELLING)
def test_a_picture_comes_back_without_its_metadata_from_every_address(
    ada: Person, bob: Person, account: Options, name: str
) -> None:
    data = TELLING[name]
    assert SECRET in data and len(secrets_in(data)) >= 3
    chat, media_id = ada.group(bob), ready(ada, data)
    send(ada, chat, media_id)
    moving = name.startswith("a moving")
    served = [*by_the_app(bob, media_id, moving), *by_the_service(account, record(media_id)["public_id"])]
    assert {way: secrets_in(data) for way, data in served if secrets_in(data)} == {}


@pytest.mark.parametrize("name", ["a JPEG", "a moving GIF"])
def test_a_profile_picture_comes_back_without_its_metadata(ada: Person, eve: Person, name: str) -> None:
    chat, media_id, group_media = ada.group(eve), ready(ada, TELLING[name]), ready(ada, TELLING[name])
    ada.patch("/api/users/me", {"avatar": media_id})
    ada.patch(f"/api/chats/{chat}", {"avatar": group_media})
    for path in (eve.get(f"/api/users/{ada.id}").json["avatar_url"], eve.get(f"/api/chats/{chat}").json["avatar_url"]):
        answer = eve.get(path)
        assert (answer.status_code, secrets_in(answer.data)) == (200, [])


def test_the_upload_itself_is_not_kept_once_it_is_ready(ada: Person) -> None:
    media_id = ready(ada, TELLING["a JPEG"])
    kept = record(media_id)
    assert (kept["state"], kept["spool"]) == ("ready", None)
    assert SECRET not in repr({name: value for name, value in kept.items() if name != "name"}).encode()


# ---- who gets it


def ways_of(media_id: str) -> list[str]:
    return [f"/media/{media_id}/{size}" for size in ("full", "thumb", "still")] + [f"/api/media/{media_id}"]


def statuses(person: Person, paths: list[str]) -> set[int]:
    return {person.get(path).status_code for path in paths}


def test_a_member_of_one_chat_gets_nothing_of_the_others_picture(
    app: Flask, ada: Person, eve: Person, account: Options
) -> None:
    ours, theirs = ada.group(), eve.group()
    mine, hers = ready(ada, film("GIF")), ready(eve, film("GIF"))
    send(ada, ours, mine)
    message = send(eve, theirs, hers).json["id"]
    kept, own = record(hers), record(mine)
    assert statuses(ada, ways_of(mine)) == statuses(eve, ways_of(hers)) == {200}
    # By the API and by links, with her message's id and with a token too.
    assert statuses(ada, ways_of(hers)) == {404}
    assert ada.get(f"/api/messages?chat={theirs}").status_code == 404
    assert ada.put(f"/api/messages/{message}/reactions/👍").status_code == 404
    assert ada.post(f"/api/media/{hers}/retry").status_code == 404
    client = app.test_client()
    assert {bearer(client, tokens(ada)["access_token"], path).status_code for path in ways_of(hers)} == {404}
    # By ids that she could guess or has seen, in the place of a picture's, and by what a link may hold beside it.
    guesses = [kept["public_id"], kept["public_id"].removeprefix("infitalks/"), str(kept["version"]), "0" * 24]
    assert statuses(ada, [path for guess in guesses for path in ways_of(guess)]) == {404}
    forged = [f"/media/{hers}/full?signature={'0' * 40}", f"/media/{hers}/full?v={kept['version']}&s=--{'A' * 32}--"]
    forged += [f"/media/{mine}/../{hers}/full", f"/media/{mine}/%2e%2e/{hers}/full"]
    assert statuses(ada, forged) == {404}
    # At the service itself: unsigned, signed by somebody else, or with the signature of one's own picture.
    url = link(account, kept["public_id"], format="gif")
    assert fetch(url).status_code == 200
    assert fetch(link(account, kept["public_id"], format="gif", sign_url=False)).status_code == 404
    assert fetch(link(account, kept["public_id"], format="gif", type="upload")).status_code == 404
    assert fetch(link(account | {"api_secret": "guessed"}, kept["public_id"], format="gif")).status_code == 401
    assert fetch(link(account, own["public_id"]).replace(own["public_id"], kept["public_id"])).status_code == 401
    # A wrong signature tells nothing about what there is.
    there, nowhere = (
        fetch(link(account | {"api_secret": "guessed"}, public_id)) for public_id in (kept["public_id"], "none")
    )
    assert (there.status_code, there.text, there.headers["X-Cld-Error"]) == (
        nowhere.status_code, nowhere.text, nowhere.headers["X-Cld-Error"],
    )  # fmt: skip


PATHS = re.compile(r"/media/[0-9a-f]{24}/[a-z]+")


def links_shown_to(person: Person, chat: str, other: Person) -> set[str]:
    """Every picture's link in all that this person is shown."""
    asked = [f"/api/messages?chat={chat}", f"/api/chats/{chat}", f"/api/chats/{chat}/log?after=0", f"/c/{chat}"]
    asked += ["/api/chats", f"/api/users/{other.id}"]
    return {found for path in asked for found in PATHS.findall(person.get(path).text)}


def test_a_removed_member_gets_nothing_by_any_link_that_he_ever_saw(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    pictures = [ready(ada, film("GIF")), ready(ada, TELLING["a JPEG"]), ready(bob, TELLING["a PNG"])]
    for media_id in pictures:
        person = bob if media_id == pictures[2] else ada
        send(person, chat, media_id)
    group_picture = ready(ada, TELLING["a JPEG"])
    ada.patch(f"/api/chats/{chat}", {"avatar": group_picture})
    seen = sorted(links_shown_to(bob, chat, ada))
    assert {path.split("/")[2] for path in seen} == {*pictures, group_picture}
    answers = [bob.get(path) for path in seen]
    assert {answer.status_code for answer in answers} == {200}
    token = tokens(bob)["access_token"]
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    # At once, not only after five minutes; what he uploaded himself stays his own.
    foreign = [path for path in seen if pictures[2] not in path]
    assert statuses(bob, foreign) == {404}
    assert {bearer(app.test_client(), token, path).status_code for path in foreign} == {404}
    assert statuses(bob, [path for path in seen if path not in foreign]) == {200}
    for path, answer in zip(seen, answers, strict=True):
        if path in foreign:
            check_forgotten_in_five_minutes(bob, path, answer)


def check_forgotten_in_five_minutes(person: Person, path: str, answer: Any) -> None:
    """The only place that still has it is his own browser, which was told for how long."""
    directives = dict(part.strip().partition("=")[::2] for part in answer.headers["Cache-Control"].split(","))
    assert "private" in directives and 0 < int(directives.pop("max-age")) <= 300
    assert directives.keys() == {"private"}  # nothing that lets it be used for longer
    assert not {"Expires", "Location"} & {name.title() for name, _ in answer.headers}
    # And when it asks whether what it has is still good, it is not told so.
    asked = {"If-None-Match": answer.headers.get("ETag", "*"), "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert person.call("GET", path, headers=asked).status_code == 404
    assert person.call("GET", path, headers={"Range": "bytes=0-99"}).status_code == 404


def test_an_expiring_link_of_the_service_ends_with_its_time(ada: Person, account: Options) -> None:
    public_id = record(ready(ada, TELLING["a JPEG"]))["public_id"]
    until = int(time.time()) + 2
    url = utils.private_download_url(public_id, "jpg", type="authenticated", expires_at=until, **account)
    assert fetch(url).status_code == 200
    later = url.replace(f"expires_at={until}", f"expires_at={until + 600}")
    assert later != url and fetch(later).status_code == 401
    wait_until(lambda: time.time() >= until + 0.1, "its time is over")
    assert fetch(url).status_code == 401


def test_a_deleted_picture_is_gone_at_the_service_in_every_size(ada: Person, account: Options) -> None:
    chat, media_id = ada.group(), ready(ada, film("GIF"))
    message = send(ada, chat, media_id).json["id"]
    public_id = record(media_id)["public_id"]
    urls = [url for options in ({}, {"width": 20, "crop": "limit"}, {"format": "png"})
            for url in [link(account, public_id, **options)]]  # fmt: skip
    assert {fetch(url).status_code for url in urls} == {200}
    assert ada.delete(f"/api/messages/{message}").status_code == 204
    destroy_media(ObjectId(media_id))
    assert {fetch(url).status_code for url in urls} == {404}
