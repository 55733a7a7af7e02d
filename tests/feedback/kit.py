"""What the tests of feedback share: a hand-driven story in which validators speak, to each other's contrary too."""

from __future__ import annotations

from bittensor_core import Keypair

from events import catalogue as ev
from tests.audit.dispute_kit import read
from tests.kit import Drive, accepted, rejected

__all__ = ["BOB", "CAROL", "judged", "scored", "spoken_story"]

BOB, CAROL = (Keypair.create_from_uri(uri).ss58_address for uri in ("//Bob", "//Carol"))


def scored(validator: str, window: int, score: float) -> ev.ScoreObserved:
    """A score of the window of 100 blocks with this number."""
    return ev.ScoreObserved(
        validator=validator, start_block=window * 100, end_block=window * 100 + 100, score=score, rewards=3, penalties=0
    )


def judged(validator: str, post_id: str, *, passed: bool, code: str | None = None) -> ev.ValidationObserved:
    """A judgement of a post."""
    reason = None if passed else "the text differs"
    return ev.ValidationObserved(
        validator=validator, validation_id=f"v-{post_id}", post_id=post_id, passed=passed, code=code, reason=reason
    )


def spoken_story() -> Drive:
    """Two windows. Posts 1 and 2 are confirmed, 3 refused, 4 disputed; 5 is rejected; nobody knows post 99."""
    drive = Drive(ev.Policy(block_s=0.001)).start()  # searches follow each other
    drive.window(60_000).scraped(1, 2, 3)
    drive.on(*(read(str(number)) for number in (1, 2, 3)))
    drive.on(accepted(drive.send()))
    drive.on(judged(BOB, "1", passed=True))
    drive.accept_all().sign()
    drive.on(judged(BOB, "2", passed=True), judged(CAROL, "2", passed=True))
    drive.on(judged(BOB, "3", passed=False, code="TEXT"), after_s=60)
    drive.window(60_001)
    drive.on(scored(BOB, 60_000, 0.5), scored(CAROL, 60_000, 0.75))
    drive.scraped(4, 5)
    drive.on(read("4"), read("5"))
    drive.on(accepted(drive.send()))
    drive.on(rejected(drive.send()))
    drive.sign()
    drive.on(judged(BOB, "4", passed=True), judged(CAROL, "4", passed=False, code="DATE"))
    drive.on(judged(CAROL, "99", passed=False))
    drive.window(60_002)
    drive.on(scored(BOB, 60_001, 0.25))
    return drive
