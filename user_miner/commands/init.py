"""``user-miner init``: gathers settings from options and questions, checks them as `run` does, and writes the file.

The file is readable for its owner only from its first byte on, and is there whole or not at all. Secrets are neither
shown nor taken from the command line, which every user of the machine can read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from actor.edges.hotkey import HotkeyError, HotkeyLockedError
from actor.my_miner import load_signer
from actor.settings.env_file import parse_env_file
from actor.settings.model import KNOWN, Settings, SettingsError, check_settings
from actor.settings.sources import SECRET, GivenValue, Sources, nearest_name
from actor.settings.template import comment_of, filled_template, setting_text
from audit.errors import UsageError
from events.describe import printable
from events.named_file import read_named
from user_miner.options import EnvFileOption
from user_miner.output import opened
from user_miner.terminal import INTERRUPTED, fail

__all__ = ["PROPOSED", "ask", "init", "run_init", "sources_of"]


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
        bool, typer.Option("--wallet-check/--no-wallet-check", help="Also check that the hotkey in the settings opens.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a settings file that only you can read. It asks on a terminal, or takes these options."""
    from user_miner.commands.config import DEFAULT_ENV_FILE  # noqa: PLC0415

    secret_files = {
        "X_BEARER_TOKEN": x_bearer_token_file,
        "API_KEY": api_key_file,
        "HOTKEY_PASSWORD": hotkey_password_file,
    }
    file = env_file or DEFAULT_ENV_FILE
    raise typer.Exit(run_init(file, values or [], secret_files, wallet_check=wallet_check, force=force))


PROPOSED: Final[Mapping[str, str]] = {"ON_ANALYSIS_ERROR": "hold"}
"""What a new file says unless it is told otherwise; elsewhere the specification's defaults hold to the letter."""

_WALLET: Final = ("WALLET_PATH", "WALLET_NAME", "WALLET_HOTKEY")
_ASKED: Final = (
    "X_BEARER_TOKEN",
    "API_KEY",
    "MINER_API_URL",
    "LLM_BASE",
    "MODEL",
    *_WALLET,
    "NETUID",
    "JOURNAL_DIR",
    "SEARCH_KEYWORDS",
    "MAX_X_USD_PER_DAY",
    "ON_ANALYSIS_ERROR",
)
_PLACEHOLDERS: Final = {"X_BEARER_TOKEN": "unknown", "API_KEY": "unknown"}  # while others are checked
_LONGEST: Final = 2_000


def ask(given: Mapping[str, str], *, wallet_check: bool) -> dict[str, str]:
    """All that matters and is not given yet; an empty answer takes what is proposed, or else the default.

    Raises:
        typer.Abort: Ctrl-C, or the end of the input.
    """
    answers = dict(given)
    typer.echo("Enter takes what stands in brackets. Ctrl-C ends this, and nothing is written.")
    for name in _ASKED:
        if name not in answers:
            _ask(name, answers)
    while wallet_check and (error := _wallet_error(answers)) is not None:
        typer.echo(printable(str(error), _LONGEST), err=True)
        for name in ("HOTKEY_PASSWORD",) if isinstance(error, HotkeyLockedError) else _WALLET:
            _ask(name, answers)
    return answers


def sources_of(given: Mapping[str, str]) -> Sources:
    """These values as settings are made of, with nothing of the environment or of any file."""
    values = {name: GivenValue(value=text, source="flag") for name, text in given.items() if text}
    return Sources(env_file=Path(".miner_env"), values=values, remarks=())


def _ask(name: str, answers: dict[str, str]) -> None:
    typer.echo(f"\n{comment_of(name)}")
    answers.pop(name, None)
    while True:
        text = _answer(name)
        if not text:
            return
        mistake = _mistake(name, {**_PLACEHOLDERS, **answers, name: text})
        if mistake is None:
            answers[name] = text
            return
        typer.echo(printable(mistake, _LONGEST), err=True)


def _answer(name: str) -> str:
    field = Settings.model_fields[name.lower()]
    if name in SECRET:
        text: str = typer.prompt(name, hide_input=True, default=None if field.is_required() else "", show_default=False)
        return text if name == "HOTKEY_PASSWORD" else text.strip()
    default = PROPOSED.get(name) or setting_text(field.default)
    text = typer.prompt(name, default=default, show_default=bool(default)).strip()
    return "" if text == default else text


def _mistake(name: str, answers: Mapping[str, str]) -> str | None:
    try:
        check_settings(sources_of(answers))
    except SettingsError as error:
        told = [line.partition(": correct it ")[0] for line in error.lines if line.startswith(f"{name}: ")]
        return told[0] if told else None
    return None


def _wallet_error(answers: Mapping[str, str]) -> HotkeyError | None:
    try:
        load_signer(check_settings(sources_of({**_PLACEHOLDERS, **answers})))
    except HotkeyError as error:
        return error
    except SettingsError:
        return None  # what is wrong together is told at the end
    return None


_STANDARD_INPUT: Final = Path("-")
_LONGEST_SECRET_BYTES: Final = 65_536
_REQUIRED: Final = tuple(name.upper() for name, field in Settings.model_fields.items() if field.is_required())


def run_init(
    env_file: Path, values: Sequence[str], secret_files: Mapping[str, Path | None], *, wallet_check: bool, force: bool
) -> int:
    """Write the file; the exit code is 2 for what cannot be, and nothing is written then.

    Args:
        env_file: What to write.
        values: Texts "NAME=value".
        secret_files: For each secret the file that holds it, None without one.
        wallet_check: Open the hotkey, too.
        force: Replace what is there.
    """
    try:
        target = _target(env_file, force=force)
        given = {**dict(map(_given, values)), **_secrets(secret_files)}
        if sys.stdin.isatty():
            given = ask(given, wallet_check=wallet_check)
        _write(target, {**PROPOSED, **given}, wallet_check=wallet_check, force=force)
    except SettingsError as error:
        return max(fail(line, code=2) for line in error.lines)
    except (UsageError, HotkeyError) as error:
        return fail(str(error), code=2)
    except (KeyboardInterrupt, typer.Abort) as end:
        if isinstance(end.__context__, EOFError):
            return fail("the input ended before the last answer; nothing is written", code=2)
        return fail("interrupted: nothing is written", code=INTERRUPTED)
    typer.echo(f"wrote {printable(str(env_file), 500)}; `user-miner doctor` looks at the rest")
    return 0


def _target(file: Path, *, force: bool) -> Path:
    """The file that is meant, links followed."""
    target = Path(os.path.realpath(file))  # of links in a circle, too
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise UsageError(f"{file} is no regular file: choose another name with --env-file")
    if target.exists() and not force:
        raise UsageError(f"{file} exists already: choose another name with --env-file, or replace it with --force")
    if not target.parent.is_dir():
        raise UsageError(f"{file} cannot be written: there is no folder {target.parent}")
    return target


def _given(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip().upper()
    if not equals:
        raise UsageError(f"--set {printable(name, 60)}: expected NAME=VALUE")
    if name in SECRET:
        option = f"--{name.lower().replace('_', '-')}-file"
        raise UsageError(f"--set {name}: others can read secrets on a command line: give it in a file with {option}")
    if name not in KNOWN:
        meant = f": did you mean {near}?" if (near := nearest_name(name, KNOWN)) else ""
        raise UsageError(f"--set {printable(name, 60)}: there is no such setting{meant}")
    return name, value.strip()


def _secrets(files: Mapping[str, Path | None]) -> dict[str, str]:
    named = {name: file for name, file in files.items() if file is not None}
    if list(named.values()).count(_STANDARD_INPUT) > 1:
        raise UsageError("standard input can give one secret only: name files for the others")
    return {name: _secret(name, file) for name, file in named.items()}


def _secret(name: str, file: Path) -> str:
    option = f"--{name.lower().replace('_', '-')}-file"
    try:
        if file == _STANDARD_INPUT:
            data = sys.stdin.buffer.read(_LONGEST_SECRET_BYTES + 1)
        else:
            data = read_named(file, _LONGEST_SECRET_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{option}: cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{option}: {file} is not UTF-8 text") from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or len(secret.splitlines()) != 1 or len(data) > _LONGEST_SECRET_BYTES:
        raise UsageError(f"{option}: {file} must hold the secret on its one line")
    return secret


def _write(target: Path, given: Mapping[str, str], *, wallet_check: bool, force: bool) -> None:
    missing = [name for name in _REQUIRED if not given.get(name, "").strip()]
    if missing:
        ways = " and ".join(f"--{name.lower().replace('_', '-')}-file" for name in missing)
        raise UsageError(f"{' and '.join(missing)} not given: use {ways}, or answer the questions on a terminal")
    settings = check_settings(sources_of(given))
    if wallet_check:
        load_signer(settings)
    text = filled_template(given)
    read = parse_env_file(text, {}).given
    for name, value in given.items():
        if len(value.splitlines()) > 1 or read[name].value != value:
            raise UsageError(f"{name}: holds what cannot stand on one line of a settings file: choose another value")
    with opened(target, force=force, mode=0o600) as stream:
        stream.write(text.encode())
