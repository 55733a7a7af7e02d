"""Arguments that more than one command takes, and the prices of the settings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from events.money import Money

__all__ = [
    "ChainTimeoutOption",
    "DebugOption",
    "EnvFileOption",
    "HotkeyOption",
    "JournalArgument",
    "JournalsOption",
    "JsonOption",
    "NetuidOption",
    "NetworkOption",
    "WalletOption",
    "WalletsOption",
    "finite",
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
    Path | None, typer.Argument(help=f"A journal, a folder of journals, or the URL of a database {_OWN}")
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
NetworkOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--subtensor.network", metavar="NETWORK", help="finney, test, local, or ws://… [default: finney]"),
]
ChainTimeoutOption: TypeAlias = Annotated[
    float, typer.Option("--timeout", min=0.1, max=3600, metavar="SECONDS", help="For the whole answer.")
]
DebugOption: TypeAlias = Annotated[bool, typer.Option("--logging.debug", help="Log more.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON for machines instead of text.")]


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
