"""Passwords are kept as Argon2id hashes of OWASP's smallest profile (19 MiB, 2 passes): 20 ms a guess here."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified against where there is no account, so that its absence takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody's password")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def password_fits(stored: str | None, password: str) -> bool:
    """Takes equally long whether or not there is a stored hash."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
