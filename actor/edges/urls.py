"""Base URLs of the outside worlds, checked once at construction. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["checked_base", "is_loopback", "place"]


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
