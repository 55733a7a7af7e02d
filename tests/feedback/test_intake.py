"""A validator's word is checked, bounded and counted before anything is recorded; nothing of it raises or waits."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from bittensor_core import Keypair

from actor.edges.text import Redactor
from actor.edges.threads import Inbox
from actor.feedback import (
    WORDS_A_DAY,
    WORDS_A_VALIDATOR_A_DAY,
    FeedbackError,
    FeedbackIntake,
    score_word,
    validation_word,
)
from actor.machine import INITIAL, State
from actor.machine.state import observation_key
from actor.perform import Meaning
from events import catalogue as ev
from events.codec import changed

VALIDATOR = Keypair.create_from_uri("//Bob").ss58_address
SCORE: dict[str, Any] = {
    "validator": VALIDATOR,
    "start_block": 6_000_000,
    "end_block": 6_000_100,
    "score": 0.5,
    "rewards": None,
    "penalties": None,
}
VALIDATION: dict[str, Any] = {
    "validator": VALIDATOR,
    "validation_id": "v-1",
    "post_id": "1",
    "passed": False,
    "code": None,
    "reason": None,
    "redact": str,
}


class Told:
    """Stands for the actor: applies what it is told to its state at once."""

    def __init__(self) -> None:
        self.state: State = INITIAL
        self.events: list[ev.Event] = []

    def tell(self, meaning: Meaning) -> bool:
        """Record what it means."""
        for event in meaning(self.state):
            assert isinstance(event, ev.ScoreObserved | ev.ValidationObserved)
            self.events.append(event)
            self.state = changed(self.state, observed=(*self.state.observed, observation_key(event)))
        return True


class Clock:
    """Time that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def take(intake: FeedbackIntake, told: Told, make: Callable[..., ev.ScoreObserved | ev.ValidationObserved]) -> bool:
    """Hand a word over, as MyMiner does."""
    return intake.take(make, told.tell, told.state)


def scored(**fields: Any) -> Callable[..., ev.ScoreObserved]:
    """A score with these fields."""
    return lambda _redact: score_word(**{**SCORE, **fields})


def names(count: int) -> list[str]:
    """So many validators."""
    return [Keypair.create_from_uri(f"//{number}").ss58_address for number in range(count)]


def test_a_word_becomes_the_event_that_tells_it() -> None:
    """Numbers of other types become those of the event; a failure reason of the synapse is taken apart."""
    word = score_word(**{**SCORE, "score": 1, "start_block": 6_000_000.0, "rewards": 3, "penalties": 0})
    assert word == ev.ScoreObserved(
        validator=VALIDATOR, start_block=6_000_000, end_block=6_000_100, score=1.0, rewards=3, penalties=0
    )
    told = validation_word(**{**VALIDATION, "reason": {"code": "TEXT", "message": "text\ndiffers\x1b[31m", "more": 1}})
    assert (told.code, told.reason, told.passed) == ("TEXT", "text differs [31m", False)
    kept = validation_word(**{**VALIDATION, "code": "OURS", "reason": {"code": "TEXT"}, "validation_id": 17})
    assert (kept.code, kept.reason, kept.validation_id) == ("OURS", None, "17")
    assert validation_word(**{**VALIDATION, "passed": True, "reason": {}}).passed


def test_texts_are_bounded_and_without_secrets() -> None:
    """A secret is taken out before the cut, so that not half of it is left."""
    key = "sk-0123456789abcdef"
    long = validation_word(
        **{
            **VALIDATION,
            "validation_id": "v" * 5_000,
            "code": "c" * 5_000,
            "reason": "r" * 290 + key + "r" * 100_000,
            "redact": Redactor([key]),
        }
    )
    assert (len(long.validation_id), len(long.code or ""), len(long.reason or "")) == (100, 64, 300)
    assert "sk-" not in (long.reason or "")
    assert validation_word(**{**VALIDATION, "reason": "\ud800\x00"}).reason == "\ufffd"


class _Strange:
    def __bool__(self) -> bool:
        raise RuntimeError("not to be asked")

    __repr__ = __str__ = __float__ = __int__ = __bool__  # type: ignore[assignment]


WRONG_SCORES: dict[str, tuple[Any, ...]] = {
    "validator": ("", "5", VALIDATOR[:-1] + "1", VALIDATOR + "\n", None, 5, b"5", _Strange()),
    "start_block": (-1, 2**53, "x", None, True, 0.5, math.nan, 6_000_101, _Strange()),
    "end_block": (-1, 2**53, 2**70, [], 5_999_999),
    "score": (math.nan, math.inf, -math.inf, 1e10, -1e10, "nan", None, True, 10**400, [0.5], _Strange()),
    "rewards": (-1, "many", 0.5, {}),
    "penalties": (-1, 2**60, False),
}
WRONG_VALIDATIONS: dict[str, tuple[Any, ...]] = {
    "validator": ("alice",),
    "validation_id": ("", "\x00\u202e", None, [], 1.5, True),
    "post_id": ("", "x", "-1", "1" * 21, "\u0661", 1, None, "1\n"),
    "passed": (1, 0, "true", None, _Strange()),
    "code": ([], 1.5, {}, True),
    "reason": ([], 1.5, {"message": ["x"]}, {"code": {}}),
}


@pytest.mark.parametrize(
    ("make", "good", "name", "value"),
    [(score_word, SCORE, name, value) for name, values in WRONG_SCORES.items() for value in values]
    + [(validation_word, VALIDATION, name, value) for name, values in WRONG_VALIDATIONS.items() for value in values],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_what_is_no_such_thing_is_refused(
    make: Callable[..., Any], good: dict[str, Any], name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Every field, with every kind of value: an error that names the field; the intake says False and logs it."""
    with pytest.raises(FeedbackError, match=f"{name}|start_block|code|reason"):
        make(**{**good, name: value})
    told = Told()
    with caplog.at_level(logging.WARNING, "actor"):
        assert not take(FeedbackIntake(str), told, lambda _redact: make(**{**good, name: value}))
    assert not told.events
    (line,) = caplog.messages
    assert line.startswith("a validator's report is not recorded: ")
    assert line.isprintable()
    assert len(line) < 400


def test_nothing_that_a_value_does_reaches_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    """A class whose methods raise, or a number too long to print: False, and the error's kind in the log."""

    class Hostile(str):
        __slots__ = ()

        def isascii(self) -> bool:
            raise MemoryError("boom")

    told = Told()
    for value in (Hostile("5"), 10**5_000):
        assert not take(FeedbackIntake(str), told, scored(validator=value))
    assert [line.split(": ")[1].split()[0] for line in caplog.messages] == ["MemoryError", "ValueError"]


def test_a_word_told_twice_is_recorded_once() -> None:
    """Also when the second comes before the first is recorded; another word of the same validator is another one."""
    told, inbox = Told(), Inbox[Meaning]()
    inbox.open(lambda: None)
    intake = FeedbackIntake(str)
    for _ in range(2):
        assert intake.take(scored(), inbox.put, told.state)
    while (meaning := inbox.take()) is not None:
        told.tell(meaning)
    assert take(intake, told, scored())
    assert take(intake, told, scored(score=0.25))
    assert [event.score for event in told.events if isinstance(event, ev.ScoreObserved)] == [0.5, 0.25]


def test_a_validator_s_flood_ends_at_its_limit(caplog: pytest.LogCaptureFixture) -> None:
    """The others are still heard, the log says it once, and the next day it is heard again."""
    told, clock = Told(), Clock()
    intake = FeedbackIntake(str, clock)
    _, other = names(2)
    taken = [take(intake, told, scored(end_block=6_000_000 + number)) for number in range(WORDS_A_VALIDATOR_A_DAY + 50)]
    assert sum(taken) == len(told.events) == WORDS_A_VALIDATOR_A_DAY
    assert not any(taken[WORDS_A_VALIDATOR_A_DAY:])
    assert caplog.messages == [f"no more reports of {VALIDATOR} are recorded for 24 hours: the limit is 1000"]
    assert take(intake, told, scored(validator=other))
    clock.now_s += 86_400
    assert take(intake, told, scored(start_block=1, end_block=2))


def test_a_flood_of_many_ends_at_the_limit_of_all(caplog: pytest.LogCaptureFixture) -> None:
    """However many hotkeys are behind it."""
    told, validators = Told(), names(6)
    intake = FeedbackIntake(str, Clock())
    for number in range(WORDS_A_DAY + 20):
        word = scored(validator=validators[number % 6], end_block=6_000_000 + number)
        assert take(intake, told, word) == (number < WORDS_A_DAY)
        told.state = INITIAL  # whatever the state remembers
    assert caplog.messages == ["no more reports of all validators are recorded for 24 hours: the limit is 5000"]


def test_nonsense_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Twenty lines a day, and one that says so."""
    told, clock = Told(), Clock()
    intake = FeedbackIntake(str, clock)
    for _ in range(200):
        assert not take(intake, told, scored(score=math.nan))
    assert len(caplog.messages) == 21
    assert caplog.messages[-1] == "further warnings about validators' reports are suppressed for up to 24 hours"
    clock.now_s += 86_400
    assert not take(intake, told, scored(score=math.nan))
    assert len(caplog.messages) == 22


def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever puts one into a field by mistake does not find it in the log."""
    key = "sk-0123456789abcdef"
    assert not take(FeedbackIntake(Redactor([key])), Told(), scored(score=f"{'x' * 280}{key}"))
    assert "sk-" not in caplog.text


def test_without_a_running_miner_nothing_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """False and a line, be it not started, starting, stopping, or full."""
    intake = FeedbackIntake(str)
    assert not intake.take(scored(), None, None)
    assert not intake.take(scored(), lambda _meaning: False, INITIAL)
    assert [line.rpartition(": ")[2] for line in caplog.messages] == [
        "the miner is not running",
        "the miner is starting, stopping, or has too many to record",
    ]


def test_an_inbox_takes_while_it_is_open_and_keeps_what_it_took() -> None:
    """In order; closed, it takes nothing more; full, neither."""
    inbox, woken = Inbox[Meaning](), list[None]()
    meanings: list[Meaning] = [lambda _state, n=n: (ev.ApiMoved(api_url=str(n)),) for n in range(300)]  # type: ignore[misc]
    assert not inbox.put(meanings[0])
    inbox.open(lambda: woken.append(None))
    assert [inbox.put(meaning) for meaning in meanings] == [True] * 256 + [False] * 44
    assert len(woken) == len(inbox) == 256
    inbox.close()
    assert not inbox.put(meanings[0])
    assert [inbox.take() for _ in range(257)] == [*meanings[:256], None]


def test_many_threads_at_once_lose_nothing() -> None:
    """Axons answer in threads: each word is counted and told once."""
    inbox, told = Inbox[Meaning](), Told()
    inbox.open(lambda: None)
    intake = FeedbackIntake(str)

    def speak(validator: str) -> None:
        for number in range(40):
            assert intake.take(scored(validator=validator, end_block=6_000_000 + number), inbox.put, told.state)

    threads = [threading.Thread(target=speak, args=(validator,)) for validator in names(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (meaning := inbox.take()) is not None:
        told.tell(meaning)
    assert len(told.events) == len(set(map(repr, told.events))) == 240
