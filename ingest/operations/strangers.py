"""Requests of strangers, without a key or with an unknown one: counted by address and limited."""

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest

PERIOD_SECONDS = 60
# One client may have all addresses of such a network.
IPV6_PREFIX_BITS = 64


def client_address(request: HttpRequest) -> str:
    """Return a client's address: the last one that a proxy of ours names, else its own."""
    own = str(request.META.get("REMOTE_ADDR") or "")
    forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
    return forwarded if forwarded and _is_address(forwarded) and _is_proxy(own) else own


def may_ask(request: HttpRequest) -> bool:
    """Count one more request of a stranger, and return whether this process may answer it."""
    limit = settings.STRANGER_REQUESTS_PER_MINUTE
    if not limit:
        return True
    counts, key = caches["strangers"], f"stranger:{_network(client_address(request))}"
    counts.add(key, 0, PERIOD_SECONDS)
    try:
        return counts.incr(key) <= limit
    except ValueError:  # the minute has just ended
        return True


def _is_proxy(address: str) -> bool:
    # A proxy on this machine may use a socket, which has no address.
    return not address or "*" in settings.PROXIES or address in settings.PROXIES


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _network(address: str) -> str:
    """Return what is counted together: an address, or a network of IPv6."""
    if not _is_address(address):
        return address
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address) or parsed.ipv4_mapped:
        return str(parsed)
    return str(IPv6Address(int(parsed) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS))
