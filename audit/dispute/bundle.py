"""What a dispute bundle holds, as one JSON object (docs/operators/disputes.md). Data only, and its digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import orjson

from events.catalogue import Post
from events.codec import Value, decode_as, plain
from events.describe import inert_json
from events.journal.record import moment_ms

__all__ = [
    "KIND",
    "VERSION",
    "Bundle",
    "LeftOut",
    "Listed",
    "SearchExcerpt",
    "ShownRecord",
    "decode_bundle",
    "encode_bundle",
]

KIND: Final = "user-miner-dispute"
VERSION: Final = 3
# Its checkpoints named no journal, as those of version 2 in journals did not.
_WITHOUT_JOURNALS: Final = 1
# Up to it a post told no other versions of itself.
_WITHOUT_EDITS: Final = 2


class ShownRecord(Value, frozen=True, kw_only=True):
    """A record, byte for byte.

    Attributes:
        seq: Its number.
        previous: Hash of the record before it.
        line: Its line without the newline.
    """

    seq: int
    previous: str
    line: str


class LeftOut(Value, frozen=True, kw_only=True):
    """A record of the post's time that speaks of other posts: its kind is told, and its hash stands in the list."""

    seq: int
    event: str


class SearchExcerpt(Value, frozen=True, kw_only=True):
    """What the record of the search says of this post; the record itself holds other posts too.

    Attributes:
        seq: The record's number.
        at: Its time.
        hash: Its hash.
        window: The window that the search spent.
        wanted: Posts that the window had room for.
        seed: Seed of the sample.
        candidates: New posts that the sample was drawn from.
        chosen: Posts drawn.
        posts_read: Posts that X returned.
        users_read: Users that X returned.
        requests: Search requests.
        unusable: Posts that lacked a field or had a date that was not asked for.
        latency_ms: From the first request to the last answer.
        post: This post as X served it.
    """

    seq: int
    at: str
    hash: str
    window: int
    wanted: int
    seed: int
    candidates: int
    chosen: int
    posts_read: int
    users_read: int
    requests: int
    unusable: int
    latency_ms: int
    post: Post

    def __post_init__(self) -> None:
        moment_ms(self.at)  # it is shown to people, so it is a time and nothing else


class Listed(Value, frozen=True, kw_only=True):
    """A signed checkpoint with the list that it signs: hashes of records ``since`` + 1 to ``seq``.

    ``journal`` is the hash of the first record of its journal; None in a checkpoint of version 2, which names none.
    """

    journal: str | None = None
    since: int
    seq: int
    head: str
    hashes_sha256: str
    reducer: int
    state_sha256: str
    signature: str
    hashes: tuple[str, ...]

    def covers(self, seq: int) -> bool:
        """Whether a record's hash stands in the list."""
        return self.since < seq <= self.seq

    def hash_of(self, seq: int) -> str | None:
        """The listed hash of a record, None when the list does not reach it."""
        return self.hashes[seq - self.since - 1] if self.covers(seq) and seq - self.since <= len(self.hashes) else None


class Bundle(Value, frozen=True, kw_only=True):
    """Everything about one post.

    Attributes:
        bundle: KIND.
        version: VERSION.
        post_id: The post.
        hotkey: Whose journal it is from.
        search: What its search said of it.
        records: What is shown, in order.
        left_out: What else happened from its search to its end.
        checkpoints: Those that cover one of the records, in order.
        sha256: Digest of all the rest.
    """

    bundle: str
    version: int
    post_id: str
    hotkey: str
    search: SearchExcerpt
    records: tuple[ShownRecord, ...]
    left_out: tuple[LeftOut, ...]
    checkpoints: tuple[Listed, ...]
    sha256: str = ""

    def digest(self) -> str:
        """SHA-256 over the JSON of all fields but ``sha256``: keys sorted, no spaces, ASCII."""
        fields = plain(self)
        del fields["sha256"]
        if self.version == _WITHOUT_JOURNALS:
            for listed in fields["checkpoints"]:
                del listed["journal"]
        if self.version <= _WITHOUT_EDITS:
            del fields["search"]["post"]["edits"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def encode_bundle(bundle: Bundle) -> str:
    """The file's text; nothing in it can steer a terminal."""
    return inert_json(json.dumps(plain(bundle), indent=1, ensure_ascii=False)) + "\n"


def decode_bundle(content: bytes) -> Bundle:
    """Read a bundle's file.

    Raises:
        ValueError: It is something else; the message says where.
    """
    data: Any = orjson.loads(content)
    if not isinstance(data, dict) or data.get("bundle") != KIND:
        raise ValueError(f'no object with "bundle": "{KIND}"')
    version = data.get("version")
    if type(version) is not int or not _WITHOUT_JOURNALS <= version <= VERSION:
        versions = f"{_WITHOUT_JOURNALS} to {VERSION}"
        raise ValueError(f"version {version!r} is unknown, this build reads {versions}: update user-miner")
    bundle = decode_as(Bundle, data)
    if bundle.version == _WITHOUT_JOURNALS and any(listed.journal is not None for listed in bundle.checkpoints):
        raise ValueError(f"version {bundle.version} names no journals, and this one does")
    if bundle.version <= _WITHOUT_EDITS and bundle.search.post.edits:
        raise ValueError(f"version {bundle.version} tells no other versions of a post, and this one does")
    return bundle
