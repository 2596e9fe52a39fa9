"""Pictures at Cloudinary, or any server of its API: the only file that speaks to it.

Not for making pictures safe (integrations/pictures.py), nor for deciding who may see one. All are of type
`authenticated`. Cloudinary's links never expire, so they stay in here: what leaves is bytes.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from cloudinary import api, exceptions, uploader, utils

CONNECT, READ = 3.0, 20.0  # seconds; the SDK by itself waits for ever
CHUNK = 64 * 1024  # bytes
CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
BUSY = frozenset({420, 429})  # both are Cloudinary's "too many"
MOST_LISTED = 500  # assets in one answer of the Admin API

Kind = Literal["image", "raw"]  # Cloudinary's resource types: pictures, and all other files

_KIND = {"resource_type": "image", "type": "authenticated"}
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
class Listed:
    """An asset that the service holds."""

    kind: Kind
    public_id: str
    bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Download:
    """A picture on its way. Close it, also when not all chunks were taken.

    `length` is the bytes to come, None where it is not known. Taking chunks may raise MediaUnavailable.
    """

    content_type: str
    length: int | None
    chunks: Iterator[bytes]
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
        answer = self._call(
            uploader.upload, data, public_id=public_id, overwrite=True, unique_filename=False, invalidate=True
        )
        try:
            self._check_signature(answer, public_id)
            numbers = {name: int(answer[name]) for name in ("version", "width", "height", "bytes")}
            return Stored(public_id=public_id, format=str(answer["format"]), **numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise MediaUnavailable(f"an upload was answered without {error}") from error

    def destroy(self, public_id: str) -> None:
        """Remove the picture, from caches too. Repeatable: one that is not there is as good as removed."""
        result = self._call(uploader.destroy, public_id, invalidate=True).get("result")
        if result not in ("ok", "not found"):
            raise MediaUnavailable(f"unexpected answer: {result}")

    def open(self, public_id: str, version: int, format: str, *, width: int | None) -> Download:
        """The picture, or where a width is given a smaller one inside a square of so many pixels."""
        link = self._link(public_id, version, format, width)
        try:
            response = self._session.get(
                link,
                stream=True,
                timeout=(CONNECT, READ),
                allow_redirects=False,
                headers={"Accept-Encoding": "identity"},  # so that the length is that of the chunks
            )
        except requests.RequestException as error:
            raise MediaUnavailable(_kind_of(error)) from None  # its text has the link
        try:
            return _download(response)
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
        asked = {"resource_type": kind, "type": "authenticated", "prefix": prefix, "max_results": most}
        account = {name: value for name, value in self._account.items() if name != "signature_algorithm"}
        timeout = urllib3.Timeout(connect=CONNECT, read=READ)
        try:
            answer = api.resources(next_cursor=cursor, oauth_token=None, timeout=timeout, **asked, **account)
            found = [_listed(kind, item) for item in answer["resources"]]
        except Exception as error:  # the SDK raises a bare one for a status that it has no name for
            told = re.match(r"Error (\d{3}) - (.*)", str(error), re.DOTALL)
            raise (_error(int(told[1]), told[2]) if told else MediaUnavailable(str(error))) from error
        return found, answer.get("next_cursor") or None

    def _call(self, method: Any, *args: object, **options: object) -> dict[str, Any]:
        try:
            answer = method(
                *args,
                **options,
                **_KIND,
                **_NEUTRAL,
                **self._account,
                timeout=urllib3.Timeout(connect=CONNECT, read=READ),
                return_error=True,
            )
        except exceptions.Error as error:  # with return_error only where there was no JSON in the answer
            raise MediaUnavailable(str(error)) from error
        except (TypeError, AttributeError):  # JSON, but not of Cloudinary's form: a proxy's, say
            answer = None
        if not isinstance(answer, dict):
            raise MediaUnavailable("the media service gave an answer that is not Cloudinary's")
        if "error" in answer:
            raise _error(int(answer["error"]["http_code"]), str(answer["error"].get("message", "")))
        return answer

    def _check_signature(self, answer: dict[str, Any], public_id: str) -> None:
        """As `utils.verify_api_response_signature`, which knows no other secret than the process's."""
        params = {"public_id": public_id, "version": answer["version"]}
        secret, algorithm = self._account["api_secret"], self._account["signature_algorithm"]
        expected = utils.api_sign_request(params, secret, algorithm, signature_version=1)
        if not hmac.compare_digest(expected.encode(), str(answer.get("signature", "")).encode()):
            raise MediaUnavailable("the answer to an upload is not signed by the account")

    def _link(self, public_id: str, version: int, format: str, width: int | None) -> str:
        size = {"crop": "limit", "width": width, "height": width} if width else {}
        link, _ = utils.cloudinary_url(
            public_id,
            version=version,
            format=format,
            sign_url=True,
            long_url_signature=True,
            cloud_name=self._account["cloud_name"],
            api_secret=self._account["api_secret"],
            **_KIND,
            **_NEUTRAL_LINK,
            **self._hosts,
            **size,
        )
        return str(link)


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


def _download(response: requests.Response) -> Download:
    if response.status_code != 200:
        raise _error(response.status_code, response.headers.get("X-Cld-Error", response.reason or ""))
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise MediaUnavailable(f"not a picture but {content_type or 'nothing named'}")
    length = response.headers.get("Content-Length", "")
    return Download(content_type, int(length) if length.isdecimal() else None, _chunks(response), response)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise MediaUnavailable(_kind_of(error)) from None
    finally:
        response.close()


def _error(status: int, message: str) -> MediaUnavailable | MediaRefused:
    if status >= 500 or status in BUSY:
        return MediaUnavailable(f"{status} {message}")
    return MediaRefused(message or f"answered {status}", status)


def _kind_of(error: requests.RequestException) -> str:
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
