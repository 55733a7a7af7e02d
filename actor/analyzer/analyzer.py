"""The analyzer: one post in, relevance per subnet and sentiment out, or one kind of error.

What the model is asked and what its answer is worth is the strategy's; this module holds the exchange with it, the
costs and the failures. It keeps no post and no answer: what must not be paid for twice is kept in the journal.
"""

from __future__ import annotations

import asyncio
import logging
import math
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.analysis import Analysis, AnalysisError
from actor.analyzer.bill import Bill
from actor.analyzer.conversation import DAY_S, RUNGS, Conversation, Ladder, Takes
from actor.analyzer.port import LLMError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from actor.analyzer.conversation import UsableAnswer
    from actor.analyzer.port import LLM
    from actor.analyzer.strategy import Judgement, Strategy, Study

__all__ = ["Analyzer"]

MAX_RAW_ANSWER_CHARS: Final = 4_000
MAX_REASON_CHARS: Final = 300
_SCOUTED_S: Final = 600.0  # half a window: the next one may find out anew

_log = logging.getLogger("actor")


class Analyzer:
    """Analyzes posts with one model by one strategy. Safe to use from many tasks of one event loop."""

    def __init__(
        self,
        *,
        llm: LLM,
        strategy: Strategy,
        model: str,
        timeout_s: float,
        server: str = "",
        redact: Callable[[str], str] = str,
        backoff_s: float = 0.5,
        votes: int = 1,
    ) -> None:
        """Prepare for any number of posts.

        Args:
            llm: The model's edge; closed by `aclose`.
            strategy: The rules to judge posts by.
            model: The model's name at the server.
            timeout_s: Seconds for one vote on a post, all repetitions and waits included.
            server: Where the model is asked, for the record: host and port, and which of several servers there.
            redact: Takes secrets out of text that came from outside.
            backoff_s: Seconds before the first repetition, doubled before the second.
            votes: How often each question is asked; an answer counts only when all of them say the same.
        """
        if timeout_s <= 0:
            raise ValueError(f"timeout_s is {timeout_s}, expected more than 0")
        self._llm = llm
        self._strategy = strategy
        self._model = model
        self._timeout_s = timeout_s
        self._redact = redact
        self._backoff_s = backoff_s
        self._votes = votes
        self._server = server
        self._ladder = Ladder()
        self._scouting = asyncio.Lock()
        self._scouted_s = -math.inf

    @property
    def model(self) -> str:
        """The model's name at the server."""
        return self._model

    @property
    def prompt_version(self) -> str:
        """Name and version of the rules and of the question."""
        return self._strategy.version

    @property
    def server(self) -> str:
        """Where the model is asked."""
        return self._server

    def recall(self, rung: str, dropped: tuple[str, ...], *, age_s: float) -> None:
        """Begin with what this server was found to take so long ago, by an earlier process."""
        known = next((one for one in RUNGS if one == rung), None)
        if known is not None and 0 <= age_s < DAY_S:
            self._ladder.recall(Takes(rung=known, dropped=dropped), age_s=age_s, now_s=_now_s())

    async def analyze(self, text: str) -> Analysis:
        """Analyze one post.

        A bug of ours leaves as the exception that it is as long as nothing is on the bill: whoever asks may ask again.
        Behind a call that was paid for, or may have been, it ends the analysis with an error of kind "bug", so that
        what it cost goes on record and is not paid once more.

        Args:
            text: The post's content after norm_text.

        Raises:
            AnalysisError: The model gave no usable answer within the time limit, or a paid answer met a bug of ours.
        """
        study = self._strategy.study(text)
        bill = Bill()
        try:
            reply = await self._converse(study, bill, vote=0)
            for vote in range(1, self._votes):
                again = await self._converse(study, bill, vote=vote)
                _require_same(reply.content, again.content, f"vote {vote + 1} of {self._votes}")
        except LLMError as error:
            raise self._failure(error, bill) from error
        except Exception as error:
            if not bill.calls:
                raise
            raise self._failure(self._bug(error), bill) from error
        return Analysis(
            tokens=reply.content.tokens,
            sentiment=reply.content.sentiment,
            rung=reply.takes.rung,
            **self._asked(bill),
        )

    async def aclose(self) -> None:
        """Close the model's edge."""
        await self._llm.aclose()

    async def _converse(self, study: Study, bill: Bill, *, vote: int) -> UsableAnswer:
        async with self._first_alone():
            return await self._in_time(study, bill, vote=vote)

    @asynccontextmanager
    async def _first_alone(self) -> AsyncIterator[None]:
        """While nobody knows what the server takes, one exchange finds out and the others wait."""
        if self._is_scouted():
            yield
            return
        async with self._scouting:
            alone = not self._is_scouted()
            if alone:
                try:
                    yield
                finally:
                    self._scouted_s = _now_s()
        if not alone:
            yield

    def _is_scouted(self) -> bool:
        """Whether an answer told what the server takes, or the one that was to find out has failed."""
        return self._ladder.knows(_now_s()) or _now_s() - self._scouted_s < _SCOUTED_S

    async def _in_time(self, study: Study, bill: Bill, *, vote: int) -> UsableAnswer:
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                conversation = Conversation(
                    llm=self._llm,
                    model=self._model,
                    study=study,
                    ladder=self._ladder,
                    bill=bill,
                    deadline=_now_s() + self._timeout_s,
                    backoff_s=self._backoff_s,
                    vote=vote,
                )
                return await conversation.hold()
        except TimeoutError as error:
            if not limit.expired():  # not ours: a bug of the edge, to be seen as one
                raise
            bill.add_unanswered()  # a request was under way; no wait is begun that would outlast the limit
            raise LLMError(f"no usable answer within {self._timeout_s:g} s", kind="timeout") from error

    def _bug(self, error: Exception) -> LLMError:
        """What an analysis ends with that crashed; the log has the rest."""
        shown = self._redact("".join(traceback.format_exception(error)))
        _log.error("an analysis crashed after calls that were paid for, a bug of this software: %s", shown)
        return LLMError(f"a bug of this software: {type(error).__name__}: {error}", kind="bug")

    def _failure(self, error: LLMError, bill: Bill) -> AnalysisError:
        reason = " ".join(_writable(self._redact(error.reason)).split())[:MAX_REASON_CHARS]
        return AnalysisError(reason or error.kind, kind=error.kind, **self._asked(bill))

    def _asked(self, bill: Bill) -> dict[str, Any]:
        """Who was asked, in which way, and what it cost."""
        return {
            "model": self._model,
            "prompt_version": self._strategy.version,
            "raw_answer": _writable(self._redact(bill.answer))[:MAX_RAW_ANSWER_CHARS],
            "calls": bill.calls,
            "prompt_tokens": bill.prompt_tokens,
            "completion_tokens": bill.completion_tokens,
            "failed_calls": bill.failed_calls,
            "unmeasured_calls": bill.unmeasured_calls,
            "repairs": bill.repairs,
            "server": self._server,
            "dropped": bill.takes.dropped,
            "shown_chars": bill.shown_chars,
        }


def _require_same(first: Judgement, other: Judgement, which: str) -> None:
    """A model of two minds is wrong at least once, and validators hear only one of them."""
    if first == other:
        return
    names = sorted(name for name in {*first.tokens, *other.tokens} if first.tokens.get(name) != other.tokens.get(name))
    about = f"relevance of {', '.join(names)}" if names else f"sentiment {first.sentiment:g} and {other.sentiment:g}"
    raise LLMError(f"{which} contradicts the first: {about}", kind="votes")


def _writable(text: str) -> str:
    """Return the text without the lone surrogates that JSON escapes can bring in and UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
