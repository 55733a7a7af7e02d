"""``user-miner earnings``: how the hotkey stands on its subnet and what it earns, asked of the chain. Reads only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from actor.analyzer.refresh import ChainError
from actor.edges.threads import run_loop
from events.catalogue import ChainPolled
from events.describe import inert_json
from events.prices import Worth
from user_miner.options import (
    ChainTimeoutOption,
    EnvFileOption,
    HotkeyOption,
    JsonOption,
    NetworkOption,
    WalletOption,
    WalletsOption,
)
from user_miner.terminal import fail, interruptible, tell

__all__ = ["earnings", "run_earnings"]

_ENV_FILE: Final = Path(".miner_env")


def earnings(
    *,
    network: NetworkOption = None,
    timeout_s: ChainTimeoutOption = 60.0,
    env_file: EnvFileOption = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: Annotated[int | None, typer.Option(min=0, max=65_535, help="Subnet [default: 45]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the hotkey earns, by the chain. It also tells its rank, and how safe its place on the subnet is."""
    from actor.edges.chain import BittensorChain, NetworkError  # noqa: PLC0415
    from actor.edges.hotkey import HotkeyError, hotkey_address  # noqa: PLC0415
    from actor.settings.model import ChainSettings, SettingsError, load_part  # noqa: PLC0415

    flags = {"wallet_name": wallet_name, "wallet_hotkey": wallet_hotkey, "wallet_path": wallet_path, "netuid": netuid}
    try:
        found = load_part(
            ChainSettings, env_file or _ENV_FILE, required=env_file is not None, subtensor_network=network, **flags
        )
        hotkey = hotkey_address(name=found.wallet_name, hotkey=found.wallet_hotkey, path=found.wallet_path)
        chain = BittensorChain(network=found.subtensor_network, timeout_s=timeout_s)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    except HotkeyError as error:
        raise typer.Exit(fail(str(error), code=2)) from None
    except NetworkError as error:
        raise typer.Exit(fail(f"SUBTENSOR_NETWORK: {error}", code=2)) from None

    def ask() -> Awaitable[ChainPolled]:
        return chain.standing(netuid=found.netuid, hotkey=hotkey)

    raise typer.Exit(run_earnings(ask, hotkey=hotkey, netuid=found.netuid, worth=found.worth(), as_json=as_json))


def run_earnings(
    ask: Callable[[], Awaitable[ChainPolled]], *, hotkey: str, netuid: int, worth: Worth, as_json: bool
) -> int:
    """Print what the chain tells; 1 when it tells nothing, or that the hotkey has no place on the subnet."""

    async def answer() -> ChainPolled:
        return await ask()

    try:
        with interruptible(lambda: "the chain has not answered yet"):
            told = run_loop(answer())
    except ChainError as error:
        fix = "correct NETUID" if error.kind == "no_subnet" else "try again, or another node with --subtensor.network"
        return fail(f"{error}: {fix}", code=1)
    if told.uid is None and not as_json:
        fix = f"register it (`btcli subnet register --netuid {netuid}`), or set WALLET_HOTKEY to one that is"
        return fail(f"hotkey {hotkey} is not registered on netuid {netuid} at block {told.block}: {fix}", code=1)
    tell(
        _json(told, hotkey, netuid, worth)
        if as_json
        else "".join(f"{line}\n" for line in _lines(told, hotkey, netuid, worth))
    )
    return 0 if told.uid is not None else 1


def _lines(told: ChainPolled, hotkey: str, netuid: int, worth: Worth) -> Iterator[str]:
    yield f"hotkey     {hotkey}, uid {told.uid} on netuid {netuid}, at block {told.block}"
    yield f"rank       {told.rank} of {told.miners} miners, incentive {told.incentive:.5f}"
    yield f"earns      {told.alpha_per_day:.3f} alpha a day, by its last epoch{_in_tao(told)}{_in_usd(told, worth)}"
    yield f"place      {_place(told)}"


def _in_tao(told: ChainPolled) -> str:
    tao = told.tao_per_day
    return "" if tao is None else f"; {tao:.4f} TAO at the pool's price of {told.tao_per_alpha:.6f}"


def _in_usd(told: ChainPolled, worth: Worth) -> str:
    usd = worth.usd(told.alpha_per_day, told.tao_per_day)
    return "; set TAO_USD or ALPHA_USD to see dollars" if usd is None else f"; ${usd:.4f}"


def _place(told: ChainPolled) -> str:
    if told.immune_blocks:
        return f"safe for {told.immune_blocks} blocks more, because it is new"
    if told.places_before is None:
        return "safe: it is the subnet owner's"
    warning = "about to be deregistered: " if told.is_at_risk else ""
    return f"{warning}{told.places_before} hotkeys can register before it is the next one to be given away"


def _json(told: ChainPolled, hotkey: str, netuid: int, worth: Worth) -> str:
    fields: dict[str, Any] = {
        "hotkey": hotkey,
        "netuid": netuid,
        **{name: getattr(told, name) for name in told.__struct_fields__},
        "tao_per_day": told.tao_per_day,
        "usd_per_day": worth.usd(told.alpha_per_day, told.tao_per_day),
        "at_risk": told.is_at_risk,
    }
    return f"{inert_json(json.dumps(fields))}\n"
