"""How many connections one client, and all clients together, hold at a time. Not for what they do with them."""

from collections import Counter
from ipaddress import IPv6Address, ip_address


class Places:
    """A number of places, of which one client gets only a part."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> bool:
        """Take a place, and True; False where there is none left for this client."""
        if self._taken.total() >= self._most or self._taken[client] >= self._most_each:
            return False
        self._taken[client] += 1
        return True

    def give_back(self, client: str) -> None:
        """To be called once for each place that was taken."""
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]  # or every address that ever came would be remembered


def client_of(address: str) -> str:
    """Whom an IP address belongs to: itself, and for IPv6 its /64, since all of that is one customer's."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and not ip.ipv4_mapped:
        return ip.exploded[:19]
    return str(getattr(ip, "ipv4_mapped", None) or ip)
