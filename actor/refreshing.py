"""``user-miner subnets refresh``: the chain's names into the operator's own list of subnets, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from actor.analyzer import Registry, RegistryError, load_registry
from actor.analyzer.chain_port import Chain, ChainError
from actor.analyzer.refresh import Change, refreshed
from actor.analyzer.registry_file import registry_text
from actor.loops import run_loop
from audit.terminal import fail, inert_json, interruptible

__all__ = ["run_refresh", "write_whole"]

_SAID = {
    "new": "new: {after}",
    "renamed": "{before} is now {after}",
    "replaced": "{before} was replaced by {after}, of which nothing is known",
    "gone": "{before} is gone",
}


def run_refresh(
    chain: Chain, *, network: str, base: Registry, file: Path, today: date, dry_run: bool, as_json: bool
) -> int:
    """Read the chain, say what changes and write the file; 0 when done, 1 when the chain or the disk did not let it."""
    try:
        with interruptible(lambda: f"{network} has not answered yet; nothing was written"):
            found = run_loop(chain.subnets())
        if not found:
            raise ChainError(f"{network}: lists no subnet at all")
        registry, changes = refreshed(base, found, today)
        written = bool(changes) and not dry_run
        if written:
            write_whole(file, registry_text(registry))
    except (ChainError, RegistryError) as error:
        return fail(f"{error}: nothing was written", code=1)
    except OSError as error:
        return fail(f"{file} cannot be written: {error.strerror or error}: nothing was changed", code=1)
    lines = (
        [_json(network, registry, changes, file if written else None)]
        if as_json
        else _lines(network, registry, changes)
    )
    for line in lines:
        print(line)  # noqa: T201  (the command's output)
    if not as_json:
        print(_outcome(file, changes=changes, written=written))  # noqa: T201
    return 0


def write_whole(file: Path, text: str) -> None:
    """Replace a file by one that is complete, on disk and good to load; until then the old one stays.

    Raises:
        OSError: The disk did not take it.
        RegistryError: It could not be loaded again.
    """
    file = Path(os.path.realpath(file))  # of links in a circle, too
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with new.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        load_registry(new)
        with suppress(FileNotFoundError):
            shutil.copymode(file, new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lines(network: str, registry: Registry, changes: Sequence[Change]) -> Iterator[str]:
    yield f"{network}: {len(registry)} subnets on {registry.as_of.isoformat()}, {len(changes)} changed"
    for change in changes:
        yield f"{'SN' + str(change.id):>6}  " + _SAID[change.what].format(before=change.before, after=change.after)


def _outcome(file: Path, *, changes: Sequence[Change], written: bool) -> str:
    if written:
        return f"written to {file}; analyses use these names from the next start on"
    return f"nothing was written: {f'a dry run for {file}' if changes else 'the list in use says the same'}"


def _json(network: str, registry: Registry, changes: Sequence[Change], written: Path | None) -> str:
    found: dict[str, Any] = {
        "network": network,
        "as_of": registry.as_of.isoformat(),
        "subnets": len(registry),
        "changes": [
            {"id": change.id, "what": change.what, "before": change.before, "after": change.after} for change in changes
        ],
        "written": None if written is None else str(written),
    }
    return inert_json(json.dumps(found, ensure_ascii=False, indent=2))
