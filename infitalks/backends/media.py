"""Pictures and other files at Cloudinary, or any server of its API: the only file that speaks to it.

Not for making pictures safe (integrations/pictures.py), nor for deciding who may see one. All are of type
`authenticated`. Cloudinary's links never expire, so they stay in here: what leaves is bytes.
"""

import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from cloudinary import api, exceptions, uploader, utils

from infitalks.backends.patience import within

CONNECT, READ = 3.0, 20.0  # seconds; the SDK by itself waits for ever
TOTAL = 60.0  # seconds for a call: READ is one for each byte
SLOWEST = 16 * 1024  # bytes a second: what comes slower than this, and takes longer than READ, is given up
CHUNK = 64 * 1024  # bytes
PIECE = 16 * 1024 * 1024  # bytes: larger files are uploaded in such pieces
CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
BUSY = frozenset({420, 429})  # both are Cloudinary's "too many"
MOST_LISTED = 500  # assets in one answer of the Admin API

Kind = Literal["image", "raw"]  # Cloudinary's resource types: pictures, and all other files

_TYPE = {"type": "authenticated"}
# Named in each call, because the SDK takes what is not named from the environment of the process.
_NEUTRAL = {"oauth_token": None, "upload_preset": None, "signature_version": 2}
_NEUTRAL_LINK = {
    "auth_token": False,
    "cdn_subdomain": False,
    "secure_cdn_subdomain": False,
    "shorten": False,
    "use_root_path": False,
    "force_version": True,
}


S = TypeVar("S")


class MediaUnavailable(Exception):
    """The service cannot be reached, is broken or busy; the same call may be made again later."""


class MediaRefused(Exception):
    """The service will not do it, however often it is asked; the text is its own message."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored picture. Width and height in pixels, `format` jpg, png, webp or gif."""

    public_id: str
    version: int
    format: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file that is no picture."""

    version: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An asset that the service holds."""

    kind: Kind
    public_id: str
    bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Download:
    """A picture or file on its way. Close it, also when not all chunks were taken.

    `length` is the bytes to come, None where it is not known. Taking chunks may raise MediaUnavailable. `partial`: they
    are the part that was asked for, not the whole.
    """

    content_type: str
    length: int | None
    chunks: Iterator[bytes]
    partial: bool
    _response: requests.Response

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()


class MediaStore:
    """The account of a CLOUDINARY_URL. Safe for threads. Raises ValueError for an URL that names no account.

    Speaks TLS, unless the URL's `upload_prefix` is plain http.
    """

    def __init__(self, cloudinary_url: str) -> None:
        self._account, self._hosts = _read_url(cloudinary_url)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc from the environment
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def upload(self, data: bytes, public_id: str) -> Stored:
        """Store the picture under that id, in the place of an earlier one. Repeatable."""
        # The SDK opens a str as a path or an address, and sends no file at all for nothing.
        if not isinstance(data, bytes) or not data:
            raise TypeError("a picture's bytes are needed")
        answer = self._call(uploader.upload, data, **_named(public_id))
        return self._believed(
            answer,
            public_id,
            lambda: Stored(
                public_id=public_id,
                format=str(answer["format"]),
                **{name: int(answer[name]) for name in ("version", "width", "height", "bytes")},
            ),
        )

    def upload_file(self, stream: IO[bytes], size: int, public_id: str) -> StoredFile:
        """Store any file, of so many bytes (not 0), under that id, in the place of an earlier one. Repeatable.

        No more than a piece of it is in memory.
        """
        upload, answer = secrets.token_hex(8), {}
        for first in range(0, size, PIECE):
            piece = stream.read(PIECE)
            range_ = f"bytes {first}-{first + len(piece) - 1}/{size}"
            headers = {"X-Unique-Upload-Id": upload, "Content-Range": range_}
            answer = self._call(
                uploader.upload_large_part, ("file", piece), kind="raw", http_headers=headers, **_named(public_id)
            )
        stored = self._believed(
            answer, public_id, lambda: StoredFile(version=int(answer["version"]), bytes=int(answer["bytes"]))
        )
        if stored.bytes != size:
            raise MediaUnavailable(f"{stored.bytes} bytes of {size} were stored")
        return stored

    def destroy(self, public_id: str, kind: Kind = "image") -> None:
        """Remove the picture or file, from caches too. Repeatable: one that is not there is as good as removed."""
        result = self._call(uploader.destroy, public_id, kind=kind, invalidate=True).get("result")
        if result not in ("ok", "not found"):
            raise MediaUnavailable(f"unexpected answer: {result}")

    def open(self, public_id: str, version: int, format: str, *, width: int | None) -> Download:
        """The picture, or where a width is given a smaller one inside a square of so many pixels."""
        return self._get(self._link(public_id, version, format, width))

    def open_file(self, public_id: str, version: int, size: int, *, part: tuple[int, int] | None = None) -> Download:
        """The file of that size, or where it is given only the part from the one byte to before the other.

        Raises MediaUnavailable where something of another size comes: a proxy's page, say.
        """
        headers = {"Range": f"bytes={part[0]}-{part[1] - 1}"} if part else {}
        download = self._get(self._link(public_id, version, None, None, "raw"), any_type=True, **headers)
        if download.length != (part[1] - part[0] if part and download.partial else size):
            download.close()
            raise MediaUnavailable(f"{download.length} bytes came instead of a file of {size}")
        return download

    def _get(self, link: str, *, any_type: bool = False, **headers: str) -> Download:
        headers["Accept-Encoding"] = "identity"  # so that the length is that of the chunks
        try:
            response = _in_time(
                lambda: self._session.get(
                    link, stream=True, timeout=(CONNECT, READ), allow_redirects=False, headers=headers
                )
            )
        except requests.RequestException as error:
            raise MediaUnavailable(_kind_of(error)) from None  # its text has the link
        try:
            return _download(response, any_type=any_type)
        except BaseException:
            response.close()
            raise

    def list_assets(
        self, kind: Kind, cursor: str | None = None, *, prefix: str = "", most: int = MOST_LISTED
    ) -> tuple[list[Listed], str | None]:
        """A page of what the service holds of that kind, and the cursor of the next page, None after the last.

        `most` up to 500. Raises MediaUnavailable, also where the account's calls for this hour are used up (500 on
        Cloudinary's free plan); MediaRefused 400 for a cursor that the service does not know (any more).
        """
        asked = {"resource_type": kind, "prefix": prefix, "max_results": most, "next_cursor": cursor, **_TYPE}
        account = {name: value for name, value in self._account.items() if name != "signature_algorithm"}
        timeout = urllib3.Timeout(connect=CONNECT, read=READ)
        try:
            answer = _in_time(lambda: api.resources(oauth_token=None, timeout=timeout, **asked, **account))
            found = [_listed(kind, item) for item in answer["resources"]]
        except MediaUnavailable:
            raise
        except Exception as error:  # the SDK raises a bare one for a status that it has no name for
            told = re.match(r"Error (\d{3}) - (.*)", str(error), re.DOTALL)
            raise (_error(int(told[1]), told[2]) if told else MediaUnavailable(str(error))) from error
        return found, answer.get("next_cursor") or None

    def _call(self, method: Any, *args: object, kind: Kind = "image", **options: object) -> dict[str, Any]:
        told = {**options, **_TYPE, **_NEUTRAL, **self._account, "resource_type": kind, "return_error": True}
        timeout = urllib3.Timeout(connect=CONNECT, read=READ)
        try:
            answer = _in_time(lambda: method(*args, timeout=timeout, **told))
        except exceptions.Error as error:  # with return_error only where there was no JSON in the answer
            raise MediaUnavailable(str(error)) from error
        except (TypeError, AttributeError):  # JSON, but not of Cloudinary's form: a proxy's, say
            answer = None
        if not isinstance(answer, dict):
            raise MediaUnavailable("the media service gave an answer that is not Cloudinary's")
        if "error" in answer:
            raise _error(int(answer["error"]["http_code"]), str(answer["error"].get("message", "")))
        return answer

    def _believed(self, answer: dict[str, Any], public_id: str, read: Callable[[], S]) -> S:
        """What `read` finds in the answer to an upload, once it is seen to be the account's."""
        try:
            self._check_signature(answer, public_id)
            return read()
        except (KeyError, TypeError, ValueError) as error:
            raise MediaUnavailable(f"an upload was answered without {error}") from error

    def _check_signature(self, answer: dict[str, Any], public_id: str) -> None:
        """As `utils.verify_api_response_signature`, which knows no other secret than the process's."""
        params = {"public_id": public_id, "version": answer["version"]}
        secret, algorithm = self._account["api_secret"], self._account["signature_algorithm"]
        expected = utils.api_sign_request(params, secret, algorithm, signature_version=1)
        if not hmac.compare_digest(expected.encode(), str(answer.get("signature", "")).encode()):
            raise MediaUnavailable("the answer to an upload is not signed by the account")

    def _link(self, public_id: str, version: int, format: str | None, width: int | None, kind: Kind = "image") -> str:
        size = {"crop": "limit", "width": width, "height": width} if width else {}
        link, _ = utils.cloudinary_url(
            public_id,
            version=version,
            format=format,
            sign_url=True,
            long_url_signature=True,
            cloud_name=self._account["cloud_name"],
            api_secret=self._account["api_secret"],
            resource_type=kind,
            **_TYPE,
            **_NEUTRAL_LINK,
            **self._hosts,
            **size,
        )
        return str(link)


def _in_time(call: Callable[[], S]) -> S:
    try:
        return within(TOTAL, call)
    except TimeoutError:
        raise MediaUnavailable("the media service takes too long") from None


def _named(public_id: str) -> dict[str, Any]:
    """In the place of what has that id."""
    return {"public_id": public_id, "overwrite": True, "unique_filename": False, "invalidate": True}


def _read_url(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the SDK's API calls and its links need. Its own reading takes `secure=false` for true."""
    parts = urlsplit(url)
    if parts.scheme != "cloudinary" or not (parts.username and parts.password and parts.hostname):
        raise ValueError("CLOUDINARY_URL has to be like cloudinary://key:secret@cloud")
    query = dict(parse_qsl(parts.query))
    account = {
        "api_key": parts.username,
        "api_secret": parts.password,
        "cloud_name": parts.hostname,
        "upload_prefix": query.get("upload_prefix", "").rstrip("/") or None,
        "signature_algorithm": query.get("signature_algorithm", utils.SIGNATURE_SHA1),
    }
    prefix = urlsplit(account["upload_prefix"] or "")
    own_host = parts.path.strip("/")  # cloudinary://key:secret@cloud/host is the form of a private CDN
    hosts = {
        "secure": prefix.scheme != "http",
        "cname": query.get("cname") or prefix.netloc or None,
        "secure_distribution": own_host or query.get("secure_distribution"),
        "private_cdn": bool(own_host) or query.get("private_cdn") == "true",
    }
    return account, hosts


def _listed(kind: Kind, item: dict[str, Any]) -> Listed:
    created = datetime.fromisoformat(item["created_at"].replace("Z", "+00:00")).astimezone(UTC)
    return Listed(kind, str(item["public_id"]), int(item["bytes"]), created)


def _download(response: requests.Response, *, any_type: bool) -> Download:
    partial = response.status_code == 206
    if response.status_code != 200 and not partial:
        raise _error(response.status_code, response.headers.get("X-Cld-Error", response.reason or ""))
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES and not any_type:
        raise MediaUnavailable(f"not a picture but {content_type or 'nothing named'}")
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    return Download(content_type, size, _chunks(response), partial, response)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """As they come. Only waiting for the service counts, not for who takes them."""
    waited, received = 0.0, 0
    try:
        while True:
            began = time.monotonic()
            data = response.raw.read1(CHUNK, decode_content=False)
            waited, received = waited + time.monotonic() - began, received + len(data)
            if not data:
                return
            if waited > READ + received / SLOWEST:
                raise MediaUnavailable("the media service takes too long")
            yield data
    except (urllib3.exceptions.HTTPError, OSError) as error:  # which a connection raises below requests
        raise MediaUnavailable(_kind_of(error)) from None
    finally:
        response.close()


def _error(status: int, message: str) -> MediaUnavailable | MediaRefused:
    if status >= 500 or status in BUSY:
        return MediaUnavailable(f"{status} {message}")
    return MediaRefused(message or f"answered {status}", status)


def _kind_of(error: Exception) -> str:
    return f"the media service could not be reached: {type(error).__name__}"


_store: MediaStore | None = None


def configure(cloudinary_url: str) -> None:
    """Make the store of this process; nothing is connected yet."""
    global _store
    _store = MediaStore(cloudinary_url)


def store() -> MediaStore:
    """The store that `configure` made."""
    if _store is None:
        raise RuntimeError("backends.media.configure has not been called")
    return _store
