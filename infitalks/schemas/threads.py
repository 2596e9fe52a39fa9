"""Threads in JSON."""

from infitalks.schemas.base import Id, In, Out, Seq, Time
from infitalks.schemas.messages import MessageOut


class FollowIn(In):
    """What is left out stays as it is."""

    follow: bool | None = None
    read_seq: Seq | None = None


class FollowOut(Out):
    """`read_seq`: what one has read of the thread, or of its chat. `unread`: others' replies after it."""

    follow: bool
    read_seq: int
    unread: int


class ThreadOut(FollowOut):
    """`root` null: it is before one's time. `messages` are the replies, ascending, with those that were deleted."""

    id: Id
    chat_id: Id
    root: MessageOut | None
    messages: list[MessageOut]
    has_more: bool
    as_of: int


class ListedThreadOut(Out):
    id: Id
    chat_id: Id
    root: MessageOut | None
    last_at: Time
    unread: int


class ThreadsOut(Out):
    """`unread`: how many threads that one follows have something new, at most 100."""

    threads: list[ListedThreadOut]
    next: str | None
    unread: int
