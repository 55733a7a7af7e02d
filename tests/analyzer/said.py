"""An answer, a draft that differs, and how a text that holds them is read."""

from __future__ import annotations

import json
from typing import Final

from actor.analyzer import Subnet
from actor.analyzer.answer import AnswerError, read_answer, spoken

__all__ = ["ASKED", "BEARISH", "BULLISH", "LOOSE", "ONE", "OTHER", "POST", "PRETTY", "A", "D", "read"]

POST = "TAO miners count and add on Bittensor"
ONE = Subnet(id=1, name="one", identifiers=(), functions=("counting", "adding"))
SUBNETS = [{"name": "one", "functions": [0], "bittensor_terms": ["TAO"]}]
BEARISH: Final = {"about_bittensor": True, "sentiment": "bearish", "subnets": SUBNETS}
BULLISH: Final = {"about_bittensor": True, "sentiment": "very_bullish", "subnets": SUBNETS}
A: Final = json.dumps(BEARISH)
D: Final = json.dumps(BULLISH)
PRETTY: Final = json.dumps(BEARISH, indent=2)
LOOSE: Final = repr(BEARISH)
ASKED: Final = json.dumps({"candidates": [{"name": "one", "functions": ["counting"]}], "post": POST})
OTHER: Final = json.dumps({"candidates": [], "post": "Something else"})


def read(text: str) -> str:
    """The category of the answer, or "repair"."""
    try:
        found = read_answer(spoken(text, cut_off=False), (ONE,), POST)
    except AnswerError:
        return "repair"
    return {-0.5: "answer", 1.0: "draft"}[found.sentiment]
