"""Pictures and files in JSON. The page gets paths of this app only; where the bytes are kept is nobody's business."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infitalks.models.database import Doc
from infitalks.models.media import kind_of
from infitalks.schemas.base import Id, In, Out

LONGEST_ALT = 1000  # characters


def _clean_alt(text: str) -> str:
    """On one line. What is unseen is dropped, not refused: people paste it without knowing."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    unseen = ("Cc", "Cf", "Co", "Cs")
    return "".join(char for char in line if unicodedata.category(char) not in unseen or char in "\u200c\u200d")


Alt = Annotated[str, AfterValidator(_clean_alt), Field(max_length=LONGEST_ALT)]


class DescribeIn(In):
    """What the picture shows, for whoever cannot see it; "" takes the words away."""

    alt: Alt


class AttachmentOut(Out):
    """A picture, or a file that is only ever saved: its `url` downloads it, and `content_type` is what its name claims.
    `reason` says why it failed."""

    id: Id
    kind: Literal["picture", "file"]
    state: Literal["processing", "ready", "failed"]
    reason: str | None
    name: str
    alt: str
    content_type: str
    bytes: int
    url: str | None
    thumb_url: str | None
    still_url: str | None
    width: int | None
    height: int | None
    placeholder: str | None


def attachment_out(doc: Doc) -> AttachmentOut:
    """From stored media, raw. `still_url` only where it moves: for those who asked for less motion."""
    ready, kind = doc["state"] == "ready", kind_of(doc)
    pictured = ready and kind == "picture"
    return AttachmentOut(
        id=str(doc["_id"]),
        kind=kind,
        state=doc["state"],
        reason=doc.get("reason"),
        name=doc["name"],
        alt=doc.get("alt") or "",
        content_type=doc["content_type"],
        bytes=doc["bytes"],
        url=f"/media/{doc['_id']}/{'file' if kind == 'file' else 'full'}" if ready else None,
        thumb_url=f"/media/{doc['_id']}/thumb" if pictured else None,
        still_url=f"/media/{doc['_id']}/still" if pictured and doc.get("moving") else None,
        width=doc.get("width"),
        height=doc.get("height"),
        placeholder=doc.get("placeholder"),
    )
