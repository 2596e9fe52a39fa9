"""The one HTTP client for addresses that a user chose (webhooks): it never reaches where only this machine may go.

Not for: services that the admin names; those have files of their own.
"""

import http.client
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from infitalks.settings import Settings

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0  # by the wall clock, so that a receiver that drips costs no more than one that hangs
MOST_ANSWER_BYTES = 64 * 1024
LONGEST_URL = 2000  # characters
WEB_PORTS = frozenset({80, 443})
FIRST_FREE_PORT = 1024  # below, but for the web's own, are services that would read a request as commands

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out; in it, but not public:
_WRAPPED = (IPv6Network("2001::/23"), IPv6Network("2002::/16"))  # Teredo and the like, 6to4: IPv4 addresses inside


class AddressRefused(Exception):
    """The URL is one that nothing is sent to, now or later; the text says why."""


class NoAnswer(Exception):
    """No whole answer came; the text says what happened, and nothing of what lies inside our network."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A receiver's answer. `headers` have lower-case names; `whole` is False where the body was longer than taken."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """`allowed`: networks beside the public internet. `own_site`: host and port that people open the chat at."""

    allowed: tuple[Network, ...]
    own_ports: frozenset[int]
    own_site: tuple[str, int]


_rules: _Rules | None = None


def configure(settings: Settings) -> None:
    """Set what this process may reach. Nothing is connected."""
    global _rules
    site = urlsplit(settings.public_url)
    _rules = _Rules(
        allowed=settings.egress_networks,
        own_ports=own_ports(settings),
        own_site=(site.hostname or "", _port_of(site)),
    )


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)  # for hosts without a store of certificates
    return context


def own_ports(settings: Settings) -> frozenset[int]:
    """The ports of our own services, which nobody's webhook may talk to, wherever the admin lets it go."""
    urls = (settings.mongodb_uri, settings.redis_url, settings.public_url, *settings.cloudinary_url.split("="))
    ports = {int(port) for url in urls for port in re.findall(r":(\d{1,5})(?=[/,?&]|$)", url)}
    ports |= {27017, 6379, settings.pusher_port}
    if settings.mode != "production":
        ports.add(settings.port)
    return frozenset(ports - WEB_PORTS)


def check_url(url: str) -> None:
    """Raise AddressRefused where nothing could ever be sent to this URL, as far as can be told without a look-up."""
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    if written := _look_up(host, _port_of(parts), flags=socket.AI_NUMERICHOST):  # 127.1 and 0x7f000001, too
        _permitted(written)


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise AddressRefused("a URL is ASCII without blanks and backslashes; write other letters in their coded form")
    try:
        parts = urlsplit(url)
        port = _port_of(parts)
    except ValueError:
        raise AddressRefused("this is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("a URL begins with https:// or http:// and a host")
    if "@" in parts.netloc or "#" in url:
        raise AddressRefused("a URL here has no user name, password or fragment")
    _check_port(parts.hostname.rstrip("."), port)
    return parts


def _port_of(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80


def _check_port(host: str, port: int) -> None:
    rules = _ready()
    if port in rules.own_ports or (host, port) == rules.own_site:
        raise AddressRefused("this address is one of our own services")
    if port not in WEB_PORTS and port < FIRST_FREE_PORT:
        raise AddressRefused(f"port {port} is not one of 80, 443 and those from {FIRST_FREE_PORT} on")


def _ready() -> _Rules:
    if _rules is None:
        raise RuntimeError("backends.http.configure has not been called")
    return _rules


def is_public(address: Address) -> bool:
    """Whether this is an address on the public internet, and not one that leads elsewhere in disguise."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    return address.is_global and address in _UNICAST and not any(address in network for network in _WRAPPED)


def _permitted(addresses: Iterable[Address]) -> list[Address]:
    """All of them, or AddressRefused where one may not be reached: who mixes them in one name is up to something.

    In the same words as a name without any address: what our resolver knows inside is not to be learned here.
    """
    found = [_unmapped(address) for address in addresses]
    if not found or not all(is_public(address) or _is_allowed(address) for address in found):
        raise AddressRefused("the host has no address that webhooks may be sent to")
    return found


def _unmapped(address: Address) -> Address:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_allowed(address: Address) -> bool:
    return any(address in network for network in _ready().allowed)


def _look_up(host: str, port: int, *, flags: int = 0) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return []
    with suppress(ValueError):  # an address of a scope (fe80::1%eth0) is none for us
        return [ip_address(str(row[4][0])) for row in found]
    return []


def _resolve(host: str, port: int, seconds: float) -> list[Address]:
    """The host's addresses; none where its look-up takes longer. The system's resolver knows no time limit."""
    answer: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_look_up(host, port)), name="look-up", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswer(f"the host's address was not found within {seconds:.0f} s") from None


class _Deadline:
    """Shuts the connection down when the time is over, whatever is being waited for at that moment."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds

    def left(self) -> float:
        return max(0.001, self._end - time.monotonic())

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def guard(self, connection: socket.socket) -> threading.Timer:
        """A running timer; cancel it when the connection is done."""
        timer = threading.Timer(self.left(), _shut_down, (connection,))
        timer.daemon = True
        timer.start()
        return timer


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        # The plain socket's: that of a TLS socket would change what the reading thread is about to use.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """POST the body, and take up to 64 kB of the answer, all within 10 s. Redirects are not followed.

    Connects to the very address that was checked, so that a name cannot change its mind in between. Proxies of the
    environment are not asked. Raises AddressRefused and NoAnswer.
    """
    deadline = _Deadline(TOTAL_SECONDS)
    parts = _split(url)
    host, port = (parts.hostname or "").rstrip("."), _port_of(parts)
    addresses = _permitted(_resolve(host, port, CONNECT_SECONDS))
    try:
        with _connect(addresses, port, deadline) as plain:
            return _exchange(parts, host, plain, body, headers, deadline)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(_reason(error, deadline)) from error


def _connect(addresses: list[Address], port: int, deadline: _Deadline) -> socket.socket:
    give_up = time.monotonic() + CONNECT_SECONDS
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((str(address), port), timeout=max(0.1, (give_up - time.monotonic()) / 2))
    left = max(0.1, give_up - time.monotonic())
    return socket.create_connection((str(addresses[-1]), port), timeout=min(left, deadline.left()))


def _exchange(
    parts: SplitResult,
    host: str,
    plain: socket.socket,
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> Answer:
    plain.settimeout(TOTAL_SECONDS)
    stream = plain
    if parts.scheme == "https":
        stream = _tls().wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    timer = deadline.guard(stream)
    with stream:
        try:
            if isinstance(stream, ssl.SSLSocket):
                stream.do_handshake()
            return _ask(parts, host, stream, body, headers, deadline)
        finally:
            timer.cancel()


def _ask(
    parts: SplitResult,
    host: str,
    stream: socket.socket,
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> Answer:
    connection = http.client.HTTPConnection(host)
    connection.sock = stream
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Not compressed, so that no small answer unpacks into a large one: nothing here unpacks any.
    fixed = {"Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"}
    connection.request("POST", target, body, {**headers, **fixed})
    response = connection.getresponse()
    taken = response.read(MOST_ANSWER_BYTES + 1)
    if len(taken) <= MOST_ANSWER_BYTES and (response.length or deadline.is_over()):
        raise http.client.IncompleteRead(taken)  # which http.client says of chunks alone
    names = {name.lower(): value for name, value in response.getheaders()}
    whole = len(taken) <= MOST_ANSWER_BYTES and "content-encoding" not in names
    return Answer(response.status, names, taken[:MOST_ANSWER_BYTES], whole)


def _reason(error: Exception, deadline: _Deadline) -> str:
    if deadline.is_over():
        return f"no whole answer within {TOTAL_SECONDS:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "TLS did not come about"
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return "the connection broke off"
    return "the answer was no HTTP" if isinstance(error, http.client.HTTPException) else "it could not be reached"
