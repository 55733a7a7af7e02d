"""Slots of HEAD with a good checksum that no writer makes: other types, ranges, fields, order and spacing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["odd_slots", "slot"]

_ODD: Final[Mapping[str, tuple[Any, ...]]] = {
    "generation": ("x", "7", [1], {}, None, True, 1e9, 7.0, -1, 2**63, 2**64, 10**30),
    "seq": ("59", [59], None, False, 59.0, -1, 2**63, 10**30),
    "hash": (5, None, [], "", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "\uff10" * 64, "0" * 64 + "\n"),
    "segment": (5, None, [], "", "1.jsonl", "../HEAD", f"{1:020d}.json", f"{1:020d}.jsonl\n", f"{1:021d}.jsonl"),
    "offset": ("5", [5], None, True, 5.0, -1, 2**63, 10**30),
}


def slot(fields: Mapping[str, Any], *, spaced: bool = False) -> bytes:
    """512 bytes that say these fields in this order, with the checksum that fits."""
    body = json.dumps(fields, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body[:-1]},"sha256":"{digest}"}}'.encode().ljust(511) + b"\n"


def odd_slots(good: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each way to say ``good``, the fields of a readable slot, otherwise than a writer does."""
    for name, values in _ODD.items():
        yield from ((f"{name} {value!r:.20}", slot({**good, name: value})) for value in values)
        yield f"no {name}", slot({other: value for other, value in good.items() if other != name})
    yield "another field", slot({**good, "x": 1})
    yield "another order", slot(dict(reversed(list(good.items()))))
    yield "spaces", slot(good, spaced=True)
    yield "no padding", slot(good).replace(b" ", b"\t")
    yield "a field twice", slot(good).replace(b'{"generation"', b'{"offset":1,"generation"').ljust(512)[:512]
    yield "a list", b"[1]".ljust(511) + b"\n"
    yield "deep", b"[" * 511 + b"\n"
