"""The guard of addresses: no call of ours goes into an inner network, whatever a name or a number says.

May touch: the name service, and sockets as far as making them. A name is looked up once for a connection; every
address of the answer is checked, and the connection goes to one of exactly these. The socket is the second wall: it is
made for checked addresses alone, so that a number in place of a name is held up too.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

# IANA's registries of special-purpose addresses, multicast, and what nobody owns yet. A table and not `is_global`:
# what that says differs between versions of Python.
_INNER_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' own networks (RFC 6598)
            "127.0.0.0/8",
            "168.63.129.16/32",  # public by its number, yet the inside of a cloud (Azure)
            "169.254.0.0/16",  # link-local; the metadata services of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")  # all that was ever given out
_INNER_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))  # Teredo, 6to4, examples
_NAT64 = IPv6Network("64:ff9b::/96")  # carries an IPv4 address (RFC 6052)


class Forbidden(OSError):
    """The address is not one of the public internet."""


def inner(host: str) -> bool:
    """Whether a host, given as a number, is anything but an address of the public internet. False for names."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped
        if carried is None and address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is None:
            return address not in _PUBLIC_6 or any(address in network for network in _INNER_6)
        address = carried
    return any(address in network for network in _INNER_4)


class Guard(AbstractResolver):
    """The name service and the sockets of a session (aiohttp's `resolver` and `socket_factory`)."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of the name; Forbidden where one of them is an inner one: who mixes them means no good."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise OSError("the name cannot be looked up") from None
        numbers = [str(place[0]) for *_, place in found]
        for number in numbers:
            self._check(number)
        return [
            ResolveResult(hostname=host, host=number, port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST)
            for (kind, _, proto, _, _), number in zip(found, numbers, strict=True)
        ]

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for a checked address."""
        self._check(str(info[4][0]))
        return socket.socket(info[0], info[1], info[2])

    def _check(self, number: str) -> None:
        if not self._allow_private and inner(number):
            raise Forbidden("it leads into an inner network")

    async def close(self) -> None:
        """Nothing is open."""
