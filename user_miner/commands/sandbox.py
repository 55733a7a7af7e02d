"""``user-miner sandbox``: the stand-ins, and the environment that points a miner at them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["run_sandbox"]


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
        print("# Stand-ins are up. Put these lines into .miner_env; Ctrl-C ends.", file=sys.stderr)  # noqa: T201

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
