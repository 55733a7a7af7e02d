"""Which journal a reader reads: the one that is named, the one of a hotkey, that of the settings, or all of them.

Nothing here reads more of a journal than whose it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import orjson
import typer

from actor.machine.history import FoldError
from events.describe import inert_json, path_text, printable
from events.journal import JournalError, SeveralJournalsError, journals_in, locate
from user_miner.terminal import exit_code, fail, in_one_line

__all__ = ["AllOption", "JournalRow", "WhoseOption", "chosen", "over_all"]

WhoseOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--hotkey", metavar="SS58", help="Of several journals that of this hotkey; its first letters do."),
]
AllOption: TypeAlias = Annotated[
    bool, typer.Option("--all", help="A table of all journals in the folder, a line for each.")
]

_DEFAULT_ENV_FILE: Final = Path(".miner_env")


def chosen(journal: Path | None, env_file: Path | None, hotkey: str | None = None) -> Path:
    """The journal that was named, or of several there that of the hotkey; else the one that ``run`` writes.

    Args:
        journal: A journal or a folder of journals; None for JOURNAL_DIR of the settings.
        env_file: The settings file; None for the default.
        hotkey: An ss58 address or its first letters; None for the hotkey of the settings where a choice is needed.

    Raises:
        typer.Exit: The settings are wrong, or there is no such journal; that was said.
    """
    if journal is not None and hotkey is None:
        return journal
    found: list[Path] = []

    @in_one_line
    def look() -> int:
        root, own = _root(journal, env_file)
        if hotkey is not None:
            found.append(locate(root, hotkey))
            return 0
        try:
            found.append(locate(root))
        except SeveralJournalsError as several:
            found.append(_own(root, own, several))
        return 0

    if code := look():
        raise typer.Exit(code)
    return found[0]


def _root(journal: Path | None, env_file: Path | None) -> tuple[Path, Callable[[], str]]:
    """Where journals are, and what tells the settings' hotkey."""
    from actor.settings.model import SettingsError, load_journal_place  # noqa: PLC0415  (a named journal needs none of this)

    def nobody() -> str:
        raise JournalError("no settings were read")

    if journal is not None:
        return journal, nobody
    try:
        place = load_journal_place(env_file or _DEFAULT_ENV_FILE, required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    directory = place.journal_dir
    if place.journal_url is not None:
        from user_miner.databases import folder_of  # noqa: PLC0415  (hardly anybody has one)

        directory = folder_of(place.journal_url.get_secret_value())
    if not directory.exists():
        raise JournalError(
            f"no journal is named, and there is no JOURNAL_DIR {directory.absolute()}, which the first run makes: "
            "name a journal, or the settings with --env-file"
        )

    def own() -> str:
        from actor.edges.hotkey import hotkey_address  # noqa: PLC0415  (as above)

        return hotkey_address(name=place.wallet_name, hotkey=place.wallet_hotkey, path=place.wallet_path)

    return directory, own


def _own(root: Path, own: Callable[[], str], several: SeveralJournalsError) -> Path:
    from actor.edges.hotkey import HotkeyError  # noqa: PLC0415  (as above)

    try:
        return locate(root, own())
    except (HotkeyError, JournalError) as error:
        raise JournalError(f"{several}, for the settings' hotkey does not tell which: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """What a reader says of one journal, among others.

    Attributes:
        cells: For the table.
        fields: For machines; the same as of one journal.
        code: The exit code of this one.
    """

    cells: tuple[str, ...]
    fields: dict[str, Any]
    code: int = 0


def over_all(
    journal: Path | None,
    env_file: Path | None,
    hotkey: str | None,
    heads: Sequence[str],
    look: Callable[[Path], JournalRow],
    *,
    as_json: bool,
    total: Callable[[Sequence[JournalRow]], Sequence[str]] | None = None,
) -> int:
    """Print a line for each journal in the folder; one that cannot be read is a line, too, and spoils no other.

    Args:
        journal: The folder; None for JOURNAL_DIR of the settings.
        env_file: As in `chosen`.
        hotkey: Must be None: all are asked for.
        heads: Titles of the cells behind the hotkey's.
        look: Reads one journal.
        as_json: A line of JSON for each, instead of the table.
        total: Makes the cells of a last line.

    Returns:
        The greatest exit code of any.
    """
    if hotkey is not None:
        return fail("--all and --hotkey exclude each other: leave one of them out", code=2)
    found: list[Path] = []

    @in_one_line
    def collect() -> int:
        found.extend(journals_in(_root(journal, env_file)[0]))
        return 0

    if code := collect():
        return code
    rows: list[JournalRow] = []
    for path in found:
        row = _looked(path, look)
        rows.append(row)
        if as_json:
            sys.stdout.write(inert_json(orjson.dumps(row.fields, option=orjson.OPT_APPEND_NEWLINE).decode()))
    if not as_json:
        lines = [("hotkey", *heads), *((path.name, *row.cells) for path, row in zip(found, rows, strict=True))]
        if total is not None:
            lines.append(("all", *total(rows)))
        sys.stdout.writelines(f"{line}\n" for line in _aligned(lines))
    return max(row.code for row in rows)


def _looked(path: Path, look: Callable[[Path], JournalRow]) -> JournalRow:
    try:
        return look(path)
    except JournalError as error:
        line, code = str(error), exit_code(error)
    except FoldError as error:
        line, code = str(error), 1
    except BrokenPipeError:
        raise
    except OSError as error:
        line, code = f"cannot read {error.filename or path}: {error.strerror or error}", 2
    return JournalRow(cells=(printable(line, 200),), fields={"journal": path_text(path), "finding": line}, code=code)


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """In columns; a line with fewer cells, which tells what is wrong, makes none of them wider."""
    columns = max(map(len, lines))
    whole = [line for line in lines if len(line) == columns]
    widths = [max(len(line[column]) for line in whole) for column in range(columns)]
    widths[0] = max(len(line[0]) for line in lines)
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip() for line in lines]
