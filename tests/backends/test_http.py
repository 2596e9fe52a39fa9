"""The client for addresses that users chose: where it does not go, and what a receiver cannot do to it."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infitalks.backends import http
from infitalks.settings import SettingsError, load_settings
from tests import receivers
from tests.receivers import Behave, answering, receiving

LOOPBACK = {"INFITALKS_EGRESS_ALLOW": "127.0.0.0/8, ::1/128"}
OWN = {
    "MONGODB_URI": "mongodb://127.0.0.1:27123/?replicaSet=rs0",
    "REDIS_URL": "redis://127.0.0.1:27124/0",
    "PUSHER_PORT": "27125",
    "CLOUDINARY_URL": "cloudinary://k:s@local?upload_prefix=http://127.0.0.1:27126&cname=127.0.0.1:27126",
    "PUBLIC_URL": "http://127.0.0.1:27127",
    "INFITALKS_PORT": "27128",
    "INFITALKS_MODE": "local",
}


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """Nothing is allowed beside the public internet; afterwards too."""
    http.configure(load_settings(OWN))
    yield
    http.configure(load_settings(OWN))


@pytest.fixture
def loopback(strict: None) -> None:
    http.configure(load_settings({**OWN, **LOOPBACK}))


def send(url: str, body: bytes = b"{}") -> http.Answer:
    return http.post(url, body, {"Content-Type": "application/json"})


INSIDE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0", "0.0.0.0", "10.0.0.1",
    "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]",
    "[2001:db8::1]", "[100::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused_in_every_spelling(host: str) -> None:
    for refused in (http.check_url, send):
        with pytest.raises(http.AddressRefused, match="no address that webhooks may be sent to"):
            refused(f"http://{host}/x")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700:4700::1111]", "93.184.216.34", "dead.beef", "example.org"])
def test_an_address_of_the_internet_may_be_named(host: str) -> None:
    http.check_url(f"https://{host}/hook?x=1")


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST"])
def test_a_name_that_leads_inside_is_refused_in_the_words_for_a_name_that_leads_nowhere(host: str) -> None:
    messages = set()
    for name in (host, "no-such-name.invalid"):
        with pytest.raises(http.AddressRefused) as refused:
            send(f"http://{name}:9999/")
        messages.add(str(refused.value))
    assert len(messages) == 1


MALFORMED = [
    "", "x", "//e.example/", "ftp://e.example/", "file:///etc/passwd", "gopher://e.example/", "http://", "http:///x",
    "http://user@e.example/", "http://user:pw@e.example/", "http://e.example\\@f.example/", "http://e.example/ x",
    "http://e.example/\r\nX: y", "http://e.example/\tx", "http://e.example/#@f.example", "http://e.example:x/",
    "http://e.example:99999/", "http://bücher.example/", "http://①②⑦.⓪.⓪.①/", "http://e.example/" + "x" * 2000,
    "http://[::1/", "http://e.example/\x00",
]  # fmt: skip


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    for refused in (http.check_url, send):
        with pytest.raises(http.AddressRefused):
            refused(url)


@pytest.mark.parametrize("port", [22, 25, 53, 993, 1023])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    with pytest.raises(http.AddressRefused, match="port"):
        http.check_url(f"http://e.example:{port}/")


@pytest.mark.parametrize("port", [27123, 27124, 27125, 27126, 27127, 27128, 27017, 6379])
def test_the_ports_of_its_own_services_stay_closed_also_where_loopback_is_allowed(loopback: None, port: int) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "e.example"):
        with pytest.raises(http.AddressRefused, match="our own services"):
            send(f"http://{host}:{port}/")


def test_the_chats_own_public_address_is_refused() -> None:
    http.configure(load_settings({**OWN, "PUBLIC_URL": "https://chat.example.org"}))
    http.check_url("https://other.example.org/hooks/x")
    for url in ("https://chat.example.org/hooks/x", "https://CHAT.example.org./", "https://chat.example.org:443/"):
        with pytest.raises(http.AddressRefused, match="our own services"):
            http.check_url(url)


@pytest.mark.parametrize("text", ["x", "127.0.0.1/40", "10.0.0.1/8", "127.0.0.0/8;10.0.0.0/8", "localhost"])
def test_an_allow_list_that_is_none_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(SettingsError, match="INFITALKS_EGRESS_ALLOW"):
        load_settings({"INFITALKS_EGRESS_ALLOW": text})


def test_an_allowed_network_is_reached_and_only_that(loopback: None) -> None:
    with receiving(then=answering(200, b'{"text": "hi"}', {"X-Kind": "receiver"})) as receiver:
        answer = send(receiver.url + "/a?b=%20c", b'{"n": 1}')
        assert (answer.status, answer.body, answer.whole) == (200, b'{"text": "hi"}', True)
        assert answer.headers["x-kind"] == "receiver"
        (got,) = receiver.got
        assert (got.path, got.body) == ("/in/a?b=%20c", b'{"n": 1}')
        assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert (got.headers["content-length"], got.headers["accept-encoding"]) == ("8", "identity")
        http.configure(load_settings({"INFITALKS_EGRESS_ALLOW": "127.0.0.2/32"}))
        with pytest.raises(http.AddressRefused):
            send(receiver.url)
        assert len(receiver.got) == 1


def test_the_environments_proxy_is_not_asked(loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        assert send(receiver.url).status == 200
        assert (len(receiver.got), len(proxy.got)) == (1, 0)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """The resolver says these of `rebound.example`, one after the other: what a name server of theirs can do."""
    real, left = socket.getaddrinfo, list(answers)

    def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "rebound.example":
            return real(host, port, *args, **options)
        if options.get("flags"):
            raise socket.gaierror("no number")
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_is_looked_up_once_so_that_it_cannot_change_its_mind(
    loopback: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.77"])
    with receiving() as receiver:
        assert send(f"http://rebound.example:{receiver.port}/").status == 200
        assert receiver.got[0].headers["host"] == f"rebound.example:{receiver.port}"


def test_a_name_with_one_address_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(http.AddressRefused):
        send("http://rebound.example/")


def test_a_look_up_without_end_costs_three_seconds(loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: waiting.wait(60) and [])
    with pytest.raises(http.NoAnswer, match="not found within 3 s"):
        send("http://rebound.example/")
    waiting.set()


BAD: dict[str, tuple[Behave, str]] = {
    "hangs": (receivers.hanging, "no whole answer within 1 s"),
    "drips headers": (receivers.dripping, "no whole answer within 1 s"),
    "drips its body": (receivers.dripping_its_body, "no whole answer within 1 s"),
    "resets": (receivers.resetting, "the connection broke off"),
    "breaks off": (receivers.breaking_off, "the connection broke off"),
    "is no web server": (receivers.babbling, "the answer was no HTTP"),
}


@pytest.mark.parametrize(("behave", "reason"), BAD.values(), ids=BAD)
def test_a_receiver_that_misbehaves_is_left_with_a_reason(
    loopback: None, monkeypatch: pytest.MonkeyPatch, behave: Behave, reason: str
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 1.0)
    with receiving(behave) as receiver:
        with pytest.raises(http.NoAnswer, match=reason):
            send(receiver.url)
        assert send(receiver.url).status == 200


def test_a_flood_is_left_after_64_kilobytes(loopback: None) -> None:
    with receiving(receivers.flooding) as receiver:
        answer = send(receiver.url)
    assert (answer.status, len(answer.body), answer.whole) == (200, 64 * 1024, False)


def test_what_is_compressed_is_not_unpacked(loopback: None) -> None:
    with receiving(then=answering(200, b"\x1f\x8b\x08 a bomb", {"Content-Encoding": "gzip"})) as receiver:
        answer = send(receiver.url)
    assert (answer.body, answer.whole) == (b"\x1f\x8b\x08 a bomb", False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_no_way_on(loopback: None, status: int) -> None:
    with receiving() as inside:
        with receiving(then=answering(status, headers={"Location": inside.url})) as receiver:
            assert send(receiver.url).status == status
        assert inside.got == []


def test_nobody_listening_is_told(loopback: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(http.NoAnswer, match="the connection was refused"):
        send(f"http://127.0.0.1:{port}/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `rebound.example`, signed by itself; the key is in the same file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    names = ("-subj", "/CN=rebound.example", "-addext", "subjectAltName=DNS:rebound.example")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names)
    subprocess.run((*made, "-keyout", file, "-out", file.with_suffix(".crt")), check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
    return file


def test_tls_is_checked_against_the_name_and_the_name_is_sent(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, loopback: None
) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    http._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    with receiving(tls=context) as receiver:
        url = f"https://rebound.example:{receiver.port}/"
        with pytest.raises(http.NoAnswer, match="its certificate does not hold"):
            send(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        http._tls.cache_clear()
        assert send(url).status == 200
        with pytest.raises(http.NoAnswer, match="its certificate does not hold: .*127.0.0.1"):
            send(receiver.url)
    assert asked == ["rebound.example", "rebound.example", None]


def test_a_tls_handshake_that_drips_ends_in_time(loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 1.0)
    with receiving(receivers.hanging) as receiver, pytest.raises(http.NoAnswer):
        send(receiver.url.replace("http:", "https:"))
