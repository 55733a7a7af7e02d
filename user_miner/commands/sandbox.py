"""``user-miner sandbox``: the stand-ins, and the environment that points a miner at them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from user_miner.options import finite

__all__ = ["run_sandbox", "sandbox"]


def sandbox(
    *,
    block_seconds: Annotated[float, typer.Option(min=0.001, callback=finite, help="Seconds for each block.")] = 12.0,
    blocks_per_window: Annotated[int, typer.Option(min=1, help="Blocks for each window.")] = 100,
    max_submissions: Annotated[int, typer.Option(min=0, help="Accepted posts for each window.")] = 5,
    posts_per_minute: Annotated[
        float, typer.Option(min=0, callback=finite, help="How fast new posts appear at X.")
    ] = 6.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the coordination API; 0 for any.")] = 8001,
    seed: Annotated[int, typer.Option(help="Seed of the posts and faults.")] = 45,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="ROUTE:FAULT=RATE, for example api.submit:500=0.1; repeatable. --fault list prints them."),
    ] = None,
    llm_like: Annotated[
        str, typer.Option(metavar="NAME", help="The kind of LLM server to imitate; `list` prints them.")
    ] = "",
) -> None:
    """Serve stand-ins for X, the LLM and the coordination API. On loopback; it prints how to use them."""
    raise typer.Exit(
        run_sandbox(
            block_seconds=block_seconds,
            blocks_per_window=blocks_per_window,
            max_submissions=max_submissions,
            posts_per_minute=posts_per_minute,
            port=port,
            seed=seed,
            faults=fault or [],
            llm_like=llm_like,
        )
    )


def run_sandbox(
    *,
    block_seconds: float,
    blocks_per_window: int,
    max_submissions: int,
    posts_per_minute: float,
    port: int,
    seed: int,
    faults: Sequence[str],
    llm_like: str = "",
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    try:
        from sandbox import FAULTS, PERSONALITIES, Sandbox, SandboxConfig, environment_text, serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        from actor.settings.extras import install_hint  # noqa: PLC0415  (only for a refusal)

        return _refuse(f"the sandbox needs {error.name}, which is not installed: {install_hint('sandbox')}")
    listed = [f"{name}  {like.about}" for name, like in PERSONALITIES.items()] if llm_like == "list" else []
    if "list" in faults:
        listed += [f"{route}:{name}  {meaning}" for route, names in FAULTS.items() for name, meaning in names.items()]
    if listed:
        print("\n".join(listed))  # noqa: T201
        return 0
    try:
        config = SandboxConfig(
            seed=seed,
            seconds_per_block=block_seconds,
            blocks_per_window=blocks_per_window,
            max_submissions=max_submissions,
            posts_per_minute=posts_per_minute,
            api_port=port,
            rates=_rates(faults),
            llm_like=llm_like,
        )
    except ValueError as error:
        wrong = "--fault" if llm_like in {"", *PERSONALITIES} else "--llm-like"
        return _refuse(f"{wrong}: {error}")

    def ready(box: Sandbox) -> None:
        print(environment_text(box.env()), flush=True)  # noqa: T201
        print("# Stand-ins are up. Put these lines into a settings file of their own; Ctrl-C ends.", file=sys.stderr)  # noqa: T201

    try:
        serve(config, ready=ready)
    except OSError as error:
        return _refuse(f"--port: {error.strerror or error}")
    print("# The stand-ins are stopped.", file=sys.stderr)  # noqa: T201
    return 0


def _rates(faults: Sequence[str]) -> dict[str, dict[str, float]]:
    rates: dict[str, dict[str, float]] = {}
    for text in faults:
        route, _, rest = text.partition(":")
        name, equals, rate = rest.partition("=")
        try:
            rates.setdefault(route, {})[name] = float(rate if equals else "")
        except ValueError:
            raise ValueError(f"expected ROUTE:FAULT=RATE like api.submit:500=0.1, found {text!r}") from None
    return rates


def _refuse(line: str) -> int:
    print(f"user-miner: {line}", file=sys.stderr)  # noqa: T201
    return 2
