"""How long the part of the analyzer takes that no model has a say in: 1,000 posts against the built-in registry.

The posts are those of the sandbox, strung together to 280 characters, as long as X serves them: nearly all name subnets
and speak of their work, which is the most that there is to find. Figures are this process's own time on the processor:
nothing here waits, and what else the machine does is not measured.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

from actor.analyzer import load_registry
from actor.analyzer.candidates import CandidateFinder
from actor.analyzer.mentions import MentionFinder
from actor.machine.scoring import norm_text
from sandbox import Sandbox, SandboxConfig

POSTS: Final = 1_000
CHARS: Final = 280
AIM_MS: Final = 100


def posts(count: int) -> list[str]:
    """Posts of exactly 280 characters, the same ones every time."""
    with Sandbox(SandboxConfig(corpus_size=6 * count, seconds_per_block=None)) as box:
        texts = " ".join(norm_text(post.full_text) for post in box.corpus.posts())
    made = [norm_text(texts[at : at + CHARS]).ljust(CHARS, ".") for at in range(0, CHARS * count, CHARS)]
    assert {len(text) for text in made} == {CHARS}
    return made


def milliseconds(work: Callable[[], object], rounds: int) -> list[float]:
    """How long each round took."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return taken


def told(taken: Sequence[float]) -> str:
    """Median, and the fastest and slowest round."""
    return f"{statistics.median(taken):6.1f} ms ({min(taken):.1f} to {max(taken):.1f})"


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    rounds = options.parse_args().rounds
    texts, registry = posts(POSTS), load_registry()
    mentions, candidates = MentionFinder(registry), CandidateFinder(registry)
    found = [mentions.find(text) for text in texts]
    names = sum(len(one.direct) for one in found)
    offered = sum(len(candidates.find(one)) for one in found)
    print(f"{POSTS:,} posts of {CHARS} characters: {names:,} direct mentions, {offered:,} candidates")
    print("direct mentions ", told(milliseconds(lambda: [mentions.find(text) for text in texts], rounds)))
    print("candidates      ", told(milliseconds(lambda: [candidates.find(one) for one in found], rounds)))
    both = milliseconds(lambda: [candidates.find(mentions.find(text)) for text in texts], rounds)
    print("both            ", told(both), f"aim: under {AIM_MS} ms")
    print("building them   ", told(milliseconds(lambda: (MentionFinder(registry), CandidateFinder(registry)), rounds)))


if __name__ == "__main__":
    main()
