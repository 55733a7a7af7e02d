"""Posts and their authors: a deterministic corpus that grows with time, and posts that a test adds. No HTTP here."""

from __future__ import annotations

import html
import random
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sandbox.services.phrases import FOREIGN, LONG_TAIL, NOISE, PLAIN, SARCASM, SPAM, SUBNETS, TEMPLATES, TWO_SUBNETS
from sandbox.services.x_answers import found_page
from sandbox.services.x_search import page_token, snowflake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.faults import Fault
    from sandbox.services.x_answers import FoundPage
    from sandbox.services.x_search import RecentSearch

__all__ = ["Corpus", "CorpusPost", "User"]

_ADDED = 1 << 21
_SPAN_S = 6 * 86_400
_FRESH_S = 60 * 3_600
_CUT_AT = 277
_RETWEET_CUT = 140
_LONG_SHARE = 0.08
_GOLDEN = 0.6180339887498949
_DAY_S = 86_400
_FIRST_ID = 1_200_000_000
_NAMES = (
    ("Ada Merle", "ada_stakes"), ("Bruno Kell", "brunokell"), ("Chidi O.", "chidi_runs_nodes"),
    ("Dara 🧠", "dara_on_tensors"), ("Emil Roth", "emilroth_"), ("Fen", "fen_quant"),
    ("Gudrun", "gudrun_validates"), ("Hsu Lin", "hsulin88"), ("Ines Vargas", "inesv_ml"),
    ("Jonas τ", "jonas_tao"), ("Kaya", "kaya_builds"), ("Lev Orlov", "lev_gpu"),
    ("Mina P.", "minap_research"), ("Noor", "noor_delegates"), ("Otis Bell", "otisbell"),
    ("Petra Nowak", "petra_nowak_ai"), ("Quill", "quill_notes"), ("Rafael D.", "raf_subnets"),
    ("Suki", "suki_degen"), ("Tomasz W.", "tomasz_onchain"), ("Uma Sen", "umasen"),
    ("Viktor Lund", "viktor_lund"), ("Wren", "wren_mines"), ("Xiu", "xiu_alpha"),
    ("Yara Kim", "yara_kim_dev"), ("Zeno", "zeno_skeptic"), ("AIRDROP DESK", "airdrop_desk_9001"),
    ("Signals Daily", "signals_daily_x"), ("Tensor Digest", "tensor_digest"), ("Block Clerk", "blockclerk"),
)  # fmt: skip


def _english(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(("en", text) for text in texts)


_MAIN = _english(TEMPLATES)
_RETWEETS = _english(TEMPLATES[:8])
_SHARES: tuple[tuple[float, tuple[tuple[str, str], ...]], ...] = (
    (0.07, FOREIGN),
    (0.07, _RETWEETS),
    (0.04, _english(NOISE)),
    (0.05, _english(SPAM)),
    (0.05, _english(SARCASM)),
    (0.11, _english(PLAIN)),
    (0.15, _english(TWO_SUBNETS)),
    (0.46, _MAIN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. created_at is unix seconds."""

    id: str
    name: str
    username: str
    created_at: float
    description: str
    verified: bool
    followers: int
    following: int
    posts: int
    listed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusPost:
    """A post. text is as X serves it (entities encoded, cut when long), created_at unix seconds, edits earlier ids."""

    id: str
    author: User
    created_at: float
    text: str
    note: str = ""
    lang: str = "en"
    retweet_of: str = ""
    edits: tuple[str, ...] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)

    @property
    def full_text(self) -> str:
        """The whole text, entities decoded."""
        return html.unescape(self.note or self.text)

    @property
    def is_retweet(self) -> bool:
        """Whether it repeats another post."""
        return bool(self.retweet_of)

    @property
    def username(self) -> str:
        """The author's name without @."""
        return self.author.username


class Corpus:
    """All posts up to now. Safe to use from any thread.

    Post number i depends on the seed, the epoch and i alone, so a corpus of the same seed and epoch is the same
    to the letter, whenever it is looked at.
    """

    def __init__(
        self, *, seed: int, epoch: float, now: Callable[[], float], size: int, posts_per_minute: float
    ) -> None:
        self._seed = seed
        self._epoch = epoch
        self._now = now
        self._size = size
        self._rate = posts_per_minute / 60
        self._lock = threading.Lock()
        self._posts: list[CorpusPost] = []
        self._added: list[CorpusPost] = []
        self._edited: set[str] = set()
        self.users = _users(seed, epoch)
        self.suspended: set[str] = set()

    def posts(self, now: float | None = None) -> list[CorpusPost]:
        """Every post that exists by now, newest first."""
        now = self._now() if now is None else now
        grown = int(max(0.0, now - self._epoch) * self._rate + 1e-9)
        with self._lock:
            while len(self._posts) < self._size + grown:
                self._posts.append(self._make(len(self._posts)))
            found = [*self._posts[: self._size + grown], *(post for post in self._added if post.created_at <= now)]
            found = [post for post in found if post.id not in self._edited]
        return sorted(found, key=lambda post: int(post.id), reverse=True)

    def page(self, search: RecentSearch, fault: Fault, wall_s: float) -> FoundPage:
        """What a search finds, newest first."""
        found = self._found(search, fault.name, wall_s)
        page, more = found[: search.max_results], len(found) > search.max_results
        if fault.name == "edited":
            page = sorted(map(self.edit, page), key=lambda post: int(post.id), reverse=True)
        return found_page(page, search, page_token(page[-1].id) if more else "")

    def user(self, user_id: str) -> User | None:
        """One of the authors; None for nobody, and for a suspended one."""
        found = next((user for user in self.users if user.id == user_id), None)
        return None if found is None or found.id in self.suspended else found

    def find(self, post_id: str) -> CorpusPost | None:
        """One post, whether or not it exists by now."""
        with self._lock:
            return next((post for post in (*self._added, *self._posts) if post.id == post_id), None)

    def add(
        self,
        text: str,
        *,
        author: int = 0,
        created_at: float | None = None,
        lang: str = "en",
        retweet_of: str = "",
        metrics: Mapping[str, int] | None = None,
    ) -> CorpusPost:
        """Add a post with exactly this text; author is an index into users, created_at defaults to now."""
        at = self._now() if created_at is None else created_at
        with self._lock:
            post = CorpusPost(
                id=str(snowflake(at, _ADDED + len(self._added))),
                author=self.users[author],
                created_at=at,
                text=text,
                lang=lang,
                retweet_of=retweet_of,
                metrics={**_no_metrics(), **(metrics or {})},
            )
            self._added.append(post)
        return post

    def edit(self, post: CorpusPost) -> CorpusPost:
        """The same post under a new id, which is served in its place from now on."""
        with self._lock:
            new_id = str(snowflake(post.created_at, _ADDED + len(self._added)))
            edited = replace(post, id=new_id, edits=(*post.edits, post.id))
            self._edited.add(post.id)
            self._added.append(edited)
        return edited

    def _found(self, search: RecentSearch, fault: str, wall_s: float) -> list[CorpusPost]:
        if fault == "empty":
            return []
        if fault == "ignores_time":
            return [post for post in reversed(self.posts(wall_s)) if search.matches(post)]
        return [post for post in self.posts(wall_s) if search.finds(post)]

    def _make(self, number: int) -> CorpusPost:
        rng = random.Random(f"{self._seed}:post:{number}")  # noqa: S311 - a seeded corpus, not security
        at = self._time_of(number, rng)
        author = rng.choice(self.users)
        lang, text, retweet_of = _compose(number, self._seed, rng, self.users)
        long = len(text) > _CUT_AT + 3
        return CorpusPost(
            id=str(snowflake(at, number)),
            author=author,
            created_at=at,
            text=_encoded(f"{text[:_CUT_AT]}…" if long else text),
            note=_encoded(text) if long else "",
            lang=lang,
            retweet_of=retweet_of,
            metrics=_metrics(rng, author),
        )

    def _time_of(self, number: int, rng: random.Random) -> float:
        """A sixth of the first posts is older than 72 hours; what grows comes at an even pace."""
        if number >= self._size:
            return self._epoch + (number - self._size + 1) / self._rate
        old = max(1, self._size // 6)
        if number < old:
            begin, end, share = _SPAN_S, 73 * 3_600, (number + rng.random()) / old
        else:
            begin, end, share = _FRESH_S, 60, (number - old + rng.random()) / (self._size - old)
        return self._epoch - begin + share * (begin - end)


def _encoded(text: str) -> str:
    """As X serves it: & < > as entities, quotes as they are."""
    return html.escape(text, quote=False)


def _compose(number: int, seed: int, rng: random.Random, users: list[User]) -> tuple[str, str, str]:
    """Language, text as written and, for a retweet, the id of the original.

    Kinds and sentences follow the golden ratio, so that any run of posts holds all of them in their shares.
    """
    kind = (number * _GOLDEN + seed * _GOLDEN**2) % 1.0
    values = _values(rng)
    pool, within = _pool(kind)
    lang, template = pool[min(len(pool) - 1, int(within * len(pool)))]
    text = template.format(**values)
    if pool is _RETWEETS:
        return (
            lang,
            _shortened(f"RT @{rng.choice(users).username}: {text}"),
            str(snowflake(1_700_000_000, rng.randrange(1 << 20))),
        )
    return lang, text + LONG_TAIL if pool is _MAIN and rng.random() < _LONG_SHARE else text, ""


def _pool(kind: float) -> tuple[tuple[tuple[str, str], ...], float]:
    """The pool whose share a number in 0..1 falls into, and where within that share, again in 0..1."""
    for share, pool in _SHARES:
        if kind < share:
            return pool, kind / share
        kind -= share
    return _MAIN, 0.0


def _shortened(text: str) -> str:
    return text if len(text) <= _RETWEET_CUT else f"{text[: _RETWEET_CUT - 1]}…"


def _values(rng: random.Random) -> dict[str, object]:
    (n, name, topics), (m, other, other_topics) = rng.sample(SUBNETS, 2)
    return {
        "n": n,
        "name": name,
        "tag": "".join(ch for ch in name if ch.isalnum()),
        "topic": rng.choice(topics),
        "m": m,
        "other": other,
        "other_topic": rng.choice(other_topics),
        "k": rng.randint(2, 24),
        "pct": rng.randint(3, 60),
        "block": 6_000_000 + rng.randrange(500_000),
    }


def _metrics(rng: random.Random, author: User) -> dict[str, int]:
    reach = (author.followers + 20) * rng.random() ** 3
    likes = int(reach * rng.uniform(0.002, 0.08))
    return {
        "retweet_count": int(likes * rng.uniform(0.02, 0.4)),
        "reply_count": int(likes * rng.uniform(0.01, 0.3)),
        "like_count": likes,
        "quote_count": int(likes * rng.uniform(0, 0.08)),
        "bookmark_count": int(likes * rng.uniform(0, 0.2)),
        "impression_count": int(reach * rng.uniform(0.4, 3)) + likes,
    }


def _no_metrics() -> dict[str, int]:
    names = ("retweet", "reply", "like", "quote", "bookmark", "impression")
    return {f"{name}_count": 0 for name in names}


def _users(seed: int, now: float) -> list[User]:
    """Thirty accounts, from a day to fifteen years old, from no followers to more than the score's cap."""
    rng = random.Random(f"{seed}:users")  # noqa: S311 - a seeded corpus, not security
    return [_user(rng, number, now) for number in range(len(_NAMES))]


def _user(rng: random.Random, number: int, now: float) -> User:
    name, username = _NAMES[number]
    age_days = (1, 30, 2_555, 5_400)[number] if number < 4 else int(rng.triangular(5, 5_000, 900))  # noqa: PLR2004
    followers = (0, 12, 260_000)[number] if number < 3 else int(10 ** rng.uniform(0.5, 5.2))  # noqa: PLR2004
    return User(
        id=str(_FIRST_ID + number * 7_919),
        name=name,
        username=username,
        created_at=float(int(now - age_days * _DAY_S - rng.randrange(3_600, 80_000))),
        description="Made up for a sandbox.",
        verified=rng.random() < 0.3,  # noqa: PLR2004
        followers=followers,
        following=int(10 ** rng.uniform(0.5, 3.5)),
        posts=int(10 ** rng.uniform(0.5, 4.8)),
        listed=followers // 150,
    )
