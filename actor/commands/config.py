"""``user-miner config``: its options."""

from __future__ import annotations

import typer

from actor.commands.options import (
    DebugOption,
    EnvFileOption,
    HotkeyOption,
    JournalsOption,
    JsonOption,
    NetuidOption,
    WalletOption,
    WalletsOption,
)

__all__ = ["config"]


def config(
    *,
    env_file: EnvFileOption = None,
    journal: JournalsOption = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: NetuidOption = None,
    debug: DebugOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print each setting as `run` would take it. It tells where each is from; secrets stay hidden."""
    from actor.configuration import DEFAULT_ENV_FILE, run_config  # noqa: PLC0415

    flags = {
        "journal_dir": journal,
        "wallet_name": wallet_name,
        "wallet_hotkey": wallet_hotkey,
        "wallet_path": wallet_path,
        "netuid": netuid,
        "log_level": "debug" if debug else None,
    }
    code = run_config(env_file or DEFAULT_ENV_FILE, required=env_file is not None, flags=flags, as_json=as_json)
    raise typer.Exit(code)
