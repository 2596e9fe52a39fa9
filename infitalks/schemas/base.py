"""What all JSON shapes share, and the checks that several nouns use."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from infitalks.errors import Invalid

Shape = TypeVar("Shape", bound=BaseModel)


class In(BaseModel):
    """JSON from outside: exact types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Query(BaseModel):
    """Query parameters, which arrive as text."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """JSON that we answer with."""

    model_config = ConfigDict(extra="forbid")


def write_time(at: datetime) -> str:
    """As our JSON has times, years before 1000 with their zeros, which `strftime` leaves out on Linux."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def clean_name(text: str) -> str:
    """A name on one line: NFC, trimmed, white space folded; without control or direction-changing characters."""
    folded = " ".join(unicodedata.normalize("NFC", text).split())
    if not folded:
        raise ValueError("must not be empty")
    # Cc control, Cf format (bidi overrides, zero width), Co private use, Cs surrogates: they let a name lie.
    # The joiners of Indic scripts and emoji stay.
    if any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") and char not in "\u200c\u200d" for char in folded):
        raise ValueError("must not hold invisible or control characters")
    return folded


# UTC, milliseconds, as RFC 3339 writes it.
Time = Annotated[datetime, PlainSerializer(write_time, return_type=str)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(clean_name)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seq = Annotated[int, Field(ge=0, le=2**53)]
Limit = Annotated[int, Field(ge=1, le=100)]
Days = Annotated[int, Field(ge=1, le=36_500)]


def validate(shape: type[Shape], value: Any) -> Shape:
    """`value` as a `shape`. Raises Invalid, whose fields are named as the sender wrote them (a.b.0)."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        fields = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors(include_url=False)}
        named = ", ".join(sorted(fields))
        raise Invalid(f"Some fields cannot be taken: {named}.", fields=fields) from None


def fitting(form: Any, text: str | None) -> str | None:
    """`text` in the form of a field (Name, say), or None where it has not that form."""
    try:
        fits: str = TypeAdapter(form).validate_python(text)
    except ValidationError:
        return None
    return fits


class ErrorOut(Out):
    class Detail(Out):
        code: str
        message: str
        fields: dict[str, str] | None = None
        request_id: str | None = None  # of a fault of ours, as the header X-Request-ID and our logs name it

    error: Detail
