"""Presence channels: who a socket says it is, and the members of one channel (Channels docs, "presence channels").

Not for signatures, nor for telling anybody.
"""

from dataclasses import dataclass

from infitalks.local.gateway.messages import read_json_object, to_json

MAX_MEMBERS = 100  # users of one channel
MAX_USER_ID = 128  # characters
MAX_USER_INFO = 1024  # bytes, as JSON
MAX_CHANNEL_DATA = 10_240  # bytes; the limits above, where JSON escapes every character


@dataclass(frozen=True)
class Member:
    """A user of a presence channel; `info` is any JSON value, None where there is none."""

    user_id: str
    info: object = None


class TooLarge(ValueError):
    """A member that is well-formed, but larger than the protocol allows."""


def read_member(channel_data: str) -> Member:
    """The member in a signed `channel_data`. Raises TooLarge, or ValueError for what is malformed.

    A numeric user_id is legal and becomes text, as it does in the keys of the list of members.
    """
    if len(channel_data) > MAX_CHANNEL_DATA:
        raise TooLarge(f"channel_data is larger than {MAX_CHANNEL_DATA} bytes")
    data = read_json_object(channel_data.encode())
    return Member(_user_id(data.get("user_id")), _info(data.get("user_info")))


def _user_id(given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise ValueError("user_id has to be a text or a whole number")
    user_id = str(given)
    user_id.encode()  # half a surrogate pair is a ValueError
    if len(user_id) > MAX_USER_ID:
        raise TooLarge(f"user_id is longer than {MAX_USER_ID} characters")
    return user_id


def _info(info: object) -> object:
    try:
        size = len(to_json(info).encode())
    except RecursionError:
        raise ValueError("user_info is nested too deeply") from None
    if size > MAX_USER_INFO:
        raise TooLarge(f"user_info is larger than {MAX_USER_INFO} bytes")
    return info


class Roster:
    """The members of one channel. A user with several sockets is one member, as the first of them said it."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._sockets: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._members

    def add(self, member: Member) -> bool:
        """Count a socket of a member; whether it is the member's first."""
        self._members.setdefault(member.user_id, member)
        self._sockets[member.user_id] = self._sockets.get(member.user_id, 0) + 1
        return self._sockets[member.user_id] == 1

    def remove(self, member: Member) -> bool:
        """Count a socket less; whether it was the member's last."""
        self._sockets[member.user_id] -= 1
        if self._sockets[member.user_id]:
            return False
        del self._sockets[member.user_id], self._members[member.user_id]
        return True

    def ids(self) -> list[str]:
        return list(self._members)

    def listed(self) -> dict[str, object]:
        """The `presence` part of a subscription_succeeded."""
        infos = {member.user_id: member.info for member in self._members.values()}
        return {"count": len(infos), "ids": list(infos), "hash": infos}
