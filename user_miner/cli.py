"""The command line: names, options and exit codes. What a command does stands in ``user_miner.commands`` and ``audit``.

Exit codes: 0 fine, 1 a finding (an invalid journal, a failed write), 2 wrong use or configuration. Everything heavy is
imported by the command that needs it.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import typer

from user_miner.commands.audit import audit
from user_miner.commands.check import check
from user_miner.commands.config import config
from user_miner.commands.costs import costs
from user_miner.commands.doctor import doctor
from user_miner.commands.evaluate import evaluate
from user_miner.commands.export import export
from user_miner.commands.fixture import fixture
from user_miner.commands.init import init
from user_miner.commands.replay import replay
from user_miner.commands.simulate import simulate
from user_miner.commands.status import status
from user_miner.commands.subnets import subnets
from user_miner.commands.verify import verify
from user_miner.journals import named_or_own
from user_miner.options import (
    DebugOption,
    EnvFileOption,
    HotkeyOption,
    JournalArgument,
    JournalsOption,
    NetuidOption,
    WalletOption,
    WalletsOption,
)

__all__ = ["app", "main"]

app: Final = typer.Typer(
    name="user-miner",
    help="A Bittensor user miner as an event-sourced actor: scrape, analyze, submit - and prove it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# A file system says so of what an operator named, and hardly ever for a bug of ours.
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def _version(asked: bool) -> None:  # noqa: FBT001  (typer's callback)
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"user-miner {version('user-miner')}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command()
def run(
    *,
    env_file: EnvFileOption = None,
    journal: JournalsOption = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: NetuidOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but submit, under a journal of its own.")
    ] = False,
    windows: Annotated[int | None, typer.Option(min=1, help="Stop after so many windows.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint kept elsewhere; refuse a journal that was rolled back since.")
    ] = None,
    require_journal: Annotated[bool, typer.Option("--require-journal", help="Refuse to begin a new journal.")] = False,
    move_api: Annotated[
        bool, typer.Option("--move-api", help="Accept a journal of another API URL, and record the move.")
    ] = False,
    debug: DebugOption = False,
    as_json: Annotated[bool, typer.Option("--logging.json", help="Log JSON lines.")] = False,
) -> None:
    """Run the miner in the foreground until Ctrl-C or SIGTERM."""
    # Settings are not read yet, so there is nothing to read again; without this a reload would end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from user_miner.commands.run import RunFlags, run_miner  # noqa: PLC0415

    flags = RunFlags(
        env_file=env_file,
        journal_dir=journal,
        wallet_name=wallet_name,
        wallet_hotkey=wallet_hotkey,
        wallet_path=wallet_path,
        netuid=netuid,
        dry_run=dry_run,
        windows=windows,
        checkpoint=checkpoint,
        require_journal=require_journal,
        move_api=move_api,
        log_level="debug" if debug else None,
        log_json=as_json,
    )
    raise typer.Exit(run_miner(flags))


@app.command()
def demo(
    *,
    journal: Annotated[Path, typer.Option(help="Where the demo's journal goes.")] = Path("journal/demo"),
) -> None:
    """Run the miner against stand-ins on this machine. A few fast windows, a kill -9, and what it proves."""
    from user_miner.commands.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(journal))


@app.command()
def sandbox(
    *,
    block_seconds: Annotated[float, typer.Option(min=0.001, help="Seconds for each block.")] = 12.0,
    blocks_per_window: Annotated[int, typer.Option(min=1, help="Blocks for each window.")] = 100,
    max_submissions: Annotated[int, typer.Option(min=0, help="Accepted posts for each window.")] = 5,
    posts_per_minute: Annotated[float, typer.Option(min=0, help="How fast new posts appear at X.")] = 6.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the coordination API; 0 for any.")] = 8001,
    seed: Annotated[int, typer.Option(help="Seed of the posts and faults.")] = 45,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="ROUTE:FAULT=RATE, for example api.submit:500=0.1; repeatable. --fault list names them."),
    ] = None,
    llm_like: Annotated[
        str, typer.Option(metavar="NAME", help="A kind of server that the LLM answers like; list names them.")
    ] = "",
) -> None:
    """Serve stand-ins for X, the LLM and the coordination API. On loopback; it prints how to use them."""
    from user_miner.commands.sandbox import run_sandbox  # noqa: PLC0415

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


app.command()(status)
app.command()(doctor)
app.command()(init)
app.command()(config)
app.command()(replay)
app.command()(verify)
app.command()(evaluate)
app.add_typer(subnets, name="subnets")
app.command()(export)
app.command()(check)
app.command()(audit)
app.command()(costs)
app.command()(fixture)
app.command()(simulate)


@app.command()
def repair(
    journal: JournalArgument = None,
    *,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Write a new journal that declares the gap; the old one stays.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The new journal [default: JOURNAL.repaired]")] = None,
    env_file: EnvFileOption = None,
) -> None:
    """Say what a damaged journal still holds. With --accept-loss go on in a new one."""
    from user_miner.commands.repair import run_repair  # noqa: PLC0415

    raise typer.Exit(run_repair(named_or_own(journal, env_file), accept_loss=accept_loss, out=out))


@app.command()
def diagram() -> None:
    """Print the state machine as a mermaid diagram. It is made from the transition table."""
    from user_miner.commands.diagram import mermaid  # noqa: PLC0415

    typer.echo(mermaid())


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: an operator's mistake ends with one line and exit code 2, never with a traceback."""
    _open_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no arrows still shows the rest
    try:
        sys.exit(_call(argv))
    except SystemExit as end:
        # The reader of our output left (`user-miner replay … | head`): typer calls that exit code 1, a finding.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(0)
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            print("user-miner: interrupted", file=sys.stderr)  # noqa: T201  (a command that had no more to say)
        _flush()
        raise
    except OSError as error:
        # What takes our output refused in the midst of it; an error that names a file is of another kind.
        if error.filename is None:
            _give_up(error)
        if error.errno not in _REFUSED:
            raise  # a bug
        sys.exit(_refuse(f"cannot use {error.filename}: {error.strerror}", code=2))


def _call(argv: Sequence[str] | None) -> int | None:
    """The exit code of a command, or of a command line that is none."""
    try:
        code: int | None = app(args=argv, prog_name="user-miner", standalone_mode=False)
    except typer.Abort:
        return _refuse("aborted", code=1)
    except typer.TyperException as error:
        from user_miner.usage import refuse_usage  # noqa: PLC0415  (hardly ever needed)

        return refuse_usage(error)
    return code


def _refuse(line: str, *, code: int) -> int:
    from user_miner.terminal import fail  # noqa: PLC0415  (hardly ever needed)

    return fail(line, code=code)


def _open_streams() -> None:
    """Where a stream was closed (``>&-``) its number must not go to the next file, nor its absence be our mistake."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (lives as long as we do)
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _flush() -> None:
    """Send what is left, here where it is known what to do when nobody reads it, or a full disk takes no more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _give_up(error)


def _give_up(error: OSError) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's own end would try once more
    if not isinstance(error, BrokenPipeError):
        with suppress(OSError):  # standard error may lie on the same disk
            print(f"user-miner: writing failed: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


if __name__ == "__main__":
    main()
