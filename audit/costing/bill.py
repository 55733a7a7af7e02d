"""A bill: what was paid for, in units; prices turn it into money. Bills add up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from events.catalogue import Spent
from events.value import Value, changed

__all__ = ["Asked", "Bill"]

_NOTHING: Final = Spent()


class Asked(Value, frozen=True, kw_only=True):
    """What one model was asked for, and took."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Asked) -> Asked:
        """Both together."""
        return Asked(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Bill(Value, frozen=True, kw_only=True):
    """What some records tell.

    Attributes:
        windows: Windows that were begun.
        searches: Searches that X answered.
        failed_searches: Searches that failed.
        held: Windows that a budget did not allow to be searched.
        requests: Requests of the answered searches.
        analyses: Analyses with a record, failed ones too.
        failed_analyses: Those that failed.
        reused: Those for which the answer about the same text was on record; they cost nothing.
        models: What each LLM was asked for.
        unmeasured_calls: Calls whose server told no tokens, or not all; they are missing in the sums.
        repairs: Calls that asked again because an answer could not be used.
        accepted: Posts that the API took; in a dry run, those that would have been sent.
        paid: What the records of answers tell.
        untold_calls: Calls of LLMs whose tokens no record tells: unmeasured ones, and those lost in a kill or a crash.
        perhaps: What may have been billed beside them: of X at most; of LLMs a reckoning and no bound, each untold call
            as the dearest analysis of its day.
        starts: Starts into a window whose work was under way.
        saved_searches: Searches that those starts did not repeat.
        saved_analyses: Likewise analyses.
        saved: What these had cost.
        gaps: Declared gaps; what was paid in them is known only as far as their records could be read.
        confirmed: Posts that validators confirm, as far as they told. One that becomes disputed is taken off again.
        refused: Likewise posts that they refuse.
        disputed: Likewise posts on which they disagree.
        scored: Stretches of blocks for which a score was told.
        earned: Sum of these scores, each the mean over validators.
    """

    windows: int = 0
    searches: int = 0
    failed_searches: int = 0
    held: int = 0
    requests: int = 0
    analyses: int = 0
    failed_analyses: int = 0
    reused: int = 0
    models: Mapping[str, Asked] = {}
    unmeasured_calls: int = 0
    repairs: int = 0
    accepted: int = 0
    paid: Spent = _NOTHING
    untold_calls: int = 0
    perhaps: Spent = _NOTHING
    starts: int = 0
    saved_searches: int = 0
    saved_analyses: int = 0
    saved: Spent = _NOTHING
    gaps: int = 0
    confirmed: int = 0
    refused: int = 0
    disputed: int = 0
    scored: int = 0
    earned: float = 0.0

    def __add__(self, other: Bill) -> Bill:
        """Both together."""
        sums: dict[str, Any] = {
            name: getattr(self, name) + more
            for name in _SUMMED
            if (more := getattr(other, name)) and more is not _NOTHING
        }
        if other.models:
            models = {name: self.models.get(name, Asked()) + asked for name, asked in other.models.items()}
            sums["models"] = {**self.models, **models}
        return changed(self, **sums)

    @property
    def calls(self) -> int:
        """Calls of all models."""
        return sum(asked.calls for asked in self.models.values())


_SUMMED: Final = tuple(name for name in Bill.__struct_fields__ if name != "models")
