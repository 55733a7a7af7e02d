"""Where a database is: a URL as libpq reads it, of which no password is ever shown. Opens nothing.

A fragment names one journal of several: ``postgresql://miner@db.example/mining#5Grw…`` is a hotkey or the beginning of
one.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from events.journal.store import JournalError

__all__ = ["Address", "is_address"]

_SCHEMES: Final = ("postgresql://", "postgres://")
# Those alone are read from the environment: they hold a secret, which does not belong into a URL.
_FROM_ENVIRONMENT: Final = frozenset({"password", "passfile"})
_SECRETS: Final = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
# libpq takes no empty text for these, as it does for the others.
_PLAIN: Final = {"min_protocol_version": "3.0", "max_protocol_version": "3.0", "sslcertmode": "allow"}
_CONNECT_S: Final = 10


def is_address(text: str) -> bool:
    """Whether it names a database, and no folder."""
    return text.startswith(_SCHEMES)


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and perhaps one journal in it.

    Attributes:
        public: For people: user, host, port, database and journal. No password, and no other parameter.
        journal: The journal's name or its beginning; None where none is named.
        secrets: What may never be shown.
    """

    public: str
    journal: str | None
    secrets: tuple[str, ...]
    _given: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read a URL.

        Raises:
            JournalError: It is none. What is wrong is not said: libpq's words quote the password.
            ImportError: psycopg is not installed.
        """
        from psycopg import Error, pq  # noqa: PLC0415  (whoever names no database does without it)

        url, _, fragment = text.partition("#")
        try:
            options = pq.Conninfo.parse(url.encode())
        except Error:
            raise JournalError(
                "this is no URL of a database: expected postgresql://USER@HOST:PORT/DATABASE, with %40 for @ and so on "
                "in a password, which is better kept in PGPASSWORD or ~/.pgpass"
            ) from None
        given = {o.keyword.decode(): o.val.decode() for o in options if o.val is not None}
        if "service" in given:
            raise JournalError("the URL of a database may name no service: name the host, the user and the database")
        secrets = {given[name] for name in _SECRETS & given.keys()}
        return cls(_public(given, fragment), unquote(fragment) or None, tuple(secrets - {""}), tuple(given.items()))

    def __repr__(self) -> str:
        return f"Address({self.public})"

    @property
    def place(self) -> str:
        """The database by its host, port and name, whoever asks."""
        given = dict(self._given)
        return _public({name: given[name] for name in ("host", "hostaddr", "port", "dbname") if name in given}, "")

    def named(self, journal: str) -> Address:
        """The same database, and this journal in it."""
        given = dict(self._given)
        return Address(_public(given, journal), journal, self.secrets, self._given)

    def options(self, *, writes: bool) -> dict[str, str]:
        """What libpq is told: all that the URL says, and nothing of the environment but a password.

        Args:
            writes: Of several hosts, take the one that can be written to.

        Raises:
            JournalError: PGSERVICE is set, whose file libpq would read in any case.
        """
        from psycopg import pq  # noqa: PLC0415  (as above)

        if os.environ.get("PGSERVICE"):
            raise JournalError("PGSERVICE is set, and would add to JOURNAL_URL what it does not say: unset it")
        given = dict(self._given)
        told = {
            name: _PLAIN.get(name, "" if option.compiled is None else option.compiled.decode())
            for option in pq.Conninfo.get_defaults()
            if option.envvar and (name := option.keyword.decode()) not in _FROM_ENVIRONMENT | {"service"}
        }
        told |= {
            "application_name": "user-miner",
            "client_encoding": "utf8",
            "connect_timeout": str(_CONNECT_S),
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            # A password that crosses a network does so encrypted; whoever wants less says so in the URL.
            "sslmode": "prefer" if _is_here(given) else "require",
            "target_session_attrs": "read-write" if writes else "any",
        }
        return told | given | {"client_encoding": "utf8"}


def _is_here(given: dict[str, str]) -> bool:
    """Whether the way to the server leaves this machine."""
    hosts = (given.get("hostaddr") or given.get("host") or "").split(",")
    return all(host in {"", "localhost"} or host.startswith(("/", "@")) or _is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _public(given: dict[str, str], journal: str) -> str:
    user = f"{given['user']}@" if given.get("user") else ""
    host, port = given.get("host") or given.get("hostaddr") or "", given.get("port")
    socket = f"?host={host}" if host.startswith("/") else ""
    place = "" if socket else host
    if port:
        place += f":{port}"
    fragment = f"#{journal}" if journal else ""
    return f"postgresql://{user}{place}/{given.get('dbname', '')}{socket}{fragment}"
