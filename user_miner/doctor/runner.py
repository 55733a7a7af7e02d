"""Runs probes at the same time, each within its own limit. A probe that breaks becomes a line of the report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from actor.edges.text import safe_line
from user_miner.doctor.report import Check, failure

__all__ = ["Probe", "run_probes"]

_LONGEST: Final = 600
_SYSTEM: Final = "fix what the system reports here, and check that the working directory still exists"
_OURS: Final = "this is a fault of user-miner: report it, with the file that --bundle makes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing to look at.

    Attributes:
        name: Of its lines, where it does not come to any.
        limit_s: It is given up after so long.
        look: Looks; what it raises becomes a failure.
        late: What to do when it is given up.
        after: Name of the probe whose end it waits for; the limit counts from there. Empty for none.
    """

    name: str
    limit_s: float
    look: Callable[[], Awaitable[Sequence[Check]]]
    late: str
    after: str = ""


async def run_probes(
    probes: Sequence[Probe], *, redact: Callable[[str], str], on_done: Callable[[int, int], None]
) -> list[Check]:
    """What all of them found, in their order, each text one line without secrets.

    Args:
        probes: One that waits for another stands behind it.
        redact: Takes the secrets out of a text.
        on_done: Told after each one how many of how many are done.
    """
    tasks: dict[str, asyncio.Task[list[Check]]] = {}
    done = 0

    def count(task: asyncio.Task[list[Check]]) -> None:
        nonlocal done
        if task.cancelled():
            return
        done += 1
        on_done(done, len(probes))

    for probe in probes:
        task = asyncio.create_task(_run(probe, tasks.get(probe.after)))
        task.add_done_callback(count)
        tasks[probe.name] = task
    found = await asyncio.gather(*tasks.values())
    return [_clean(check, redact) for checks in found for check in checks]


async def _run(probe: Probe, first: asyncio.Task[list[Check]] | None) -> list[Check]:
    if first is not None:
        await asyncio.wait({first})
    look = asyncio.ensure_future(probe.look())
    # Not asyncio.timeout: what does not heed its cancellation is left behind.
    await asyncio.wait({look}, timeout=probe.limit_s)
    if not look.done():
        look.cancel()
        return [failure(probe.name, f"no result within {probe.limit_s:g} s", probe.late)]
    if (error := look.exception()) is None:
        return list(look.result())
    broke = f"could not be checked: {type(error).__name__}: {error}"
    return [failure(probe.name, broke, _SYSTEM if isinstance(error, OSError) else _OURS)]


def _clean(check: Check, redact: Callable[[str], str]) -> Check:
    found, fix = (safe_line(text, redact, _LONGEST) for text in (check.found, check.fix))
    return replace(check, found=found, fix=fix)
