"""``user-miner repair``: say what a damaged journal still holds; with --accept-loss go on in a new one.

The old journal is evidence and is never written. The new one holds its good records byte for byte, then GapDeclared.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from actor.edges.clock import SystemClock
from actor.machine import State, fold, step
from actor.machine.history import FoldError
from actor.ports import Clock
from events.catalogue import GapDeclared
from events.describe import printable
from events.journal import Draft, FileJournal, JournalError, JournalReader, Record, locate
from events.journal.repair import Damage, copy_prefix, gap_of, survey
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument
from user_miner.terminal import exit_code, fail, tell

__all__ = ["repair", "run_repair"]


def repair(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Write a new journal that declares the gap; the old one stays.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The new journal [default: JOURNAL.repaired]")] = None,
    env_file: EnvFileOption = None,
) -> None:
    """Show what a damaged journal still holds. With --accept-loss go on in a new one."""
    raise typer.Exit(run_repair(chosen(journal, env_file, hotkey), accept_loss=accept_loss, out=out))


_LONGEST_LINE: Final = 20_000  # a line to copy holds four paths


def run_repair(directory: Path, *, accept_loss: bool, out: Path | None, clock: Clock | None = None) -> int:
    """Describe the damage, and repair into ``out`` when the loss is accepted.

    0 when repaired, or whole and such that this build follows it; 1 if not. ``clock`` dates the gap; None is this
    host's.
    """
    try:
        journal, damage = _look(directory)
        if damage is None:
            _follow(journal, "the chain is whole, but this build cannot follow the records")
            _say(f"{journal} needs no repair: `user-miner run` opens it")
            return 0
        gap = gap_of(damage)
        _describe(journal, damage, gap)
        if not accept_loss:
            _say("nothing was changed; `--accept-loss` writes a new journal that declares this gap")
            return 1
        target = out or journal.with_name(f"{journal.name}.repaired")
        seq = _write(journal, target, damage, gap, (clock or SystemClock()).now_ms())
    except JournalError as error:
        return fail(str(error), code=exit_code(error))
    except FoldError as error:
        return fail(str(error), code=1)
    except OSError as error:
        return fail(f"the new journal could not be written: {error}; remove it and try again", code=1)
    _say(f"{target} holds records 1 to {damage.place.head.seq} as they were, and the gap as record {seq}")
    _say(f"to go on with it:  mv {journal} {journal}.damaged && mv {target} {journal}")
    return 0


def _look(directory: Path) -> tuple[Path, Damage | None]:
    try:
        journal = locate(directory)
        return journal, survey(journal)
    except OSError as error:
        raise JournalError(f"cannot read {error.filename or directory}: {error.strerror}") from error


def _say(line: str) -> None:
    tell(printable(line, _LONGEST_LINE) + "\n")  # a reason may quote the damaged bytes


def _describe(journal: Path, damage: Damage, gap: GapDeclared) -> None:
    known = gap.salvage
    posts = sum(len(ids) for ids in known.seen.values())
    _say(f"damaged behind byte {damage.place.offset} of {journal / damage.place.segment}: {damage.reason}")
    _say(f"good: records 1 to {damage.place.head.seq}; behind them {damage.lost_bytes} bytes")
    _say(
        f"of those, {known.records} records can still be read, out of the chain: {posts} posts known as chosen, "
        f"{len(known.settled)} of them with a verdict ({known.accepted} accepted), newest window {known.window}"
    )


def _write(journal: Path, target: Path, damage: Damage, gap: GapDeclared, at_ms: int) -> int:
    if damage.place.head.seq == 0:
        raise JournalError(
            f"not even the first record of {journal} is whole, so whose journal it is cannot be proved: "
            "move it away and start a new one"
        )
    copy_prefix(journal, target, damage.place)
    state = _follow(target, "this build cannot follow the good records")
    return asyncio.run(_declare(target, state, gap, at_ms)).seq


def _follow(journal: Path, refusal: str) -> State:
    try:
        return fold(JournalReader(journal))
    except ValueError as error:
        raise FoldError(f"{refusal}: {error}; use the build that wrote them") from error


async def _declare(target: Path, state: State, gap: GapDeclared, at_ms: int) -> Record:
    store = FileJournal(target, on_warning=_say)
    await store.take(reducer=0)
    try:
        after = step(state, gap, at_ms)
        draft = Draft(at_ms=at_ms, event=gap, source=state.state, dest=after.state)
        return await store.append(draft, witness=True)
    finally:
        await store.release()
