"""``user-miner init``: gathers settings from options and questions, checks them as `run` does, and writes the file.

The file is readable for its owner only from its first byte on, and is there whole or not at all. Secrets are neither
shown nor taken from the command line, which every user of the machine can read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from actor.asking import PROPOSED, ask, sources_of
from actor.edges.hotkey import HotkeyError
from actor.env_file import parse_env_file
from actor.my_miner import load_signer
from actor.settings import KNOWN, Settings, SettingsError, check_settings
from actor.settings_template import filled_template
from actor.sources import SECRET
from actor.unknown_variables import nearest_name
from audit.exporting.output import opened
from audit.terminal import UsageError, fail
from events.describe import printable

__all__ = ["InitOptions", "run_init"]

_STANDARD_INPUT: Final = Path("-")
_LONGEST_SECRET_BYTES: Final = 65_536
_REQUIRED: Final = tuple(name.upper() for name, field in Settings.model_fields.items() if field.is_required())


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """The command line.

    Attributes:
        env_file: What to write.
        values: Texts "NAME=value".
        secret_files: For each secret the file that holds it, None without one.
        wallet_check: Open the hotkey, too.
        force: Replace what is there.
    """

    env_file: Path
    values: tuple[str, ...]
    secret_files: Mapping[str, Path | None]
    wallet_check: bool
    force: bool


def run_init(options: InitOptions) -> int:
    """Write the file; the exit code is 2 for what cannot be, and nothing is written then."""
    try:
        target = _target(options)
        given = {**dict(map(_given, options.values)), **_secrets(options.secret_files)}
        if sys.stdin.isatty():
            given = ask(given, wallet_check=options.wallet_check)
        _write(target, {**PROPOSED, **given}, options)
    except SettingsError as error:
        return max(fail(line, code=2) for line in error.lines)
    except (UsageError, HotkeyError) as error:
        return fail(str(error), code=2)
    except (KeyboardInterrupt, typer.Abort):
        return fail("stopped; nothing is written", code=1)
    typer.echo(f"wrote {printable(str(options.env_file), 500)}; `user-miner doctor` looks at the rest")
    return 0


def _target(options: InitOptions) -> Path:
    """The file that is meant, links followed."""
    file = options.env_file
    target = Path(os.path.realpath(file))  # of links in a circle, too
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise UsageError(f"{file} is no regular file: choose another name with --env-file")
    if target.exists() and not options.force:
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
        meant = f": did you mean {near}?" if (near := nearest_name(name)) else ""
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
            with file.open("rb") as stream:
                data = stream.read(_LONGEST_SECRET_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{option}: cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{option}: {file} is not UTF-8 text") from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or len(secret.splitlines()) != 1 or len(data) > _LONGEST_SECRET_BYTES:
        raise UsageError(f"{option}: {file} must hold the secret on its one line")
    return secret


def _write(target: Path, given: Mapping[str, str], options: InitOptions) -> None:
    missing = [name for name in _REQUIRED if not given.get(name, "").strip()]
    if missing:
        ways = " and ".join(f"--{name.lower().replace('_', '-')}-file" for name in missing)
        raise UsageError(f"{' and '.join(missing)} not given: use {ways}, or answer the questions on a terminal")
    settings = check_settings(sources_of(given))
    if options.wallet_check:
        load_signer(settings)
    text = filled_template(given)
    read = parse_env_file(text, {}).given
    for name, value in given.items():
        if len(value.splitlines()) > 1 or read[name].value != value:
            raise UsageError(f"{name}: holds what cannot stand on one line of a settings file: choose another value")
    with opened(target, force=options.force, mode=0o600) as stream:
        stream.write(text.encode())
