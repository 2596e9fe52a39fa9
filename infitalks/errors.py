"""The error family: each error is a code and a status. Rendered in one place, `app.py`, as JSON or a page."""


class InfiTalksError(Exception):
    """An answer that is not what was asked for. `fields` maps a field's name to what is wrong with it."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, fields: dict[str, str] | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields
        self.retry_after = retry_after  # seconds


class Malformed(InfiTalksError):
    """The request cannot be read."""

    status, code = 400, "malformed"


class Unauthenticated(InfiTalksError):
    status, code = 401, "unauthenticated"


class Forbidden(InfiTalksError):
    """The thing may be seen, the act is not allowed."""

    status, code = 403, "forbidden"


class CsrfFailed(Forbidden):
    code = "csrf"


class NotFound(InfiTalksError):
    """There is no such thing, or it is somebody else's: both look the same."""

    status, code = 404, "not_found"

    def __init__(self, message: str = "There is no such thing here.") -> None:
        super().__init__(message)


class Conflict(InfiTalksError):
    status, code = 409, "conflict"


class TooLarge(InfiTalksError):
    status, code = 413, "too_large"


class WrongType(InfiTalksError):
    status, code = 415, "wrong_type"


class Invalid(InfiTalksError):
    """Readable, but a field has a value that cannot be taken."""

    status, code = 422, "invalid"


class RateLimited(InfiTalksError):
    status, code = 429, "rate_limited"


class Unavailable(InfiTalksError):
    """A part that this needs is away. The same request may be sent again."""

    status, code = 503, "unavailable"

    def __init__(self, message: str, *, retry_after: int = 2) -> None:
        super().__init__(message, retry_after=retry_after)
