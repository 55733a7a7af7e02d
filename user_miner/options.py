"""Arguments that more than one command takes, and what the settings say where none is given: a journal, prices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from events.money import Money

__all__ = [
    "DebugOption",
    "EnvFileOption",
    "HotkeyOption",
    "JournalArgument",
    "JournalsOption",
    "JsonOption",
    "NetuidOption",
    "WalletOption",
    "WalletsOption",
    "finite",
    "named_or_own",
    "own_money",
]


def finite(value: float | None) -> float | None:
    """What an option for a number takes: "inf" is a float to Python, and passes a lower bound."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number, found '{value}'")
    return value


_DEFAULT_ENV_FILE: Final = Path(".miner_env")
_OWN: Final = "[default: JOURNAL_DIR]"

JournalArgument: TypeAlias = Annotated[
    Path | None, typer.Argument(help=f"A journal, or a folder that holds exactly one {_OWN}")
]
JournalsOption: TypeAlias = Annotated[
    Path | None, typer.Option("--journal", help="Where journals live [default: journal]")
]
EnvFileOption: TypeAlias = Annotated[Path | None, typer.Option(help="Settings file [default: .miner_env]")]
WalletOption: TypeAlias = Annotated[str | None, typer.Option("--wallet.name", "-w", help="Wallet [default: default]")]
HotkeyOption: TypeAlias = Annotated[
    str | None, typer.Option("--wallet.hotkey", "-H", help="Hotkey of the wallet [default: default]")
]
WalletsOption: TypeAlias = Annotated[
    Path | None, typer.Option("--wallet.path", help="Wallets [default: ~/.bittensor/wallets]")
]
NetuidOption: TypeAlias = Annotated[int | None, typer.Option(help="Subnet [default: 45]")]
DebugOption: TypeAlias = Annotated[bool, typer.Option("--logging.debug", help="Log more.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON for machines instead of text.")]


def named_or_own(journal: Path | None, env_file: Path | None, *, may_be_damaged: bool = False) -> Path:
    """The journal that was named; else the one that ``run`` writes by the same settings.

    ``may_be_damaged`` is for one in a database, as `user_miner.databases.folder_of` says.

    Raises:
        typer.Exit: The settings are wrong, or there is no such journal; that was said.
    """
    if journal is not None:
        return journal
    from actor.settings.model import JournalPlace, SettingsError, load_part  # noqa: PLC0415  (a named journal needs none of this)
    from user_miner.terminal import fail, in_one_line  # noqa: PLC0415  (as above)

    try:
        place = load_part(JournalPlace, env_file or _DEFAULT_ENV_FILE, required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    found: list[Path] = []

    @in_one_line
    def look() -> int:
        directory = place.journal_dir
        if place.journal_url is not None:
            from user_miner.databases import folder_of  # noqa: PLC0415  (hardly anybody has one)

            directory = folder_of(place.journal_url.get_secret_value(), may_be_damaged=may_be_damaged)
        found.append(_own(directory, place.wallet_name, place.wallet_hotkey, place.wallet_path))
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


def own_money(env_file: Path | None) -> Money:
    """The prices in the settings file, else those that are built in.

    Raises:
        typer.Exit: The settings are wrong; that was said.
    """
    from actor.settings.model import PriceSettings, SettingsError, load_part  # noqa: PLC0415  (hardly any command needs it)
    from user_miner.terminal import fail  # noqa: PLC0415  (as above)

    try:
        found = load_part(PriceSettings, env_file or _DEFAULT_ENV_FILE, required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    return Money(found.prices(), found.worth())
