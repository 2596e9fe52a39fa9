"""Pictures made here, uploaded and sent without the page. Not for: choosing them in the page."""

import io
import secrets
from typing import Any

from PIL import Image
from playwright.sync_api import FilePayload

from tests.browser.visitors import Visitor

WIDE, TALL = (1600, 1000), (600, 1400)


def still(size: tuple[int, int] = WIDE, colour: str = "teal") -> bytes:
    """A JPEG of one colour."""
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "jpeg")
    return data.getvalue()


def moving() -> bytes:
    """A GIF that is red, then blue, for ever."""
    data = io.BytesIO()
    first, second = (Image.new("RGB", (320, 200), colour) for colour in ("red", "blue"))
    first.save(data, "gif", save_all=True, append_images=[second], duration=200, loop=0)
    return data.getvalue()


def as_file(name: str, data: bytes, kind: str = "image/jpeg") -> FilePayload:
    """As somebody chooses it."""
    return {"name": name, "mimeType": kind, "buffer": data}


def upload(visitor: Visitor, data: bytes, name: str) -> str:
    """The id of an upload whose end is awaited: ready, or failed."""
    visitor.call("GET", "/api/users/me")
    headers, file = {"X-CSRF-Token": visitor.csrf}, as_file(name, data)
    answer = visitor.context.request.post(f"{visitor.url}/api/media", headers=headers, multipart={"file": file})
    assert answer.ok, answer.text()
    media_id = str(answer.json()["id"])
    visitor.until(lambda: visitor.call("GET", f"/api/media/{media_id}")["state"] != "processing", "prepared")
    return media_id


def show(visitor: Visitor, chat: str, text: str, *media: str) -> Any:
    """A message with these uploads."""
    said = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text, "attachments": list(media)}
    return visitor.call("POST", "/api/messages", said)
