"""Whom a TLS connection trusts: one context for every edge, made once in a process.

The variables are those that OpenSSL, requests and curl know: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE and
CURL_CA_BUNDLE. What those that are set hold is trusted together, and nothing else; without any, what this machine
trusts and what certifi brings along.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["certificate_faults", "certificate_sources", "nobody", "trusted"]

_FILE: Final = "SSL_CERT_FILE"
_FOLDERS: Final = "SSL_CERT_DIR"
_NAMES: Final = (_FILE, _FOLDERS, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# How OpenSSL looks for a certificate in a folder: `openssl rehash` gives them such names.
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_ALPN: Final = "http/1.1"


class _Context(ssl.SSLContext):
    """Does not change once it is made: every library sets ALPN anew, while another thread's handshake reads it."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Nothing: all edges speak HTTP/1.1."""


def trusted() -> ssl.SSLContext:
    """The context of this process.

    Raises:
        OSError: A variable names what no certificate can be read from.
    """
    return _made(_named())


def certificate_faults() -> list[str]:
    """A line for each variable that names what no certificate can be read from."""
    named = _named()
    try:
        _made(named)
    except OSError:  # ssl.SSLError is one
        return list(_faults(named))
    return []


def certificate_sources() -> str:
    """The variables that are set, for people."""
    return " and ".join(name for name, _ in _named()) or "this system and certifi"


@cache
def nobody() -> ssl.SSLContext:
    """Trusts no server: for plain http, where a context is never used but asked for."""
    return _Context(ssl.PROTOCOL_TLS_CLIENT)


def _named() -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name in _NAMES if (value := os.environ.get(name, "")))


@cache
def _made(named: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    context = _new()
    for name, value in named:
        _load(context, name, value)
    if not named:
        import certifi  # noqa: PLC0415  (not needed where a variable is set)

        context.load_default_certs()
        context.load_verify_locations(certifi.where())
    return context


def _new() -> ssl.SSLContext:
    # Not ssl.create_default_context: it would write the keys of all connections to the file that SSLKEYLOGFILE names.
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    ssl.SSLContext.set_alpn_protocols(context, [_ALPN])
    return context


def _load(context: ssl.SSLContext, name: str, value: str) -> None:
    if name == _FOLDERS or (name != _FILE and Path(value).is_dir()):
        if not any(map(_is_prepared, value.split(os.pathsep))):
            raise FileNotFoundError(value)
        context.load_verify_locations(capath=value)
    else:
        context.load_verify_locations(cafile=value)


def _is_prepared(folder: str) -> bool:
    with suppress(OSError):
        return any(_HASHED.fullmatch(entry.name) for entry in Path(folder).iterdir())
    return False


def _faults(named: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, value in named:
        try:
            _load(_new(), name, value)
        except OSError as error:
            expected = "a folder that `openssl rehash` has prepared" if name == _FOLDERS else "a PEM file"
            yield (
                f"{name}: no certificates can be read from {value} ({type(error).__name__}): "
                f"expected {expected} that this user may read: correct it in the environment, or unset it"
            )
