"""Counts calls within the hour, as Cloudinary does for its Admin API. Not kept over a restart."""

import time
from email.utils import formatdate
from threading import Lock

HOUR = 3600  # seconds


class HourlyLimit:
    """So many calls in each hour of the clock. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most, self._used, self._hour = most, 0, 0
        self._lock = Lock()

    def take(self) -> bool:
        """Count a call; False where it is one too many."""
        with self._lock:
            hour = int(time.time()) // HOUR
            self._used = self._used + 1 if hour == self._hour else 1
            self._hour = hour
            return self._used <= self._most

    def headers(self) -> dict[str, str]:
        """What an answer tells of it; the SDK reads these names."""
        with self._lock:
            left = max(0, self._most - self._used)
            return {
                "X-FeatureRateLimit-Limit": str(self._most),
                "X-FeatureRateLimit-Remaining": str(left),
                "X-FeatureRateLimit-Reset": self.reset(),
            }

    def reset(self) -> str:
        """When the next hour begins, as an HTTP date."""
        return formatdate((int(time.time()) // HOUR + 1) * HOUR, usegmt=True)

    @property
    def most(self) -> int:
        return self._most
