"""The exchange about one post: what the server takes, repetitions and one repair, within one time limit.

It decides when and how to ask again, never what an answer is worth: the study's judge reads the answer. An exchange is
never repeated as it was when it may have been paid for: a request that timed out ends it, for at temperature 0 the same
question takes the same time again, its cap is as small as an answer allows, and the server may still be at work on it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from actor.analyzer.answer import SCHEMA_NAME, AnswerError, spoken
from actor.analyzer.port import FORMAT_TYPE, WRONG_PLACE, LLMError
from actor.analyzer.prompt import ask_again
from events.codec import Value, changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actor.analyzer.bill import Bill
    from actor.analyzer.port import LLM, Completion
    from actor.analyzer.strategy import Judgement, Study

__all__ = [
    "DAY_S",
    "MAX_CALLS",
    "MAX_RETRIES",
    "ROOM",
    "RUNGS",
    "THINKING_TOKENS",
    "Conversation",
    "Ladder",
    "Rung",
    "Takes",
    "UsableAnswer",
    "response_format",
]

# The ladder of answer formats, and the memory of what a server takes: a rung, and the parameters to leave out.
#
# Servers differ in what they take: a closed JSON schema with bounds, one without, any JSON object, or no format at
# all.
# What an answer proved is where the next exchange begins, for a day; then everything is tried again, for servers
# learn. One odd refusal so costs one request and no more, and one odd answer a repair: a rung that has worked is left
# when three of four answers on it had to be repaired. The journal carries the memory through restarts.

Rung: TypeAlias = Literal["json_schema", "simple_schema", "json_object", "plain"]
RUNGS: Final[tuple[Rung, ...]] = get_args(Rung)
DAY_S: Final = 86_400.0
ROOM: Final = "small_cap"
"""Among the parameters to leave out: the answer's cap that is enough for whoever does not think."""

# Strict modes differ in what they take of these; without them a schema still names every part and every category.
_BOUNDS: Final = frozenset({"maxItems", "maxLength"})


class Takes(Value, frozen=True, kw_only=True):
    """What a server takes.

    Attributes:
        rung: The answer format.
        dropped: What is left out: those of `PARAMETERS`, and `ROOM`; in the order in which they were refused.
    """

    rung: Rung = RUNGS[0]
    dropped: tuple[str, ...] = ()

    def below(self) -> Takes | None:
        """The same with the next rung down; None at the bottom."""
        following = RUNGS.index(self.rung) + 1
        return changed(self, rung=RUNGS[following]) if following < len(RUNGS) else None

    def without(self, names: Iterable[str]) -> Takes:
        """The same without these as well."""
        return changed(self, dropped=tuple(dict.fromkeys((*self.dropped, *names))))


def response_format(rung: Rung, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to demand of the server on this rung; None demands nothing."""
    if rung == "plain":
        return None
    if rung == "json_object":
        return {"type": "json_object"}
    shape = dict(schema) if rung == "json_schema" else _without_bounds(schema)
    return {"type": "json_schema", "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": shape}}


def _without_bounds(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return [_without_bounds(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {name: _without_bounds(part) for name, part in schema.items() if name not in _BOUNDS}
    if bare.get("type") == "integer":
        bare.pop("enum", None)  # numbers to choose from are a bound, too, and taken less often than words
    return bare


class Ladder:
    """What the server of one model takes. Times are of any clock that does not go back, in seconds."""

    def __init__(self) -> None:
        self._proven: Takes | None = None
        self._since_s = 0.0
        self._repaired: tuple[bool, ...] = ()  # whether the last answers came one rung lower, by a repair
        self.is_chat = False  # the server has completed a chat, usable or not

    def knows(self, now_s: float) -> bool:
        """Whether an answer proved something within the last day."""
        return self._proven is not None and now_s - self._since_s < DAY_S

    def start(self, now_s: float) -> Takes:
        """What to begin with."""
        return self._proven if self._proven is not None and self.knows(now_s) else Takes()

    def prove(self, takes: Takes, now_s: float, *, repaired: bool = False) -> None:
        """Remember that the server answered to this. That it still does makes the memory no younger.

        Args:
            takes: What it answered to.
            now_s: The time.
            repaired: On a lower rung than before, which nobody refused. A proven rung is not left for that once.
        """
        self._repaired = (*self._repaired, repaired)[-_ANSWERS:]
        if repaired and self._proven is not None and self.knows(now_s) and sum(self._repaired) < _ODD_ANSWERS:
            takes = changed(takes, rung=self._proven.rung)
        if takes != self._proven or not self.knows(now_s):
            self._proven, self._since_s, self._repaired = takes, now_s, ()

    def recall(self, takes: Takes, *, age_s: float, now_s: float) -> None:
        """Take over what was proven before this process."""
        self._proven, self._since_s, self.is_chat = takes, now_s - age_s, True


MAX_RETRIES: Final = 2
MAX_CALLS: Final = 3  # a first answer, one with room for thoughts, one repair
THINKING_TOKENS: Final = 4_096  # for thoughts and answer together; a model that runs on is cut off and costs no more
_RETRIED: Final = frozenset({"connection", "broken", "rate_limit", "server"})
_OF_A_CHAT: Final = frozenset({"malformed", "declined"})  # who fails so has completed a chat
_ANSWERS: Final = 4  # so many are looked back on, and a rung is left for so many odd ones among them
_ODD_ANSWERS: Final = 3
_RUNAWAY_CHARS: Final = 40  # of empty space at the end: a model that is kept to JSON and does not know how to end it

Messages = tuple["Mapping[str, str]", ...]


class UsableAnswer(Value, frozen=True, kw_only=True):
    """A usable answer, as the judge read it, and the way of asking that brought it."""

    content: Judgement
    takes: Takes


class _UnusableError(Exception):
    """An answer that was paid for and cannot be used.

    Attributes:
        said: What the model said, without thoughts; empty when nothing came.
        needs_room: It was cut off at its cap.
        thinks: Thoughts took the room.
    """

    def __init__(self, flaw: str, *, said: str, needs_room: bool, thinks: bool) -> None:
        super().__init__(flaw)
        self.said = said
        self.needs_room = needs_room
        self.thinks = thinks


class Conversation:
    """One post's exchange with one model."""

    def __init__(
        self,
        *,
        llm: LLM,
        model: str,
        study: Study,
        ladder: Ladder,
        bill: Bill,
        deadline: float,
        backoff_s: float,
        vote: int = 0,
    ) -> None:
        """Prepare an exchange.

        Args:
            llm: The model's edge.
            model: The model's name at the server.
            study: What is asked, and who judges the answer.
            ladder: Shared by all exchanges.
            bill: Where costs are entered as they arise.
            deadline: The event loop's time after which no wait may end.
            backoff_s: Seconds to wait before the first repetition, doubled before the second.
            vote: Number of the vote that it casts.
        """
        self._vote = vote
        self._llm = llm
        self._model = model
        self._study = study
        self._question = study.question
        self._ladder = ladder
        self._bill = bill
        self._deadline = deadline
        self._backoff_s = backoff_s
        self._retries = 0
        self._calls_before = bill.calls
        self._takes = Takes()
        self._repaired = False

    async def hold(self) -> UsableAnswer:
        """Ask, and again if the answer cannot be used: with room for one that was cut off, else for a repair.

        Raises:
            LLMError: No usable answer; kind "malformed" when answers came but none could be used.
        """
        self._take(self._ladder.start(_now_s()))
        flaw: _UnusableError | None = None
        while True:
            try:
                return await self._ask(flaw)
            except _UnusableError as error:
                if not self._may_ask_again(error, is_repair=flaw is not None):
                    raise LLMError(self._told(error), kind="malformed") from error
                flaw = None if error.needs_room and flaw is None else error

    def _may_ask_again(self, error: _UnusableError, *, is_repair: bool) -> bool:
        """Make room, or go one rung down; False when neither is left."""
        if self._calls() >= MAX_CALLS:
            return False
        if error.needs_room and ROOM not in self._takes.dropped:
            self._take(self._takes.without([ROOM]))
        elif is_repair or error.needs_room:
            return False
        else:
            lower = self._below()
            self._repaired = lower is not None
            self._take(lower or self._takes)
        self._bill.repairs += 1
        return True

    async def _ask(self, flaw: _UnusableError | None) -> UsableAnswer:
        completion = await self._complete(flaw)
        self._bill.add(completion)
        self._ladder.is_chat = True
        said, cut_off = "", completion.cut_off or completion.completion_tokens == self._cap()
        try:
            said = spoken(completion.text, cut_off=cut_off, thought=completion.thought)
            content = self._study.judge(said)
        except AnswerError as error:
            self._bill.failed_calls += 1
            cut = f" (the server cut it off: finish_reason {completion.finish_reason})" if cut_off else ""
            needs_room = error.unfinished or (cut_off and not said and not _runs_away(completion.text))
            said = said or ("" if error.unfinished else completion.text)
            raise _UnusableError(f"{error}{cut}", said=said, needs_room=needs_room, thinks=error.unfinished) from error
        self._ladder.prove(self._takes, _now_s(), repaired=self._repaired)
        return UsableAnswer(content=content, takes=self._takes)

    async def _complete(self, flaw: _UnusableError | None) -> Completion:
        """Ask as the server takes it, and again after failures that pass, as often and as long as this exchange may."""
        while True:
            try:
                return await self._request(flaw)
            except LLMError as error:
                self._bill.add_failed(error)
                self._ladder.is_chat |= error.kind in _OF_A_CHAT and not error.is_no_chat
                if error.kind == "malformed" and not self._is_elsewhere(error, is_repair=flaw is not None):
                    cut_off = error.cut_off or error.completion_tokens == self._cap()
                    raise _UnusableError(error.reason, said="", needs_room=cut_off, thinks=cut_off) from error
                wait_s = 0.0 if self._adapts_to(error) else self._wait_s(error)
                if wait_s is None and self._avoids(error):
                    wait_s = 0.0
                if wait_s is None:
                    raise self._of_a_setting(error) from error
            except Exception:
                if self._bill.calls:  # else nothing is on the bill: a crash, and whoever counts crashes counts this one
                    self._bill.add_unanswered()
                raise
            await asyncio.sleep(wait_s)

    async def _request(self, flaw: _UnusableError | None) -> Completion:
        asked = self._question.messages
        return await self._llm.complete(
            model=self._model,
            messages=asked if flaw is None else ask_again(asked, flaw.said, str(flaw)),
            response_format=response_format(self._takes.rung, self._study.schema),
            max_tokens=self._cap(),
            without=self._takes.dropped,
            vote=self._vote,
        )

    def _cap(self) -> int:
        return THINKING_TOKENS if ROOM in self._takes.dropped else self._study.answer_tokens

    def _is_elsewhere(self, error: LLMError, *, is_repair: bool) -> bool:
        """Whether something else than a chat's server is at this address: none has answered there yet."""
        return error.is_no_chat and not self._ladder.is_chat and (is_repair or not error.is_empty)

    def _of_a_setting(self, error: LLMError) -> LLMError:
        """What a server that never answered refuses for no reason that we know, a setting mends, as a wrong address."""
        if error.kind == "malformed":
            return LLMError(f"{error.reason} ({WRONG_PLACE})", kind="model")
        if error.kind == "request" and not self._ladder.is_chat:
            return LLMError(error.reason, kind="model")
        return error

    def _avoids(self, error: LLMError) -> bool:
        """Leave out the format that a server may fail at each time, as long as nobody knows what it takes."""
        if FORMAT_TYPE not in error.refused or self._ladder.knows(_now_s()) or self._calls() >= MAX_CALLS:
            return False
        lower = self._below(other_type=True)
        if lower is not None:
            self._take(lower)
        return lower is not None

    def _adapts_to(self, error: LLMError) -> bool:
        """Leave out what the server refused; False when that is no more than was left out already, or paid for."""
        if self._calls() >= MAX_CALLS:
            return False
        if error.kind == "context" and self._study.shorter is not None and self._question is not self._study.shorter:
            self._question = self._study.shorter
            self._bill.shown_chars = self._question.chars
            return True
        takes = None
        if error.kind == "refused_format":
            takes = self._below(other_type=FORMAT_TYPE in error.refused)
        elif error.kind == "refused_parameter":
            takes = self._takes.without(error.refused)
        if takes is None or takes == self._takes:
            return False
        self._take(takes)
        return True

    def _below(self, *, other_type: bool = False) -> Takes | None:
        """The next rung down on which something else is demanded; None at the bottom."""
        demanded = response_format(self._takes.rung, self._study.schema)
        lower = self._takes.below()
        while lower is not None:
            demands = response_format(lower.rung, self._study.schema)
            if demands != demanded and not (
                other_type and demands and demanded and demands["type"] == demanded["type"]
            ):
                return lower
            lower = lower.below()
        return None

    def _take(self, takes: Takes) -> None:
        self._takes = self._bill.takes = takes
        self._bill.shown_chars = self._question.chars

    def _told(self, error: _UnusableError) -> str:
        if error.thinks and ROOM in self._takes.dropped:
            return f"its thoughts took all the {THINKING_TOKENS} tokens of an answer: set MODEL to one that thinks less"
        return f"the model's answer cannot be used: {error} (set MODEL to one that answers with JSON)"

    def _calls(self) -> int:
        return self._bill.calls - self._calls_before

    def _wait_s(self, error: LLMError) -> float | None:
        """Return the seconds to wait before a repetition; None when there is to be none."""
        if error.kind not in _RETRIED or self._retries >= MAX_RETRIES or self._calls() >= MAX_CALLS:
            return None
        wait_s: float = self._backoff_s * 2**self._retries
        if error.retry_after_s is not None:
            wait_s = max(wait_s, error.retry_after_s)
        if wait_s >= self._deadline - _now_s():
            return None
        self._retries += 1
        return wait_s


def _runs_away(text: str) -> bool:
    return len(text) - len(text.rstrip()) >= _RUNAWAY_CHARS


def _now_s() -> float:
    return asyncio.get_running_loop().time()
