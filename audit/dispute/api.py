"""Which API a post's records speak of, and whether what is signed covers that. Pure.

The first record names an API, and each move another one. A move is never left out, so from the search on all
are shown; before it one may be missing, unless every record since the last one that names an API is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from audit.dispute.life import Told
from events import catalogue as ev

__all__ = ["ApiTold", "api_told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTold:
    """What the records shown say of the API.

    Attributes:
        before: Those named before the search, in order; the last one counted then, as far as is shown.
        after: Those that the journal was moved to from then on.
        covered: No move before the search can be missing.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    covered: bool = False


def api_told(read: Iterable[Told], search: int, signed: Collection[int]) -> ApiTold:
    """What these records say; ``search`` is the number of the search's record, ``signed`` are those signed for."""
    named = [(r.seq, e.api_url) for r, e in read if isinstance(e, ev.JournalCreated | ev.ApiMoved)]
    last = max((seq for seq, _ in named if seq < search), default=None)
    return ApiTold(
        before=tuple(url for seq, url in named if seq < search),
        after=tuple(url for seq, url in named if seq > search),
        covered=last is not None and all(seq in signed for seq in range(last, search)),
    )
