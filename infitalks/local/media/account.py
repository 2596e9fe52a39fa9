"""Whose service this is, and the one error that its rooms raise. Not for checking signatures."""

from dataclasses import dataclass
from urllib.parse import urlsplit


class Refusal(Exception):
    """A request that is not served; rendered in app.py in Cloudinary's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Account:
    """The one account that is served."""

    key: str
    secret: str
    cloud: str


def account_from_url(url: str) -> Account:
    """The account of a CLOUDINARY_URL, `cloudinary://key:secret@cloud?…`. Raises ValueError.

    As in Cloudinary's SDK the cloud is lower-cased and the secret is not percent-decoded.
    """
    parts = urlsplit(url)
    if parts.scheme != "cloudinary" or not (parts.username and parts.password and parts.hostname):
        raise ValueError("CLOUDINARY_URL has to be like cloudinary://key:secret@cloud")
    return Account(parts.username, parts.password, parts.hostname)
