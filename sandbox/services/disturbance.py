"""What goes wrong, where and when: drawn from a seed, or given as a list. It never acts on it.

Each place (a server's question, the chain, the host's clock, a process's life) has a stream of its own, from which
every occasion takes the same number of draws. So what happens at one occasion does not depend on what happened at
another, and a list of disturbances can lose one and keep the rest as they were.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Final

import msgspec

from sandbox.services.chain import LIES
from sandbox.services.message import PAGES

__all__ = ["RATES", "Disturbance", "Draw", "Weather"]

_ROUNDED: Final = 6

# Faults of the network, the same for every server. Whoever carries the requests acts them out.
_WAY: Final = {
    "refused": 0.015,
    "lost": 0.015,
    "lost_answer": 0.02,
    "broken_answer": 0.01,
    "slow": 0.02,
    "asleep": 0.001,
}
_PROXY: Final = {**dict.fromkeys(PAGES, 0.004), "500": 0.008, "503": 0.008}
_LIES: Final = dict.fromkeys(LIES, 0.001)

# By place, how often each kind happens at one occasion of that place.
RATES: Final[Mapping[str, Mapping[str, float]]] = {
    "api.status": {
        **_WAY,
        **_PROXY,
        "raise": 0.003,
        "401": 0.003,
        "403": 0.003,
        "429": 0.003,
        "no_block": 0.004,
        "bad_block": 0.004,
        "old_block": 0.006,
        **_LIES,
    },
    "api.submit": {
        **_WAY,
        **_PROXY,
        "raise": 0.006,
        "twice": 0.02,
        "500_acted": 0.01,
        "401": 0.006,
        "403": 0.004,
        "409": 0.008,
        "422": 0.008,
        "429": 0.004,
        "429_headers": 0.004,
        "429_bare": 0.004,
        "weird_status": 0.004,
        "other_post": 0.004,
        "other_hotkey": 0.004,
        "plain_ok": 0.01,
        "created": 0.01,
        "no_block": 0.01,
        "bad_block": 0.004,
        "old_block": 0.004,
        **_LIES,
    },
    "x.search": {
        **_WAY,
        **_PROXY,
        "raise": 0.01,
        "400": 0.004,
        "401": 0.004,
        "402": 0.004,
        "403": 0.004,
        "429": 0.008,
        "429_usage_capped": 0.004,
        "429_code_88": 0.004,
        "partial": 0.02,
        "missing_author": 0.02,
        "list_body": 0.004,
        "empty": 0.02,
        "few": 0.08,
        "odd_date": 0.03,
        "ignores_time": 0.02,
        "edited": 0.06,
        "unedited": 0.03,
    },
    "x.users": {
        **_WAY,
        **_PROXY,
        "raise": 0.01,
        "400": 0.004,
        "401": 0.004,
        "402": 0.004,
        "403": 0.004,
        "429": 0.008,
        "429_usage_capped": 0.004,
        "429_code_88": 0.004,
        "partial": 0.03,
        "missing_author": 0.02,
        "list_body": 0.004,
    },
    "llm.chat": {
        **_WAY,
        **_PROXY,
        "raise": 0.004,
        "crawl": 0.02,
        "400": 0.002,
        "401": 0.002,
        "402": 0.002,
        "404": 0.002,
        "429": 0.01,
        "429_long": 0.003,
        "no_format": 0.01,
        "empty_choices": 0.003,
        "null_usage": 0.006,
        "null_content": 0.003,
        "fenced": 0.006,
        "prose": 0.006,
        "truncated": 0.004,
        "unknown_names": 0.004,
        "bad_category": 0.004,
        "bad_indexes": 0.004,
        "wrong_shape": 0.004,
        "garbled": 0.004,
    },
    # A node of the chain, asked how the hotkey stands.
    "node": {
        "refused": 0.05,
        "lost": 0.05,
        "raise": 0.02,
        "unregistered": 0.05,
        "at_risk": 0.05,
    },
    # Once for each window's time.
    "chain": {
        "stall": 0.02,
        "jump": 0.02,
        "back": 0.02,
        "resize": 0.01,
        "quota": 0.04,
        "tells_time": 0.005,
        "tells_far": 0.005,
        "tells_ahead": 0.005,
        "flips_windows": 0.005,
        "flips_quota": 0.005,
    },
    "clock": {"ahead": 0.015, "behind": 0.015, "sleep": 0.01},
    "llm": {"refuses": 0.02},
    # Once for each window's time: what the host hands on from validators, and what its operator changes.
    "host": {"score": 0.06, "validation": 0.06, "settings": 0.05},
    # Once for each process.
    "life.end": {
        "kill": 0.42,
        "power": 0.18,
        "die": 0.12,
        "disk_full": 0.05,
        "io_error": 0.05,
        "short_write": 0.03,
        "stop": 0.12,
    },
    "life.down": {"long": 0.15},
    "life.policy": {"other": 0.3},
    "life.authors": {"cached": 0.4},
    "life.rival": {"locked": 0.1},
    "life.api": {"moved": 0.08},
    # Once after each process but the last, while none runs.
    "journal": {"flipped": 0.006, "cut": 0.006},
}


class Disturbance(msgspec.Struct, frozen=True, order=True, gc=False):
    """One thing that goes wrong.

    Attributes:
        place: Where, a key of `RATES`.
        number: At which occasion of that place, from 1.
        kind: What.
        amount: How much of it, or which of its forms, from 0 up to 1.
    """

    place: str
    number: int
    kind: str
    amount: float

    def __str__(self) -> str:
        return f"{self.place}#{self.number}:{self.kind}={self.amount:g}"

    @classmethod
    def parse(cls, text: str) -> Disturbance:
        """The inverse of ``str``.

        Raises:
            ValueError: It is none, or of an unknown place or kind.
        """
        place, _, rest = text.partition("#")
        number, _, what = rest.partition(":")
        kind, _, amount = what.partition("=")
        if kind not in RATES.get(place, {}) or not number.isdigit():
            raise ValueError(f"{text!r} is no disturbance: expected such as api.submit#17:lost_answer=0.25")
        return cls(place, int(number), kind, float(amount))


class Draw(msgspec.Struct, frozen=True, gc=False):
    """What one occasion got.

    Attributes:
        number: Which occasion of its place, from 1.
        kind: What goes wrong; empty for nothing.
        amount: As in `Disturbance`; drawn for occasions without one, too.
        share: A further number from 0 up to 1, for latencies and the like; the same with and without disturbances.
    """

    number: int
    kind: str
    amount: float
    share: float


class Weather:
    """Says at every occasion what goes wrong.

    Args:
        seed: Of all draws.
        rates: By place and kind, as `RATES`; what is missing never happens.
        listed: Exactly these disturbances happen, and ``rates`` do not matter; None draws them.

    Attributes:
        happened: What went wrong so far, in the order of the occasions.
        calm: Nothing goes wrong any more while this is set.
    """

    def __init__(
        self,
        seed: int,
        rates: Mapping[str, Mapping[str, float]] = RATES,
        listed: Iterable[Disturbance] | None = None,
    ) -> None:
        self.happened: list[Disturbance] = []
        self.calm = False
        self._listed = None if listed is None else {(d.place, d.number): d for d in listed}
        self._numbers = dict.fromkeys(RATES, 0)
        self._streams: dict[str, Callable[[], float]] = {}
        self._tables: dict[str, tuple[list[float], list[str]]] = {}
        for place in RATES:
            self._streams[place] = random.Random(f"{seed}:{place}").random  # noqa: S311  (repeatable by intent)
            kinds = rates.get(place, {})
            self._tables[place] = list(accumulate(kinds.values())), [*kinds, ""]

    def draw(self, place: str) -> Draw:
        """What the next occasion of a place gets."""
        number = self._numbers[place] = self._numbers[place] + 1
        stream = self._streams[place]
        chance, amount, share = stream(), round(stream(), _ROUNDED), stream()
        if self.calm:
            return Draw(number, "", amount, share)
        if self._listed is not None:
            listed = self._listed.get((place, number))
            kind, amount = ("", amount) if listed is None else (listed.kind, listed.amount)
        else:
            bounds, kinds = self._tables[place]
            kind = kinds[bisect_right(bounds, chance)]
        if kind:
            self.happened.append(Disturbance(place, number, kind, amount))
        return Draw(number, kind, amount, share)
