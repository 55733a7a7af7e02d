"""SAMPLING=top: the posts of greatest value, recorded so that whoever reads the journal can check the choice."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from actor.machine.facts import ranked, sample, scraped_event
from actor.machine.scoring import value
from actor.ports import Scraped
from events.catalogue import Policy, Post, PostsScraped
from events.codec import changed
from events.effects import ScrapeWindow
from tests.audit.broken import write
from tests.cli.conftest import command as command  # noqa: PLC0414  (the same fixture)
from tests.cli.kit import Command
from tests.kit import Drive, post
from tests.world import World


def scraped(posts: tuple[Post, ...], count: int, *, seed: int | None = None) -> PostsScraped:
    """What a search's answer means."""
    answer = Scraped(posts=posts, posts_read=len(posts), users_read=len(posts), requests=1, unusable=0)
    return scraped_event(ScrapeWindow(window=8, count=count), answer, seed=seed, latency_ms=1)


def test_the_posts_of_greatest_value_are_taken() -> None:
    """R5 decides what a post is worth; of one value, those that X served first; the order does not depend on luck."""
    likes = {"1": 10, "2": 5_000, "3": 10, "4": 4_000, "5": 9_000, "6": 0}
    posts = tuple(post(int(name), likes=number) for name, number in likes.items())
    event = scraped(posts, 4)
    assert event.candidates == ("2", "5", "4", "1", "3", "6"), "likes above 5,000 count no more"
    assert [chosen.id for chosen in event.posts] == ["2", "5", "4", "1"]
    assert event.seed == 0
    assert scraped(posts, 4) == event


def test_every_choice_is_the_best_one() -> None:
    """Against every other choice of as many posts; random ones, the seed printed."""
    seed = random.randrange(2**32)  # noqa: S311  (made-up posts)
    print(f"seed {seed}")  # noqa: T201  (shown when it fails)
    dice = random.Random(seed)  # noqa: S311  (made-up posts)
    for _ in range(50):
        posts = tuple(
            post(number, likes=dice.choice([0, 9, 5_000]), followers=dice.choice([0, 300_000])) for number in range(6)
        )
        chosen = scraped(posts, 3).posts
        best = max(sum(map(value, others)) for others in itertools.combinations(posts, 3))
        assert sum(map(value, chosen)) == pytest.approx(best)
        assert ranked(chosen) == chosen


def test_readers_agree_with_a_miner_that_takes_the_best(world: World, command: Command) -> None:
    """A real miner on real parts: `check` and `audit` find nothing, and a window's record shows the order."""
    for number in range(12):
        world.sandbox.add_post(f"Bittensor SN45 and more of it, {number}")
    world.mine(SAMPLING="top")
    (event,) = (found for record, _ in world.history() if isinstance(found := record.event(), PostsScraped))
    assert len(event.candidates) > len(event.posts) == 5
    assert [chosen.id for chosen in event.posts] == list(event.candidates[:5])
    values = [value(chosen) for chosen in event.posts]
    assert values == sorted(values, reverse=True)
    for reader in ("check", "audit"):
        code, out, errors = command(reader, world.journal)
        assert code == 0, out + errors


WORTH = {"1": 5_000, "2": 4_000, "3": 3_000, "4": 2_000}


@pytest.mark.parametrize(
    ("sampling", "chosen", "found"),
    [
        ("top", "12", False),
        ("top", "13", True),
        ("top", "21", True),
        ("random", "12", True),
    ],
)
def test_another_choice_is_found(tmp_path: Path, command: Command, sampling: str, chosen: str, *, found: bool) -> None:
    """By `check` and by R8 of `audit`: not the first ones, in another order, or a ranking without the setting."""
    drive = Drive(changed(Policy(max_submissions_per_window=2), sampling=sampling))
    drive.start().window(8, current_block=801)
    posts = tuple(post(int(name), likes=WORTH[name], timestamp=drive.at_ms // 1000 - 60) for name in chosen)
    event = PostsScraped(
        window=8,
        wanted=2,
        seed=next(number for number in range(99) if sampling == "top" or sample("1234", 2, number) != tuple(chosen)),
        candidates=tuple(WORTH),
        posts=posts,
        posts_read=4,
        users_read=4,
        requests=1,
        unusable=0,
        latency_ms=10,
    )
    drive.on(event)
    journal = write(tmp_path / "journal", drive.lines)
    _, out, _ = command("audit", "--json", journal)
    broken = {finding["rule"] for finding in json.loads(out)["findings"]}
    assert ("R8" in broken) == found, out
    assert (command("check", journal)[0] == 1) == found
