"""What a picture shows, in words, for whoever cannot see it.

Not for: captions; those are the text of the message that shows the picture.
"""

from bson import ObjectId

from infitalks import access
from infitalks.actions.media import tell_media
from infitalks.errors import Conflict, Invalid
from infitalks.models.database import Doc
from infitalks.models.media import Media, is_file, media_by_id


def describe_media(user_id: ObjectId, media_id: str, alt: str) -> Doc:
    """Describe a picture of one's own, before or after it is sent; "" takes the words away. Returns it as stored.

    Raises NotFound where it is somebody else's, or sent to a chat that the user is not in any more; Invalid where it is
    a file; Conflict where it is the picture of a profile, which the profile's name describes.
    """
    media = access.get_own_media(user_id, media_id)
    if is_file(media):
        raise Invalid("Only pictures are described; a file has its name.", fields={"alt": "describes no file"})
    if media.get("profile_of"):
        raise Conflict("A profile's name describes its picture.")
    # A new outcome, so that pages hear of the words as of how the picture ended, also where this process dies now.
    words = {"alt": alt, "told": False, "outcome": ObjectId()}
    same = [alt] if alt else ["", None]
    changed: Doc = {"_id": media["_id"], "profile_of": None, "dropped": {"$ne": True}, "alt": {"$nin": same}}
    if Media.raw().update_one(changed, {"$set": words}).modified_count:
        tell_media(media["_id"])
    return media_by_id(media["_id"]) or {**media, "alt": alt}
