"""Journals in a database, for commands that read folders: they get the folder of an up-to-date copy.

The one place where a reader opens a database: a command line's URL, or the settings' own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from events.journal import JournalError
from events.journal.postgres.address import Address, is_address
from user_miner.terminal import exit_code, fail, note

__all__ = ["as_folders", "as_kept", "folder_of", "needs_driver"]


def as_folders(words: Sequence[str]) -> list[str]:
    """The words of a command line, with a folder in the place of each URL of a database.

    Raises:
        SystemExit: A database cannot be read; that was said.
    """
    try:
        return [_as_folder(word, may_be_damaged=words[0] == "verify") for word in words]
    except JournalError as error:
        raise SystemExit(fail(str(error), code=exit_code(error))) from None


def folder_of(url: str, *, may_be_damaged: bool = False) -> Path:
    """The folder of a database's journals, or of the one that is named behind #.

    With ``may_be_damaged`` it ends where a journal does not go on, and `as_kept` shows what is there.

    Raises:
        JournalError: There is none, or psycopg is not installed.
    """
    with needs_driver():
        from events.journal.postgres.mirror import opened  # noqa: PLC0415  (loads the driver)

        return opened(Address.parse(url), on_trouble=note, may_be_damaged=may_be_damaged)


@contextmanager
def needs_driver() -> Iterator[None]:
    """What is loaded within is an extra; without it there is a JournalError that says how to get it."""
    try:
        yield
    except ImportError as error:
        from actor.settings.extras import install_hint  # noqa: PLC0415  (hardly ever needed)

        raise JournalError(
            f"a journal in a database needs the package psycopg, which is not installed: {install_hint('postgres')}"
        ) from error


@contextmanager
def as_kept(journal: Path) -> Iterator[Path]:
    """The journal as it is kept: of a copy what the database has now, right or wrong."""
    mirror = sys.modules.get("events.journal.postgres.mirror")
    if mirror is None:
        yield journal
        return
    with mirror.verbatim(journal) as folder:
        yield folder


def _as_folder(word: str, *, may_be_damaged: bool) -> str:
    name, equals, value = word.partition("=")
    if name.startswith("--") and equals and is_address(value):
        return f"{name}={folder_of(value, may_be_damaged=may_be_damaged)}"
    return str(folder_of(word, may_be_damaged=may_be_damaged)) if is_address(word) else word
