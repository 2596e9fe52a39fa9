"""That somebody is left who is admin and can sign in. Not for: what admins do (admin.py)."""

from collections.abc import Iterator
from contextlib import contextmanager

from infitalks.actions.leases import leased
from infitalks.errors import Conflict, Unavailable
from infitalks.models.users import User

CAN_SIGN_IN = [{"password_hash": {"$ne": None}}, {"identities.0": {"$exists": True}}]


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two admins who demote each other at once would leave none."""
    with leased("admins", 10) as token:
        if token is None:
            raise Unavailable("Somebody else is just changing who is admin. Try again.")
        yield


def require_another_admin(user: User) -> None:
    """Raises Conflict where the user is the only admin whom one can sign in as. Call it in `one_at_a_time`."""
    others = {"kind": "person", "is_admin": True, "disabled_at": None, "_id": {"$ne": user.id}, "$or": CAN_SIGN_IN}
    if user.is_admin and not User.raw().find_one(others, {"_id": 1}):
        raise Conflict(f"{user.username} is the only admin: make somebody else admin first.")


def resign(user: User) -> None:
    """Admin no more, of one's own will. Raises Conflict for the last one."""
    with one_at_a_time():
        user.reload()
        require_another_admin(user)
        user.update(set__is_admin=False)
