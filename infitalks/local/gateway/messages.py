"""Events of the protocol as websocket frames, and the other way round. Not for deciding who gets them."""

import json
import re
from typing import Any

from websockets.frames import Frame, Opcode

# The character set and the length that Pusher's server libraries hold to (Channels docs, "channel naming").
CHANNEL_NAME = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")
SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+")


def to_json(value: object) -> str:
    """Compact JSON, not escaped to ASCII. Raises ValueError for numbers that JSON has not, like infinity."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def frame(event: str, data: object, channel: str | None = None) -> bytes:
    """One event as a complete unmasked text frame, ready to be written to any number of sockets.

    `data` goes out as it is: the protocol wants a JSON string in most events, an object in a few.
    """
    message = {"event": event, "data": data} | ({} if channel is None else {"channel": channel})
    return Frame(Opcode.TEXT, to_json(message).encode()).serialize(mask=False)


def read_json_object(raw: bytes | bytearray) -> dict[str, Any]:
    """The JSON object in `raw`, UTF-8; ValueError for anything else, too deep nesting included."""
    try:
        value = json.loads(raw.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def is_text(text: str) -> bool:
    """Whether a string can be sent at all: JSON can spell half a surrogate pair, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
