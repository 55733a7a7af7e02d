"""Which index a question gets: the one that is kept, one that is made now, or none. Never writes into the journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from actor.machine.history import FoldError
from audit.index.bound import cache_file, first_hash, fold_key
from audit.index.index import SPOILED, Index
from audit.index.store import remove
from events.journal import JournalError
from events.journal.layout import list_segments

__all__ = ["begin_index", "open_index"]

_LEAST_BYTES: Final = 256 << 10


def open_index(
    journal: Path,
    *,
    build: bool = True,
    reach_bytes: int | None = None,
    on_note: Callable[[str], None] = lambda _line: None,
    on_progress: Callable[[int], None] = lambda _seq: None,
) -> Index | None:
    """The index of a journal, up to the journal's last record.

    Args:
        journal: The journal's folder.
        build: Whether to make one where there is none yet.
        reach_bytes: Use none that ends so much before the journal; None for no limit.
        on_note: Told in one line of an index that was thrown away.
        on_progress: Told now and then which record is read.

    Returns:
        None where there is no index: no place to keep it, a journal that is damaged or that this build does not follow,
        one of less than 256 KiB, or none was there and none was to be built. The journal itself is to be asked then.
    """
    first = first_hash(journal)
    path = None if first is None else cache_file(first)
    if first is None or path is None or not (path.exists() or (build and _is_long(journal))):
        return None
    for _ in range(2):
        index: Index | None = None
        try:
            index = Index(journal, path, _key(first))
            if (index.chunks or build) and (reach_bytes is None or index.behind_bytes <= reach_bytes):
                index.follow(on_progress)
                found, index = index, None
                return found
        except (JournalError, FoldError):
            return None  # the journal's own fault, which whoever reads it tells better
        except SPOILED as error:
            if not _thrown_away(path, error, on_note):
                return None
        else:
            return None
        finally:
            if index is not None:
                index.close()
    return None


def begin_index(journal: Path, *, kept: bool = True, on_note: Callable[[str], None] = lambda _line: None) -> Index:
    """An index as far as it is there, for `Index.follow` to take in the rest: always one, of any journal.

    Args:
        journal: The journal's folder.
        kept: Use the one that is kept, and keep what is read. Else, or where none can be kept or the journal is short,
            it is gone when it is closed.
        on_note: Told in one line of an index that was thrown away.
    """
    first = first_hash(journal) if kept else None
    path = None if first is None else cache_file(first)
    while first is not None and path is not None and (path.exists() or _is_long(journal)):
        try:
            return Index(journal, path, _key(first))
        except (JournalError, FoldError):
            break  # `Index.follow` tells of it
        except SPOILED as error:
            if not _thrown_away(path, error, on_note):
                break
    return Index(journal, None, fold_key())


def _key(first: str) -> bytes:
    return bytes(a ^ b for a, b in zip(fold_key(), bytes.fromhex(first), strict=True))


def _is_long(journal: Path) -> bool:
    """Whether the journal is long enough for an index to save anything."""
    try:
        return sum((journal / name).stat().st_size for name in list_segments(journal)) >= _LEAST_BYTES
    except (JournalError, OSError):
        return False


def _thrown_away(path: Path, error: Exception, on_note: Callable[[str], None]) -> bool:
    """Throw the file away; whether there was one that can be built again."""
    try:
        was = path.exists() and path.stat().st_size > 0  # empty where the disk is full
        remove(path)
    except OSError:
        return False
    if was:
        on_note(f"the index {path} is thrown away and built again: {error}")
    return was
