"""``user-miner init``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.options import EnvFileOption

__all__ = ["init"]


def init(
    *,
    env_file: EnvFileOption = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting that is no secret; repeatable."),
    ] = None,
    x_bearer_token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File that holds X_BEARER_TOKEN; - for standard input.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File that holds API_KEY; - for standard input.")
    ] = None,
    hotkey_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File that holds HOTKEY_PASSWORD; - for standard input.")
    ] = None,
    wallet_check: Annotated[
        bool, typer.Option("--wallet-check/--no-wallet-check", help="Open the hotkey that the settings name.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a settings file that only you can read. It asks on a terminal, or takes these options."""
    from actor.configuration import DEFAULT_ENV_FILE  # noqa: PLC0415
    from actor.initializing import InitOptions, run_init  # noqa: PLC0415

    options = InitOptions(
        env_file=env_file or DEFAULT_ENV_FILE,
        values=tuple(values or ()),
        secret_files={
            "X_BEARER_TOKEN": x_bearer_token_file,
            "API_KEY": api_key_file,
            "HOTKEY_PASSWORD": hotkey_password_file,
        },
        wallet_check=wallet_check,
        force=force,
    )
    raise typer.Exit(run_init(options))
