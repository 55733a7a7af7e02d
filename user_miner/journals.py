"""Which journal a reader reads when none is named: the one that ``run`` writes by the same settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

__all__ = ["named_or_own"]

_DEFAULT_ENV_FILE: Final = Path(".miner_env")


def named_or_own(journal: Path | None, env_file: Path | None) -> Path:
    """The journal that was named; else the one in JOURNAL_DIR, and of several that of the settings' hotkey.

    Raises:
        typer.Exit: The settings are wrong, or there is no such journal; that was said.
    """
    if journal is not None:
        return journal
    from actor.settings.model import SettingsError, load_journal_place  # noqa: PLC0415  (a named journal needs none of this)
    from user_miner.terminal import fail, in_one_line  # noqa: PLC0415  (as above)

    try:
        place = load_journal_place(env_file or _DEFAULT_ENV_FILE, required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    found: list[Path] = []

    @in_one_line
    def look() -> int:
        found.append(_own(place.journal_dir, place.wallet_name, place.wallet_hotkey, place.wallet_path))
        return 0

    if code := look():
        raise typer.Exit(code)
    return found[0]


def _own(directory: Path, wallet: str, hotkey: str, wallets: Path) -> Path:
    from actor.edges.hotkey import HotkeyError, hotkey_address  # noqa: PLC0415  (as above)
    from events.journal import JournalError, SeveralJournalsError, locate  # noqa: PLC0415  (as above)

    if not directory.exists():
        raise JournalError(
            f"no journal is named, and there is no JOURNAL_DIR {directory.absolute()}, which the first run makes: "
            "name a journal, or the settings with --env-file"
        )
    try:
        return locate(directory)
    except SeveralJournalsError as several:
        try:
            return locate(directory, hotkey_address(name=wallet, hotkey=hotkey, path=wallets))
        except (HotkeyError, JournalError) as error:
            raise JournalError(f"{several}, for the settings' hotkey does not tell which: {error}") from error
