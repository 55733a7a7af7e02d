"""How to install what an extra needs, by the tool that this program was installed with.

It never names user-miner as something to fetch: nobody owns that name on the index, and whoever took it would be
installed.
"""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["install_hint"]

_NAME: Final = "user-miner"
_RECEIPT: Final = "uv-receipt.toml"


def install_hint(extra: str, *, prefix: Path | None = None, has_pip: bool | None = None) -> str:
    """The command that installs the packages of this extra where this program runs.

    Args:
        extra: Its name in pyproject.toml.
        prefix: The environment; None for this process's own.
        has_pip: Whether pip is in it; None looks.
    """
    found = distribution(_NAME)
    packages = shlex.join(sorted(_packages(found, extra)))
    where = Path(sys.prefix) if prefix is None else prefix
    if (where / "pipx_metadata.json").exists():
        return f"pipx inject {_NAME} {packages}"
    if (where / _RECEIPT).exists() and (folder := _source(found)) is not None:
        extras = ",".join(sorted({extra, *_kept(where / _RECEIPT)}))
        return f"uv tool install {shlex.quote(f'{folder}[{extras}]')}"
    python = shlex.quote(sys.executable)
    if find_spec("pip") is not None if has_pip is None else has_pip:
        return f"{python} -m pip install {packages}"
    return f"uv pip install --python {python} {packages}"


def _kept(receipt: Path) -> Iterator[str]:
    """The extras that it was installed with, which uv takes away where they are not named again."""
    for wanted in tomllib.loads(receipt.read_text("utf-8")).get("tool", {}).get("requirements", ()):
        if wanted["name"] == _NAME:
            yield from wanted.get("extras", ())


def _packages(found: Distribution, extra: str) -> Iterator[str]:
    from packaging.requirements import Requirement  # noqa: PLC0415  (only for a refusal)

    for text in found.requires or ():
        wanted = Requirement(text)
        with_it, without = ((wanted.marker is None or wanted.marker.evaluate({"extra": e})) for e in (extra, ""))
        if with_it and not without:
            yield f"{wanted.name}{wanted.specifier}"


def _source(found: Distribution) -> str | None:
    """The folder that it was installed from, as its installer recorded (PEP 610)."""
    recorded = json.loads(found.read_text("direct_url.json") or "{}")
    url = urlsplit(str(recorded.get("url", "")))
    folder = unquote(url.path)
    return folder if url.scheme == "file" and Path(folder).is_dir() else None
