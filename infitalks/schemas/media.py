"""Pictures in JSON. The page gets paths of this app only; where the bytes are kept is nobody's business."""

from typing import Literal

from infitalks.models.database import Doc
from infitalks.schemas.base import Id, Out


class AttachmentOut(Out):
    id: Id
    state: Literal["processing", "ready", "failed"]
    reason: str | None
    name: str
    content_type: str
    bytes: int
    url: str | None
    thumb_url: str | None
    still_url: str | None
    width: int | None
    height: int | None
    placeholder: str | None


def attachment_out(doc: Doc) -> AttachmentOut:
    """From a stored picture, raw. `still_url` only where it moves: for those who asked for less motion."""
    ready = doc["state"] == "ready"
    return AttachmentOut(
        id=str(doc["_id"]),
        state=doc["state"],
        reason=doc.get("reason"),
        name=doc["name"],
        content_type=doc["content_type"],
        bytes=doc["bytes"],
        url=f"/media/{doc['_id']}/full" if ready else None,
        thumb_url=f"/media/{doc['_id']}/thumb" if ready else None,
        still_url=f"/media/{doc['_id']}/still" if ready and doc.get("moving") else None,
        width=doc.get("width"),
        height=doc.get("height"),
        placeholder=doc.get("placeholder"),
    )
