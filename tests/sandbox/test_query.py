"""X's search language as the stand-in understands it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sandbox.services.x_query import QueryError, parse_query


@dataclass(frozen=True)
class _Post:
    full_text: str
    lang: str = "en"
    is_retweet: bool = False
    username: str = "ada"


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("bittensor", "I like Bittensor.", True),
        ("bittensor", "#Bittensor to the moon", True),
        ("bittensor", "bittensors", False),
        ("#bittensor", "plain bittensor", False),
        ("$TAO", "buy $tao now", True),
        ("$TAO", "buy tao now", False),
        ('"subnet 45"', "on subnet 45 today", True),
        ('"subnet 45"', "subnet number 45", False),
        ("(bittensor OR $TAO)", "only $TAO here", True),
        ("(bittensor OR opentensor) subnet", "bittensor halving", False),
        ("bittensor OR opentensor subnet", "bittensor halving", True),
        ("bittensor -airdrop", "bittensor airdrop", False),
        ("bittensor -(airdrop OR giveaway)", "bittensor giveaway", False),
        ("bittensor -(airdrop OR giveaway)", "bittensor news", True),
        ("from:ada", "anything", True),
        ("from:bob", "anything", False),
    ],
)
def test_terms(query: str, text: str, found: bool) -> None:  # noqa: FBT001 - a table of cases
    """AND binds before OR, a minus negates, sigils are honoured, words match whole."""
    assert parse_query(query)(_Post(text)) is found


def test_operators() -> None:
    """The miner's operators leave out retweets and other languages, in parentheses or without."""
    matches = parse_query("(bittensor OR tao) -is:retweet lang:en")
    assert matches(_Post("bittensor"))
    assert not matches(_Post("bittensor", is_retweet=True))
    assert not matches(_Post("bittensor", lang="es"))


def test_missing_parentheses_show() -> None:
    """Without parentheses the operators bind to the last keyword only, as at X."""
    assert parse_query("bittensor OR tao -is:retweet")(_Post("bittensor", is_retweet=True))


@pytest.mark.parametrize(
    "query", ["-bittensor", "lang:en", "(a", "a)", "a OR", "OR a", "()", "has:magic a", '"', "-(a OR b)"]
)
def test_refused(query: str) -> None:
    """A query that X would refuse raises."""
    with pytest.raises(QueryError):
        parse_query(query)
