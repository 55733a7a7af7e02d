"""``user-miner subnets``: its commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from actor.commands.options import JsonOption

if TYPE_CHECKING:
    from actor.analyzer import Registry

__all__ = ["subnets"]

EnvFileOption: TypeAlias = Annotated[Path | None, typer.Option(help="Settings file [default: .miner_env]")]
_ENV_FILE: Final = Path(".miner_env")

subnets: Final = typer.Typer(
    help="The list of subnets that posts are matched against.", no_args_is_help=True, rich_markup_mode=None
)


@subnets.command("list")
def list_(*, env_file: EnvFileOption = None, as_json: JsonOption = False) -> None:
    """List the subnets in use, with what else posts call them."""
    from actor.subnet_pages import list_json, list_lines  # noqa: PLC0415

    registry, source, _ = _in_use(env_file)
    typer.echo(list_json(registry, source) if as_json else "\n".join(list_lines(registry, source)))


@subnets.command()
def show(
    subnet: Annotated[str, typer.Argument(metavar="ID_OR_NAME", help="45, SN45 or talisman_ai.")],
    *,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what in a post matches a subnet, and when."""
    from actor.subnet_pages import nearest, show_json, show_lines  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    registry, source, _ = _in_use(env_file)
    found = registry.find(subnet)
    if found is None:
        line = f"there is no subnet {subnet!r} in {source}{nearest(registry, subnet)}: see `user-miner subnets list`"
        raise typer.Exit(fail(line, code=2))
    page = show_json(found, registry, source) if as_json else "\n".join(show_lines(found, registry, source))
    typer.echo(page)


@subnets.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A list of subnets [default: the one in use]")] = None,
    *,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a list of subnets as every start does.

    Exit code 1 and one line tell that it cannot be used.
    """
    from actor.analyzer import RegistryError, load_registry  # noqa: PLC0415
    from actor.subnet_pages import state_json, state_line  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    if file is None:
        registry, source, _ = _in_use(env_file, code=1)
    elif not file.exists():
        raise typer.Exit(fail(f"there is no file {file}", code=2))
    else:
        try:
            registry, source = load_registry(file), str(file)
        except RegistryError as error:
            raise typer.Exit(fail(str(error), code=1)) from None
    typer.echo(state_json(registry, source) if as_json else state_line(registry, source))


@subnets.command()
def refresh(
    *,
    network: Annotated[
        str, typer.Option("--subtensor.network", metavar="NETWORK", help="finney, test, local, or ws://… of a node.")
    ] = "finney",
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, metavar="SECONDS", help="For the whole answer.")
    ] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the subnets' names from the chain.

    They are written to SUBNETS_FILE, with all that the list in use knows of these subnets. Validators compare names:
    use the chain's once they do.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from actor.edges.chain import BittensorChain, NetworkError  # noqa: PLC0415
    from actor.edges.clock import SystemClock  # noqa: PLC0415
    from actor.refreshing import run_refresh  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    registry, _, file = _in_use(env_file, may_lack=True)
    try:
        chain = BittensorChain(network=network, timeout_s=timeout_s)
    except NetworkError as error:
        raise typer.Exit(fail(f"--subtensor.network: {error}", code=2)) from None
    today = datetime.fromtimestamp(SystemClock().now_ms() / 1000, tz=UTC).date()
    raise typer.Exit(
        run_refresh(chain, network=network, base=registry, file=file, today=today, dry_run=dry_run, as_json=as_json)
    )


def _in_use(env_file: Path | None, *, code: int = 2, may_lack: bool = False) -> tuple[Registry, str, Path]:
    """The list in use, in words where it is from, and the file that would replace it, which may be missing yet."""
    from actor.analyzer import RegistryError, load_registry  # noqa: PLC0415
    from actor.settings import SettingsError, load_analyzer_settings  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    try:
        settings = load_analyzer_settings(env_file or _ENV_FILE, required=env_file is not None)
        lacks = may_lack and not settings.subnets_file.exists()
        registry = load_registry() if lacks else settings.registry()
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    except RegistryError as error:
        raise typer.Exit(fail(str(error), code=code)) from None
    return (
        registry,
        "the built-in list" if settings.uses_built_in() else str(settings.subnets_file),
        settings.subnets_file,
    )
