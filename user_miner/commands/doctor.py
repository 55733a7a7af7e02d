"""``user-miner doctor``: its options and what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from user_miner.options import HotkeyOption, JsonOption, WalletOption, WalletsOption

__all__ = ["doctor"]


def doctor(
    *,
    chain: Annotated[bool, typer.Option("--chain", help="Ask the chain whether the hotkey is registered.")] = False,
    paid: Annotated[bool, typer.Option("--paid", help="Search X and ask the LLM once; both cost money.")] = False,
    llm: Annotated[
        bool,
        typer.Option("--llm", help="Ask the LLM about one post with a known answer; this costs money."),
    ] = False,
    notify: Annotated[bool, typer.Option("--notify", help="Send a test message to NOTIFY_URL.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a support archive (tar.gz) without secrets.")
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout",
            min=0.1,
            max=600,
            metavar="SECONDS",
            help="Time limit for each request to a server, in seconds.",
        ),
    ] = 10.0,
    env_file: Annotated[Path | None, typer.Option(help="Settings file [default: .miner_env]")] = None,
    journal: Annotated[Path | None, typer.Option(help="Where journals live [default: journal]")] = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: Annotated[int | None, typer.Option(min=0, max=65_535, help="Subnet [default: 45]")] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--subtensor.network",
            metavar="NETWORK",
            help="For --chain: finney, test, local, or ws://… [default: finney]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything that a miner needs, and say how to fix it. Each is ok, a warning or a failure.

    Nothing is changed, and nothing is paid without --paid or --llm. Exit code 1 when something failed.
    """
    from user_miner.doctor.doctor import Visit, run_doctor  # noqa: PLC0415

    visit = Visit(
        env_file=env_file,
        flags={
            "journal_dir": journal,
            "wallet_name": wallet_name,
            "wallet_hotkey": wallet_hotkey,
            "wallet_path": wallet_path,
            "netuid": netuid,
            "subtensor_network": network,
        },
        timeout_s=timeout_s,
        chain=chain,
        paid=paid,
        llm=llm,
        notify=notify,
        bundle=bundle,
        as_json=as_json,
    )
    raise typer.Exit(run_doctor(visit))
