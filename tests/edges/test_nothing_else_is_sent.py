"""Every variable that a library of the edges reads, and netrc, against the bytes that leave."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

from tests.edges.conftest import CERTIFICATES
from tests.edges.three import ANSWER, KEY, TOKEN

PYTHONS: Final = {"HOME", "PATH", "PYTHONPATH"}  # which a process of Python's begins with
ROOTS: Final = ("openai", "tweepy", "httpx")
READ: Final = re.compile(r"""(?:environ(?:\.get\(|\.pop\(|\[)|getenv\()\s*["']([A-Za-z_][A-Za-z0-9_]*)["']""")
ASKED: Final = re.compile(r"""["']([A-Za-z_][A-Za-z0-9_]*)["']\s+(?:not\s+)?in\s+(?:os|_os)\.environ""")
HEADERS: Final = {
    "Authorization": "Bearer sk-of-somebody-else",
    "authorization": "Bearer sk-of-somebody-else",
    "Host": "planted.example",
    "User-Agent": "planted",
    "X-Planted": "planted",
    "Content-Type": "text/planted",
}
ASK_ALL: Final = """
import asyncio, sys
from tests.edges.three import EDGES
async def ask():
    for edge in EDGES.values():
        await edge(sys.argv[1], 60.0)
asyncio.run(ask())
"""


def _packages() -> set[str]:
    """The roots and whatever they bring along, as far as it is installed."""
    found: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        try:
            known = distribution(name)
        except PackageNotFoundError:
            continue
        if known.name.lower() not in found:
            found.add(known.name.lower())
            wanted = map(Requirement, known.requires or ())
            waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _sources(package: str) -> Iterator[str]:
    for file in distribution(package).files or ():
        path = Path(str(file.locate()))
        if path.suffix == ".py" and path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def _variables() -> set[str]:
    """The names that their source asks the environment for."""
    found = {name for package in _packages() for text in _sources(package) for name in _read(text)}
    return {name for name in found if name not in CERTIFICATES | PYTHONS and not name.lower().endswith("_proxy")}


def _read(text: str) -> list[str]:
    return READ.findall(text) + ASKED.findall(text)


def _ask_all(url: str, environment: dict[str, str]) -> str:
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in CERTIFICATES and not name.lower().endswith("_proxy") and name != "NETRC"
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL, url], capture_output=True, text=True, check=False, env={**plain, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_variables_are_found() -> None:
    """Those that are known to change a request are among them, so the search finds what it is for."""
    assert {"openai", "tweepy", "requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"} <= _packages()
    known = {"OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_BASE_URL"}
    assert known | {"OPENAI_ADMIN_KEY", "OPENAI_LOG", "NETRC", "SSLKEYLOGFILE"} <= _variables()


def test_no_variable_changes_what_is_sent(wire: Any, tmp_path: Path) -> None:
    """X, LLM and API are asked the same bytes with every variable set, and nothing is said of it."""
    wire.answers(200, ANSWER)
    assert _ask_all(wire.url, {"HOME": str(tmp_path)}) == ""
    plain, wire.requests[:] = list(wire.requests), []
    assert _ask_all(wire.url, _planted(tmp_path)) == ""
    assert len(plain) == 3
    assert wire.requests == plain
    assert TOKEN.encode() in plain[0]
    assert KEY.encode() in plain[1]


def test_no_variable_changes_what_is_sent_in_tls(secure_wire: Any, ca_file: Path, tmp_path: Path) -> None:
    """Nor are the keys of a connection written to a file for whoever asks for it."""
    secure_wire.answers(200, ANSWER)
    authority = {"SSL_CERT_FILE": str(ca_file)}
    _ask_all(secure_wire.url, {"HOME": str(tmp_path), **authority})
    plain, secure_wire.requests[:] = list(secure_wire.requests), []
    keys = tmp_path / "keys"
    _ask_all(secure_wire.url, {**_planted(tmp_path), **authority, "SSLKEYLOGFILE": str(keys)})
    assert len(plain) == 3
    assert secure_wire.requests == plain
    assert not keys.exists()


def _planted(home: Path) -> dict[str, str]:
    """A value for each variable that would be seen in a request, and a netrc for every host, in two places."""
    netrc = "machine 127.0.0.1 login someone password else\ndefault login someone password else\n"
    for name in (".netrc", "_netrc", "named"):
        (home / name).write_text(netrc)
        (home / name).chmod(0o600)
    planted = dict.fromkeys(_variables() | {"TWITTER_BEARER_TOKEN", "X_BEARER_TOKEN", "API_KEY"}, "planted")
    addresses = {name: "http://127.0.0.1:9/planted" for name in planted if name.endswith(("_URL", "_ENDPOINT"))}
    return {
        **planted,
        **addresses,
        "OPENAI_CUSTOM_HEADERS": "\n".join(f"{name}: {value}" for name, value in HEADERS.items()),
        "OPENAI_LOG": "debug",
        "NETRC": str(home / "named"),
        "HOME": str(home),
        "SSLKEYLOGFILE": str(home / "keys"),
    }
