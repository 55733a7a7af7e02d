"""What validators tell a miner, on its way into the journal: checked, bounded, counted. Untrusted from end to end.

A validator's word never raises here, never waits, and takes no more of the disk than the limits below allow. Whether it
is true nobody can tell; it is recorded as its word.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from actor.edges.hotkey import is_ss58
from actor.edges.text import as_float, as_int, safe_line
from actor.machine.state import State, observation_key
from actor.perform import Meaning
from events.catalogue import ScoreObserved, ValidationObserved

__all__ = [
    "WORDS_A_DAY",
    "WORDS_A_VALIDATOR_A_DAY",
    "FeedbackError",
    "FeedbackIntake",
    "Redact",
    "Word",
    "score_word",
    "validation_word",
]

Redact: TypeAlias = Callable[[str], str]
Word: TypeAlias = ScoreObserved | ValidationObserved

# A window is 20 minutes, so 72 scores a day come from a validator, and at most 360 judgements of posts.
WORDS_A_VALIDATOR_A_DAY: Final = 1_000
# About 2 KiB at most each, so 10 MiB a day, whoever says how much.
WORDS_A_DAY: Final = 5_000
_REMARKS_A_DAY: Final = 20
_DAY_S: Final = 86_400.0

_LARGEST_INT: Final = 2**53 - 1  # what JSON readers everywhere hold exactly
_LARGEST_SCORE: Final = 1e9
_LONGEST_POST_ID: Final = 20
_LONGEST_VALIDATION_ID: Final = 100
_LONGEST_CODE: Final = 64
_LONGEST_REASON: Final = 300
_LONGEST_SHOWN: Final = 10_000

_log = logging.getLogger("actor")


class FeedbackError(ValueError):
    """A word that cannot be recorded; one line that says what was found and expected."""


def score_word(
    *, validator: object, start_block: object, end_block: object, score: object, rewards: object, penalties: object
) -> ScoreObserved:
    """A score, made of values that may be anything.

    Raises:
        FeedbackError: One of them is no such thing.
    """
    first, last = _whole("start_block", start_block), _whole("end_block", end_block)
    if first > last:
        raise FeedbackError(f"start_block {first} lies behind end_block {last}")
    value = as_float(score)
    if value is None or abs(value) > _LARGEST_SCORE:
        raise FeedbackError(f"score: expected a finite number of at most {_LARGEST_SCORE:g}, found {_shown(score)}")
    return ScoreObserved(
        validator=_validator(validator),
        start_block=first,
        end_block=last,
        score=value,
        rewards=None if rewards is None else _whole("rewards", rewards),
        penalties=None if penalties is None else _whole("penalties", penalties),
    )


def validation_word(
    *,
    validator: object,
    validation_id: object,
    post_id: object,
    passed: object,
    code: object,
    reason: object,
    redact: Redact,
) -> ValidationObserved:
    """A judgement of a post, made of values that may be anything.

    Args:
        validator: As ScoreObserved has it; so are all below.
        validation_id: Cut at 100 characters.
        post_id: Decimal digits.
        passed: A bool.
        code: Cut at 64 characters; without one, that of ``reason``.
        reason: A text, cut at 300 characters, or a mapping with "code" and "message".
        redact: Takes secrets out.

    Raises:
        FeedbackError: One of them is no such thing.
    """
    if isinstance(reason, Mapping):
        code, reason = reason.get("code") if code is None else code, reason.get("message")
    if not isinstance(post_id, str) or not (
        post_id.isascii() and post_id.isdigit() and len(post_id) <= _LONGEST_POST_ID
    ):
        raise FeedbackError(f"post_id: expected at most {_LONGEST_POST_ID} decimal digits, found {_shown(post_id)}")
    if not isinstance(passed, bool):
        raise FeedbackError(f"passed: expected true or false, found {_shown(passed)}")
    named = _text("validation_id", validation_id, redact, _LONGEST_VALIDATION_ID)
    if named is None:
        raise FeedbackError("validation_id: expected a text, found none")
    return ValidationObserved(
        validator=_validator(validator),
        validation_id=named,
        post_id=post_id,
        passed=passed,
        code=_text("code", code, redact, _LONGEST_CODE),
        reason=_text("reason", reason, redact, _LONGEST_REASON),
    )


def _validator(value: object) -> str:
    if not isinstance(value, str) or not is_ss58(value):
        raise FeedbackError(f"validator: expected an ss58 address, found {_shown(value)}")
    return value


def _whole(name: str, value: object) -> int:
    number = as_int(value)
    if number is None or not 0 <= number <= _LARGEST_INT:
        raise FeedbackError(f"{name}: expected an integer from 0 to {_LARGEST_INT}, found {_shown(value)}")
    return number


def _text(name: str, value: object, redact: Redact, limit: int) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # an id or a code may be a number
    if not isinstance(value, str):
        raise FeedbackError(f"{name}: expected a text, found {_shown(value)}")
    return safe_line(value, redact, limit) or None


def _shown(value: object) -> str:
    """What was told; a class of somebody's own is only named. Whoever prints it takes secrets out and cuts it."""
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN])
    return repr(value) if isinstance(value, int | float | None) else f"a {type(value).__name__}"


class FeedbackIntake:
    """The way of a miner's validators to its journal, from any thread.

    Args:
        redact: Takes secrets out of what is logged and recorded.
        elapsed_s: Seconds on a clock that never goes back.
    """

    def __init__(self, redact: Redact, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._redact = redact
        self._elapsed_s = elapsed_s
        self._lock = threading.Lock()
        self._day_ends_s = 0.0
        self._taken: Counter[str] = Counter()
        self._remarks = 0
        self._full: set[str] = set()

    def take(self, make: Callable[[Redact], Word], tell: Callable[[Meaning], bool] | None, state: State | None) -> bool:
        """Record a word; False, and a line in the log, when it will not be. Never raises.

        Args:
            make: Makes the word of what was told.
            tell: Hands a meaning to the running actor; None while there is none.
            state: The actor's, in which the last words are known; None likewise.
        """
        try:
            return self._take(make, tell, state)
        except FeedbackError as error:
            self._remark("a validator's report is not recorded: %s", safe_line(str(error), self._redact))
        except Exception as error:  # noqa: BLE001  (a validator's values may be of any class, and a host's handler waits)
            self._remark("a validator's report is not recorded: %s while it was read", type(error).__name__)
        return False

    def _take(
        self, make: Callable[[Redact], Word], tell: Callable[[Meaning], bool] | None, state: State | None
    ) -> bool:
        word = make(self._redact)
        if tell is None or state is None:
            self._remark("a validator's report is not recorded: the miner is not running")
            return False
        if observation_key(word) in state.observed:
            return True
        if not self._count(word.validator):
            return False
        if tell(lambda now: () if observation_key(word) in now.observed else (word,)):
            return True
        self._remark("a validator's report is not recorded: the miner is starting, stopping, or has too many to record")
        return False

    def _count(self, validator: str) -> bool:
        """Count a word; False, and once a line in the log, when a limit is reached."""
        with self._lock:
            self._begin_day()
            limited = (validator, WORDS_A_VALIDATOR_A_DAY), ("all validators", WORDS_A_DAY)
            full = next((whose for whose, limit in limited if self._taken[whose] >= limit), None)
            if full is None:
                self._taken.update(whose for whose, _ in limited)
                return True
            known = full in self._full
            self._full.add(full)
        if not known:
            _log.warning("no more reports of %s are recorded for 24 hours: the limit is %d", full, self._taken[full])
        return False

    def _begin_day(self) -> None:
        now_s = self._elapsed_s()
        if now_s >= self._day_ends_s:
            self._day_ends_s = now_s + _DAY_S
            self._taken.clear()
            self._full.clear()
            self._remarks = 0

    def _remark(self, line: str, *values: object) -> None:
        """Warn; whoever sends nonsense all day does not fill the log either."""
        with self._lock:
            self._begin_day()
            self._remarks += 1
            count = self._remarks
        if count <= _REMARKS_A_DAY:
            _log.warning(line, *values)
        if count == _REMARKS_A_DAY:
            _log.warning("further warnings about validators' reports are suppressed for up to 24 hours")
