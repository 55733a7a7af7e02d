"""NO_PROXY: the hosts that are reached without a proxy. Pure.

Entries stand between commas or spaces: a host name (with or without ``.`` or ``*.`` before it: the host and all below
it), an address, a network such as 10.0.0.0/8 or fd00::/8, or ``*`` for every host. A name or an address may have a
port, which then has to be the URL's; an IPv6 address with a port stands in brackets, without one it may.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

__all__ = ["NoProxy", "ascii_host"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LARGEST_PORT: Final = 65_535
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """Either a network (an address is one of a single host) or a name, and perhaps a port."""

    network: Network | None = None
    name: str = ""
    port: int | None = None

    def covers(self, host: str, addresses: tuple[Address, ...], port: int) -> bool:
        if self.port not in {None, port}:
            return False
        if self.network is not None:
            network = self.network
            return any(address in network for address in addresses)
        return not addresses and (host == self.name or host.endswith(f".{self.name}"))


@dataclass(frozen=True, slots=True)
class NoProxy:
    """A value of NO_PROXY, as it is read.

    Attributes:
        unread: The entries that mean nothing, as they are written.
    """

    _everything: bool
    _entries: tuple[_Entry, ...]
    unread: tuple[str, ...]

    @classmethod
    def read(cls, value: str) -> NoProxy:
        """Read what can be read of it."""
        written = [entry for entry in re.split(r"[,\s]+", value) if entry]
        found = {entry: _read(entry) for entry in written if entry != "*"}
        return cls(
            "*" in written,
            tuple(filter(None, found.values())),
            tuple(entry for entry, read in found.items() if read is None),
        )

    def covers(self, url: str) -> bool:
        """Whether the URL's host is reached without a proxy."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        addresses = tuple(_addresses(host))
        return self._everything or any(entry.covers(host, addresses, port) for entry in self._entries)


def ascii_host(name: str) -> str:
    """A host name in lower case, as it is looked up.

    Raises:
        ValueError: It has letters that no host name can have.
    """
    return (name if name.isascii() else name.encode("idna").decode()).lower()


def _read(entry: str) -> _Entry | None:
    try:
        host, port = _split(entry)
        if (network := _network(host)) is not None:
            return _Entry(network=network, port=port)
        name = ascii_host(host[2:] if host.startswith("*.") else host.removeprefix(".")).removesuffix(".")
    except ValueError:
        return None
    return _Entry(name=name, port=port) if _NAME.fullmatch(name) else None


def _split(entry: str) -> tuple[str, int | None]:
    """The host or network, without brackets, and the port."""
    if entry.startswith("["):
        inside, bracket, rest = entry[1:].partition("]")
        if not bracket or ":" not in inside:
            raise ValueError(entry)
        return (inside + rest, None) if not rest.startswith(":") else (inside, _port(rest[1:]))
    host, colon, port = entry.partition(":")
    return (host, _port(port)) if colon and ":" not in port else (entry, None)


def _port(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= _LARGEST_PORT):
        raise ValueError(digits)
    return int(digits)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _addresses(host: str) -> list[Address]:
    """The host's address, and the IPv4 one that it may stand for; none when it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return [address] if mapped is None else [address, mapped]
