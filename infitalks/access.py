"""Who may see and do what: pure rules, and loaders that raise NotFound for what is not the user's to see."""

from collections.abc import Iterable

from bson import ObjectId

from infitalks.errors import Forbidden, NotFound
from infitalks.models.chats import chat_by_id, membership_of
from infitalks.models.database import Doc, object_id
from infitalks.models.log import entries_by_id, entry_by_id
from infitalks.models.media import media_by_id
from infitalks.models.users import User
from infitalks.models.webhooks import Webhook, webhook_by_id

Intervals = list[list[int | None]]


def visible(seq: int, intervals: Intervals) -> bool:
    """Whether entry `seq` lies in one of the intervals [from, to], where `to` None is open."""
    return any(start is not None and start <= seq and (end is None or seq <= end) for start, end in intervals)


def seen_filter(intervals: Intervals) -> Doc:
    """The same rule as a MongoDB filter on `seq`."""
    return {"$or": [{"seq": _between(start, end)} for start, end in intervals] or [{"seq": -1}]}


def _between(start: int | None, end: int | None) -> Doc:
    return {"$gte": start} if end is None else {"$gte": start, "$lte": end}


def get_chat_for(user_id: ObjectId, chat_id: str) -> tuple[Doc, Doc]:
    """The chat and the user's membership in it."""
    key = object_id(chat_id)
    membership = membership_of(key, user_id)
    chat = chat_by_id(key)
    if not chat or not membership or not membership["active"]:
        raise NotFound()
    return chat, membership


def require_unchanged(membership: Doc) -> None:
    """Raise NotFound where the member was removed since. To be called when an answer is complete: whoever could
    append after a removal has applied it first, so what was read before this holds nothing later."""
    now = membership_of(membership["chat"], membership["user"])
    if not now or not now["active"] or now["intervals"] != membership["intervals"]:
        raise NotFound()


def get_message_for(user_id: ObjectId, message_id: str) -> tuple[Doc, Doc]:
    """The message, as stored, and the user's membership in its chat."""
    message = entry_by_id(object_id(message_id))
    if not message or message["kind"] != "message":
        raise NotFound()
    membership = membership_of(message["chat"], user_id)
    if not membership or not membership["active"] or not visible(message["seq"], membership["intervals"]):
        raise NotFound()
    return message, membership


def messages_seen(ids: Iterable[ObjectId], memberships: dict[ObjectId, Doc]) -> list[Doc]:
    """Of these messages, as stored, those that the holder of these memberships, by chat, sees; deleted ones too."""
    return [
        doc
        for doc in entries_by_id(ids).values()
        if doc["kind"] == "message"
        and doc["chat"] in memberships
        and visible(doc["seq"], memberships[doc["chat"]]["intervals"])
    ]


def get_media_for(user_id: ObjectId, media_id: str) -> Doc:
    """A picture or file that the user uploaded, that a message which the user sees shows, or that is a profile's."""
    media = media_by_id(object_id(media_id))
    if not media or media.get("dropped"):
        raise NotFound()
    owner_of_profile = media.get("profile_of") or ""
    if media["owner"] == user_id or owner_of_profile.startswith("user:"):
        return media
    if owner_of_profile.startswith("chat:"):
        get_chat_for(user_id, owner_of_profile.removeprefix("chat:"))
        return media
    if not media.get("message"):
        raise NotFound()
    message, _ = get_message_for(user_id, str(media["message"]))
    if message.get("deleted_seq") is not None:
        raise NotFound()
    return media


def get_own_media(user_id: ObjectId, media_id: str) -> Doc:
    """The user's own upload, unless it went to a chat that the user is not in any more."""
    media = get_media_for(user_id, media_id)
    if media["owner"] != user_id:
        raise NotFound()
    if media.get("message"):
        get_message_for(user_id, str(media["message"]))
    if (media.get("profile_of") or "").startswith("chat:"):
        get_chat_for(user_id, media["profile_of"].removeprefix("chat:"))
    return media


def get_webhook_for(user_id: ObjectId, webhook_id: str) -> Webhook:
    """A webhook of a chat that the user manages."""
    webhook = webhook_by_id(object_id(webhook_id))
    if not webhook:
        raise NotFound()
    chat, membership = get_chat_for(user_id, str(webhook.chat))
    require(can_manage_webhooks(chat, membership), "Only owners look after a group's webhooks.")
    return webhook


def can_manage(chat: Doc, membership: Doc) -> bool:
    """Rename, remove, set roles: owners of groups."""
    return bool(chat["kind"] == "group" and membership["role"] == "owner")


def can_manage_webhooks(chat: Doc, membership: Doc) -> bool:
    """Owners of groups; in a direct chat either one."""
    return bool(chat["kind"] == "direct" or membership["role"] == "owner")


def can_edit(message: Doc, user_id: ObjectId) -> bool:
    return bool(message["author"] == user_id)


def can_delete(message: Doc, membership: Doc) -> bool:
    """One's own; owners also others'."""
    return bool(message["author"] == membership["user"] or membership["role"] == "owner")


def require(allowed: bool, refusal: str) -> None:
    """Raise Forbidden with `refusal` unless `allowed`."""
    if not allowed:
        raise Forbidden(refusal)


def require_person(user: User) -> None:
    require(user.kind == "person", "This is for people, not for bots.")


def require_admin(user: User) -> None:
    require(bool(user.is_admin), "Only admins may do this.")
