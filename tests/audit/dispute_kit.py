"""What the tests of dispute bundles share: a bundle's parts, how to spoil one, and how a forger seals it again."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from actor.machine import content_sha256, norm_text
from events import catalogue as ev
from events.codec import changed
from tests.kit import Drive, analyzed, post

__all__ = ["MINER_S_WORD", "at", "leaves", "pattern", "read", "resealed", "spoiled", "truthful"]

Path: TypeAlias = tuple[str | int, ...]

# What no signature covers: docs/operators/disputes.md, "What it does not prove".
MINER_S_WORD = frozenset(
    {
        *(
            f"search.{name}"
            for name in (
                "at",
                "wanted",
                "seed",
                "candidates",
                "chosen",
                "posts_read",
                "users_read",
                "requests",
                "unusable",
                "latency_ms",
            )
        ),
        *(f"search.post.{name}" for name in ("quotes", "author_id", "account_created", "edits.*")),
    }
)


def _digest(text: str) -> str:
    """Of a post's text, as its analysis records it."""
    return content_sha256(norm_text(text))


def read(number: str) -> ev.PostAnalyzed:
    """The analysis of one of the kit's posts, with the true digest."""
    return analyzed(number, content_sha256=_digest(post(int(number)).content))


def truthful(drive: Drive) -> Drive:
    """The same story with the digests of the texts, as a miner records them."""
    contents = {p.id: p.content for r in drive.records for p in getattr(r.event(), "posts", ())}
    again = Drive()
    for record in drive.records:
        event = record.event()
        again.at_ms = record.at_ms
        if isinstance(event, ev.PostAnalyzed):
            event = changed(event, content_sha256=_digest(contents[event.post_id]))
        if isinstance(event, ev.CheckpointSigned):
            again.sign()
        else:
            again.on(event)
    return again


def leaves(data: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values that hold no others."""
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            yield from leaves(value, (*path, key))
    else:
        yield path


def at(data: Any, path: Path) -> Any:
    """The value at a path."""
    for key in path:
        data = data[key]
    return data


def pattern(path: Path) -> str:
    """A path whose numbers are wildcards."""
    return ".".join("*" if isinstance(key, int) else key for key in path)


def spoiled(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """A copy with another value there, of the same type and, for texts, of the same length; a time stays a time."""
    data = copy.deepcopy(data)
    holder, key = at(data, path[:-1]), path[-1]
    value = holder[key]
    if isinstance(value, str) and key == "at":
        holder[key] = value[:-2] + ("0Z" if value[-2] != "0" else "1Z")
    elif isinstance(value, str):
        last = "0" if value[-1:] != "0" else "1"
        holder[key] = value[:-1] + last
    else:
        holder[key] = value + 1
    return data


def resealed(data: dict[str, Any]) -> bytes:
    """The file with a digest that fits: what a forger can do without the hotkey."""
    rest = {name: value for name, value in data.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return json.dumps({**rest, "sha256": hashlib.sha256(text.encode()).hexdigest()}).encode()
