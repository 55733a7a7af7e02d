"""Base URLs of the outside worlds, checked once at construction. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Final
from urllib.parse import urlsplit

__all__ = ["checked_base", "deployment", "is_loopback", "place", "shown"]

_USUAL: Final = frozenset({"", "v1"})
_DIGITS: Final = 8


def checked_base(url: str, *, setting: str) -> str:
    """The URL without a trailing slash, so that a path can be appended.

    Raises:
        ValueError: Not an http(s) URL with a host, or one with a query, fragment or password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{setting} is not a URL: expected one such as https://host:8001") from error
    if parts.scheme not in {"http", "https"} or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{setting} is not an http or https URL with a host: expected one such as https://host:8001")
    if parts.username is not None or "?" in url or "#" in url:
        raise ValueError(f"{setting} holds a user, query or fragment: expected only scheme, host, port and path")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def place(url: str) -> str:
    """Host and port for people, nothing else of the URL."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)


def shown(url: str) -> str:
    """Scheme, host, port and path for people: not the user, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{place(url)}{parts.path}" if parts.netloc else parts.path
    except ValueError:  # a port that is none, above all
        return "an address that is none"


def deployment(url: str) -> str:
    """What tells servers apart on record: host and port, and for a path other than /v1 the start of its SHA-256.

    Not the path itself, in which some gateways want a secret.
    """
    path = urlsplit(url).path.strip("/")
    return place(url) if path in _USUAL else f"{place(url)}#{hashlib.sha256(path.encode()).hexdigest()[:_DIGITS]}"
