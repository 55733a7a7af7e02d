"""``user-miner subnets list``, ``show`` and ``check``: the list of subnets in use, one subnet of it, and a file of one.

Reads only. Names may come from a file that strangers had a part in, so nothing is printed that could steer a
terminal.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from actor.analyzer import Registry, RegistryError, Subnet, load_registry
from actor.analyzer.refresh import Chain, ChainError, Change, refreshed
from actor.analyzer.registry import USES, Use
from actor.analyzer.registry_file import registry_text
from actor.edges.threads import run_loop
from audit.errors import UsageError
from events.describe import inert_json, printable
from user_miner.options import ChainTimeoutOption, JsonOption, NetworkOption
from user_miner.output import whole_file
from user_miner.terminal import fail, interruptible

if TYPE_CHECKING:
    from actor.analyzer import Registry

__all__ = [
    "check",
    "list_",
    "list_json",
    "list_lines",
    "nearest",
    "refresh",
    "run_refresh",
    "show",
    "show_json",
    "show_lines",
    "state_json",
    "state_line",
    "subnets",
    "write_whole",
]

EnvFileOption: TypeAlias = Annotated[Path | None, typer.Option(help="Settings file [default: .miner_env]")]
_ENV_FILE: Final = Path(".miner_env")

subnets: Final = typer.Typer(
    help="Show or refresh the list of subnets that posts are matched against.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@subnets.command("list")
def list_(*, env_file: EnvFileOption = None, as_json: JsonOption = False) -> None:
    """List the subnets in use, with what else posts call them."""
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
    from user_miner.terminal import fail  # noqa: PLC0415

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
    from user_miner.terminal import fail  # noqa: PLC0415

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
    network: NetworkOption = None,
    timeout_s: ChainTimeoutOption = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, but write nothing.")] = False,
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
    from user_miner.terminal import fail  # noqa: PLC0415

    registry, _, file = _in_use(env_file, may_lack=True)
    try:
        chain = BittensorChain(network=_network(env_file, network), timeout_s=timeout_s)
    except NetworkError as error:
        raise typer.Exit(fail(f"--subtensor.network: {error}", code=2)) from None
    today = datetime.fromtimestamp(SystemClock().now_ms() / 1000, tz=UTC).date()
    raise typer.Exit(
        run_refresh(chain, network=chain.name, base=registry, file=file, today=today, dry_run=dry_run, as_json=as_json)
    )


def _network(env_file: Path | None, named: str | None) -> str:
    """The one that was named, else that of the settings."""
    from actor.settings.model import NetworkSettings, SettingsError, load_part  # noqa: PLC0415

    try:
        found = load_part(
            NetworkSettings, env_file or _ENV_FILE, required=env_file is not None, subtensor_network=named
        )
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    return found.subtensor_network


def _in_use(env_file: Path | None, *, code: int = 2, may_lack: bool = False) -> tuple[Registry, str, Path]:
    """The list in use, in words where it is from, and the file that would replace it, which may be missing yet."""
    from actor.analyzer import RegistryError, load_registry  # noqa: PLC0415
    from actor.settings.model import AnalyzerSettings, SettingsError, load_part  # noqa: PLC0415
    from user_miner.terminal import fail  # noqa: PLC0415

    try:
        settings = load_part(AnalyzerSettings, env_file or _ENV_FILE, required=env_file is not None)
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


_WIDTH: Final = 100
_WHEN: Final[dict[Use, str]] = {
    "alone": "always: nothing else bears this name",
    "context": "in a post that speaks of Bittensor, where it is no part of a handle, an address or a hyphenated word",
    "named": "in such a post, where it stands as a name: after $, beside the word subnet, or with a telling capital",
    "hint": "never: it makes the subnet a candidate",
    "other": "never: somebody else's name",
}


def state_line(registry: Registry, source: str) -> str:
    without = sum(not subnet.functions for subnet in registry.subnets)
    return printable(
        f"{source}: {len(registry)} subnets as of {registry.as_of.isoformat()}, {without} of them without functions",
        400,
    )


def state_json(registry: Registry, source: str) -> str:
    without = [subnet.id for subnet in registry.subnets if not subnet.functions]
    return _json(
        {
            "source": source,
            "as_of": registry.as_of.isoformat(),
            "subnets": len(registry),
            "without_functions": without,
        }
    )


def list_lines(registry: Registry, source: str) -> Iterator[str]:
    yield state_line(registry, source)
    for subnet in registry.subnets:
        many = f"{len(subnet.functions)} functions" if subnet.functions else "-"
        names = ", ".join(
            identifier.text for identifier in subnet.identifiers if identifier.use not in {"hint", "other"}
        )
        yield printable(f"{subnet.id:>4}  {subnet.name:<28} {many:<12} {names}", _WIDTH + 20).rstrip()


def show_lines(subnet: Subnet, registry: Registry, source: str) -> Iterator[str]:
    """What is known of a subnet, and what in a post matches it, and when."""
    yield printable(f"SN{subnet.id} {subnet.name}, of {source} as of {registry.as_of.isoformat()}", 400)
    number = subnet.id
    yield ""
    yield "named outright by"
    yield f"  SN{number}, sn {number}, #SN{number}, subnet {number}, netuid {number}, subnets … and {number}"
    yield "      always, as a whole number"
    for use in USES:
        texts = [identifier.text for identifier in subnet.identifiers if identifier.use == use]
        if texts:
            yield printable(f"  {', '.join(texts)}", 1_000)
            yield f"      {_WHEN[use]}"
    words = [identifier.text for identifier in subnet.identifiers if identifier.text.isalnum()]
    if words:
        yield f"  {words[0]}subnet, sn{number}_{words[0]} and the like"
        yield f"      {_WHEN['alone']}"
    yield ""
    if not subnet.functions:
        yield "what it does is not known: only numbers and names find it"
        return
    yield "a candidate for posts with words of its functions, each of which the LLM may find discussed"
    yield from (printable(f"  {function}") for function in subnet.functions)


def list_json(registry: Registry, source: str) -> str:
    subnets = [_subnet_json(subnet) for subnet in registry.subnets]
    return _json({"source": source, "as_of": registry.as_of.isoformat(), "subnets": subnets})


def show_json(subnet: Subnet, registry: Registry, source: str) -> str:
    return _json({"source": source, "as_of": registry.as_of.isoformat(), **_subnet_json(subnet)})


def nearest(registry: Registry, text: str) -> str:
    """Return the names that look most like a text, in words; empty when none does."""
    names = {identifier.text: subnet.name for subnet in registry.subnets for identifier in subnet.identifiers}
    names |= {subnet.name: subnet.name for subnet in registry.subnets}
    close = dict.fromkeys(names[name] for name in get_close_matches(text.lower(), names, n=3))
    return f", did you mean {' or '.join(close)}" if close else ""


def _subnet_json(subnet: Subnet) -> dict[str, Any]:
    return {
        "id": subnet.id,
        "name": subnet.name,
        "identifiers": {identifier.text: identifier.use for identifier in subnet.identifiers},
        "functions": list(subnet.functions),
    }


def _json(found: dict[str, Any]) -> str:
    return inert_json(json.dumps(found, ensure_ascii=False, indent=2))


_SAID = {
    "new": "new: {after}",
    "renamed": "{before} is now {after}",
    "replaced": "{before} was replaced by {after}, of which nothing is known",
    "gone": "{before} is gone",
}


def run_refresh(
    chain: Chain, *, network: str, base: Registry, file: Path, today: date, dry_run: bool, as_json: bool
) -> int:
    """Read the chain, say what changes and write the file; 0 when done, 1 when the chain or the disk did not let it."""
    try:
        with interruptible(lambda: f"{network} has not answered yet; nothing was written"):
            found = run_loop(chain.subnets())
        if not found:
            raise ChainError(f"{network}: lists no subnet at all")
        registry, changes = refreshed(base, found, today)
        written = bool(changes) and not dry_run
        if written:
            write_whole(file, registry_text(registry))
    except (ChainError, RegistryError) as error:
        return fail(f"{error}: nothing was written", code=1)
    except UsageError as error:
        return fail(str(error), code=1)
    except OSError as error:
        return fail(f"{file} cannot be written: {error.strerror or error}: nothing was changed", code=1)
    lines = (
        [_refresh_json(network, registry, changes, file if written else None)]
        if as_json
        else _refresh_lines(network, registry, changes)
    )
    for line in lines:
        print(line)  # noqa: T201  (the command's output)
    if not as_json:
        print(_outcome(file, changes=changes, written=written))  # noqa: T201
    return 0


def write_whole(file: Path, text: str) -> None:
    """Replace a file by one that is complete, on disk and good to load; until then the old one stays.

    Raises:
        OSError, UsageError: The disk did not take it.
        RegistryError: It could not be loaded again.
    """
    file = Path(os.path.realpath(file))  # of links in a circle, too
    with whole_file(file, force=True) as out:
        rest = memoryview(text.encode())
        while rest:
            rest = rest[out.write(rest) :]
        load_registry(Path(out.name))
        with suppress(FileNotFoundError):
            shutil.copymode(file, out.name)


def _refresh_lines(network: str, registry: Registry, changes: Sequence[Change]) -> Iterator[str]:
    yield f"{network}: {len(registry)} subnets on {registry.as_of.isoformat()}, {len(changes)} changed"
    for change in changes:
        yield f"{'SN' + str(change.id):>6}  " + _SAID[change.what].format(before=change.before, after=change.after)


def _outcome(file: Path, *, changes: Sequence[Change], written: bool) -> str:
    if written:
        return f"written to {file}; analyses use these names from the next start on"
    return f"nothing was written: {f'a dry run for {file}' if changes else 'the list in use says the same'}"


def _refresh_json(network: str, registry: Registry, changes: Sequence[Change], written: Path | None) -> str:
    found: dict[str, Any] = {
        "network": network,
        "as_of": registry.as_of.isoformat(),
        "subnets": len(registry),
        "changes": [
            {"id": change.id, "what": change.what, "before": change.before, "after": change.after} for change in changes
        ],
        "written": None if written is None else str(written),
    }
    return inert_json(json.dumps(found, ensure_ascii=False, indent=2))
