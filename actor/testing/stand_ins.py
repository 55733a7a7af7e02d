"""Replaces what a test should not tell: texts, people and ids at X, the hotkey, addresses, answers. Pure.

Every text is replaced but those that this module knows to be words of the miner's own, so a field that a later build
adds is replaced until somebody says otherwise here. Numbers and times stay: they are what the machine decides by. The
same thing gets the same stand-in everywhere, in the state, in the events and inside effect keys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final, TypeVar

from actor.machine import State, content_sha256, norm_text
from actor.testing.scenario import Scenario, posts_of
from events import catalogue as ev
from events.codec import Value, decode_as, plain

__all__ = ["HOTKEY", "OWN_WORDS", "redacted"]

# The ss58 address of 32 zero bytes: nobody has its key.
HOTKEY: Final = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"

_FIRST_POST: Final = 1001
_DAY_S: Final = 86_400
_LONGEST_TEXT: Final = 200

# Words of the miner's own and of the contract, never quoted from outside.
OWN_WORDS: Final = frozenset(
    {
        "budget",
        "build",
        "day",
        "dropped",
        "kind",
        "names",
        "on_analysis_error",
        "prompt_version",
        "rung",
        "sampling",
        "segment",
        "setting",
        "source",
        "state",
        "status",
    }
)
_POST_IDS: Final = frozenset(
    {"id", "post_id", "candidates", "edits", "newest_id", "reused_from", "seen", "settled", "since_id"}
)
_EFFECT_KEYS: Final = frozenset({"crashes", "effect", "held"})
_HOTKEYS: Final = frozenset({"hotkey", "miner_hotkey", "validator"})
_DIGESTS: Final = frozenset(
    {"hashes_sha256", "head", "journal", "sha256", "signature", "state_sha256", "subnets_sha256"}
)
# Mappings whose keys are data: what they hold is known by the name of the mapping.
_BY_DATA: Final = frozenset({"counted", "crashes", "seen", "spent", "tokens"})
# Known by the digests of texts, by which the machine decides nothing; and authors, which ``of`` knows how to tell.
_OF_THEIR_OWN: Final = frozenset({"answers", "authors"})
# Texts from outside that no reader of a test misses.
_ANSWERS: Final = frozenset({"answer", "raw_answer"})
# Replaced with the post that they belong to.
_OF_POSTS: Final = frozenset({"account_created", "author", "author_id", "content", "content_sha256"})

V = TypeVar("V", bound=Value)


def redacted(scenario: Scenario, *, own: Collection[str] = (), keep_text: bool = False) -> Scenario:
    """The scenario with stand-ins.

    Args:
        scenario: What happened.
        own: Posts that keep their text, author and id: those that the test is about.
        keep_text: Keep every post's; only the hotkey, addresses, signatures and long answers are replaced.
    """
    stand_ins = _StandIns(scenario, own=frozenset(own), keep_text=keep_text)
    start = stand_ins.of(scenario.start)
    steps = tuple(replace(found, event=stand_ins.of(found.event, found.at_ms)) for found in scenario.steps)
    return Scenario(start=start, steps=steps)


class _StandIns:
    def __init__(self, scenario: Scenario, *, own: frozenset[str], keep_text: bool) -> None:
        self._keep_text = keep_text
        self._own = own
        taken = {pending.post.id for pending in scenario.start.posts}
        taken.update(post_id for found in scenario.steps for post_id in posts_of(found.event))
        self._ids: dict[str, str] = {}
        self._numbers = (str(n) for n in count(_FIRST_POST) if str(n) not in taken)
        self._users: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._keep_people(scenario)
        self._hotkey = "" if scenario.start.identity is None else scenario.start.identity.hotkey
        self._urls: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def of(self, value: V, at_ms: int = 0) -> V:
        """The same event or state with stand-ins; ``at_ms`` is when the event was recorded."""
        if isinstance(value, ev.JournalCreated):
            self._hotkey = value.hotkey
        data = self._fields(plain(value))
        if isinstance(value, ev.AuthorsLookedUp | ev.AuthorLookupFailed):
            data["asked"] = [self._user(user_id) for user_id in value.asked]
        if isinstance(value, ev.AuthorsLookedUp):
            data["authors"] = [self._author(author, at_ms) for author in value.authors]
        elif isinstance(value, State):
            known = value.authors.items()
            data["authors"] = {
                self._user(key): {"author": self._author(k.author, k.at_ms), "at_ms": k.at_ms} for key, k in known
            }
        if isinstance(value, ev.PostAbandoned):
            data["reason"] = value.reason  # one of two words, which the machine chose
        return decode_as(type(value), data)

    def _fields(self, value: Mapping[str, Any]) -> dict[str, Any]:
        fields = {name: self._of(name, item) for name, item in value.items()}
        post_id = value.get("id", value.get("post_id"))
        if post_id is None:
            return fields
        told = value if self._is_kept(post_id) else self._person(post_id, value)
        return {name: told[name] if name in _OF_POSTS else item for name, item in fields.items()}

    def _person(self, post_id: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """What stands in for a post's text and author, wherever they are told."""
        number, text = self._id(post_id), f"The text of post {self._id(post_id)}"
        return {
            "content": text,
            "content_sha256": content_sha256(norm_text(text)),
            "author": self._name(value.get("author", ""), number),
            "author_id": self._user(value.get("author_id", ""), number),
            # To the second it would tell whose post it is; the machine goes by the age.
            "account_created": value.get("timestamp", 0) - value.get("account_age", 0) * _DAY_S,
        }

    def _author(self, author: ev.Author, at_ms: int) -> dict[str, Any]:
        """What stands in for an author who was looked up at that time, and whose account is as old in days."""
        if self._keep_text or self._users.get(author.id) == author.id:
            return {**plain(author)}
        user_id, at_s = self._user(author.id), at_ms // 1000
        return {
            "id": user_id,
            "username": self._name(author.username, user_id),
            "created": at_s - max(0, (at_s - author.created) // _DAY_S) * _DAY_S,
            "followers": author.followers,
        }

    def _keep_people(self, scenario: Scenario) -> None:
        """The authors of the posts that the test is about keep their ids and names, wherever they are told."""
        told = [found.event for found in scenario.steps]
        posts = [pending.post for pending in scenario.start.posts]
        posts += [post for event in told if isinstance(event, ev.PostsScraped) for post in event.posts]
        mine = [post for post in posts if post.id in self._own]
        self._users |= {post.author_id: post.author_id for post in mine}
        names = {post.author for post in mine if post.author}
        names |= {
            author.username
            for event in told
            if isinstance(event, ev.AuthorsLookedUp)
            for author in event.authors
            if author.id in self._users
        }
        self._names |= {name: name for name in names}

    def _user(self, user_id: str, number: str = "") -> str:
        """A user's stand-in, which is the number of the first post that tells of it."""
        if self._keep_text or not user_id:
            return user_id or number
        return self._users.setdefault(user_id, number or next(self._numbers))

    def _name(self, name: str, number: str) -> str:
        return self._names.setdefault(name, f"author{number}") if name else ""

    def _of(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, list | tuple):
            return [self._of(name, item) for item in value]
        if not isinstance(value, dict):
            return value
        if name in _OF_THEIR_OWN:
            return {}
        if name in _BY_DATA:
            return {self._key(name, key): self._of(name, item) for key, item in value.items()}
        return self._fields(value)

    def _key(self, name: str, key: str) -> str:
        return self._effect_key(key) if name in _EFFECT_KEYS else key

    def _text(self, name: str, text: str) -> str:  # noqa: PLR0911  (one return for each kind of text)
        if name in _POST_IDS:
            return self._id(text)
        if name in _EFFECT_KEYS:
            return self._effect_key(text)
        if name in OWN_WORDS:
            return text
        if name in _HOTKEYS:
            return HOTKEY
        if name in _DIGESTS:
            return "00"
        if name == "api_url":
            return self._urls.setdefault(text, f"https://api-{len(self._urls) + 1}.invalid")
        if name == "quarantine":
            return self._files.setdefault(text, f"stand-in-{len(self._files) + 1}.bin")
        if self._keep_text:
            return self._shortened(text)
        return "" if name in _ANSWERS else f"stand-in for the {name}"

    def _shortened(self, text: str) -> str:
        if self._hotkey:
            text = text.replace(self._hotkey, HOTKEY)
        for url, stand_in in self._urls.items():
            text = text.replace(url, stand_in)
        return text[:_LONGEST_TEXT]

    def _is_kept(self, post_id: str) -> bool:
        return self._keep_text or post_id in self._own

    def _id(self, post_id: str) -> str:
        if self._is_kept(post_id):
            return post_id
        if post_id not in self._ids:
            self._ids[post_id] = next(self._numbers)
        return self._ids[post_id]

    def _effect_key(self, key: str) -> str:
        name, colon, post_id = key.partition(":")
        return f"{name}:{self._id(post_id)}" if colon else key
