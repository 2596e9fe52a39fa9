"""The part of HTTP/1.1 that the API and websocket handshakes need (RFC 9112), strict, without I/O.

Not for routes. What is doubtful is refused: two readings of one request are how requests get smuggled.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD = 16 * 1024  # bytes
FREE_BODY = 64 * 1024  # bytes that anybody may send; more only with a head that is vouched for
MAX_BODY = 1024 * 1024  # bytes; ten events of 10 kB where JSON escapes every byte are 600 kB

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) (HTTP/[0-9]\.[0-9])")
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)")
_ONCE = frozenset({"host", "content-length", "origin", "upgrade", "expect"})


class HttpError(Exception):
    """A request that is answered with an error; `close` where what follows on the wire cannot be trusted."""

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.close = close


@dataclass(frozen=True)
class Request:
    """A complete request. Header names are in lower case; `head` is its first part as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    head: bytes
    body: bytes = b""

    @property
    def upgrade(self) -> bool:
        return "upgrade" in self.headers

    @property
    def close(self) -> bool:
        """Whether the client wants the connection closed after the answer."""
        return "close" in self.headers.get("connection", "").lower()


class RequestReader:
    """Cuts the bytes of one connection into requests.

    `vouch` is asked about the head of a request with a large body, and raises HttpError where it is a stranger's:
    else 5,000 of them could have us keep a megabyte each.
    """

    def __init__(self, vouch: Callable[[Request], None]) -> None:
        self._vouch = vouch
        self._buffer = bytearray()
        self._head: Request | None = None

    @property
    def pending(self) -> bool:
        """Whether a part of a request is waiting for the rest of it."""
        return bool(self._buffer) or self._head is not None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> Request | None:
        """The next complete request, or None until more has come. Raises HttpError, always with `close`."""
        self._head = self._head or self._take_head()
        if self._head is None:
            return None
        length = int(self._head.headers.get("content-length", "0"))
        if len(self._buffer) < length:
            return None
        head, self._head = self._head, None
        return Request(head.method, head.path, head.query, head.headers, head.head, self._cut(length))

    def _take_head(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0 and len(self._buffer) >= MAX_HEAD:
            raise HttpError(431, "The head of the request is too long", close=True)
        return None if end < 0 else self._vouched(_parse_head(self._cut(end + 4)))

    def _vouched(self, head: Request) -> Request:
        if int(head.headers.get("content-length", "0")) > FREE_BODY:
            try:
                self._vouch(head)
            except HttpError as error:
                raise HttpError(error.status, error.message, close=True) from None
        return head

    def _cut(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken


def response(status: int, body: str, *, json: bool = False, close: bool = False) -> bytes:
    """A complete answer."""
    content = body.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {'application/json' if json else 'text/plain; charset=utf-8'}\r\n"
        f"Content-Length: {len(content)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
    )
    return head.encode() + content


def _parse_head(head: bytes) -> Request:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    matched = _REQUEST_LINE.fullmatch(first)
    if not matched:
        raise HttpError(400, "The request line is malformed", close=True)
    method, target, version = matched.groups()
    if version != "HTTP/1.1":
        raise HttpError(505, "Only HTTP/1.1 is spoken here", close=True)
    if method not in ("GET", "POST"):
        raise HttpError(501, "Only GET and POST are served here", close=True)
    path, _, query = target.partition("?")
    return Request(method, path, query, _checked(_parse_headers(lines)), head)


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        matched = _HEADER.fullmatch(line)
        if not matched:
            raise HttpError(400, "A header is malformed", close=True)
        name, value = matched[1].lower(), matched[2].strip(" \t")
        if name in headers and name in _ONCE:
            raise HttpError(400, f"{name} is given twice", close=True)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _checked(headers: dict[str, str]) -> dict[str, str]:
    if "host" not in headers:
        raise HttpError(400, "There is no Host header", close=True)
    if "transfer-encoding" in headers:
        raise HttpError(501, "Transfer codings are not spoken here; send a Content-Length", close=True)
    if "expect" in headers:
        raise HttpError(417, "Send the body at once", close=True)
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,10}", length):
        raise HttpError(400, "The Content-Length is malformed", close=True)
    if int(length) > MAX_BODY:
        raise HttpError(413, f"The body is larger than {MAX_BODY} bytes", close=True)
    return headers
