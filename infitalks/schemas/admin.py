"""What the forms and lists of the admin's pages take."""

from typing import Annotated, Literal

from pydantic import Field

from infitalks.schemas.base import Days, Id, Query


class SiteIn(Query):
    """A form's fields, which arrive as text. `retention_days` left out: messages are kept for ever."""

    retention_days: Days | None = None
    inactive_days: Days
    sure: bool = False


class UsersPageQuery(Query):
    """`after`: the username behind which the list goes on."""

    q: Annotated[str, Field(max_length=254)] = ""
    show: Literal["people", "admins", "disabled", "bots"] = "people"
    after: Annotated[str, Field(max_length=64)] = ""


class ChatsPageQuery(Query):
    """`before`: the cursor that the page before gave."""

    q: Annotated[str, Field(max_length=100)] = ""
    before: Annotated[str, Field(max_length=100)] | None = None


class WebhooksPageQuery(Query):
    show: Literal["all", "failing", "off"] = "all"
    after: Id | None = None
