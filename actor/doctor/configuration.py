"""The settings file: is it there, and who may read and change it; and what is wrong with the settings themselves."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from actor.doctor.check import Check, failure, ok, split_advice, warning
from actor.env_file import EnvFileError, exposed_to, read_env_file

__all__ = ["access_checks", "env_file_checks", "settings_checks", "variable_checks"]

_FIX: Final = "correct or remove it there"


def env_file_checks(env_file: Path, *, named: bool) -> list[Check]:
    """Whether the file is there, can be read, and is kept from others; ``named`` when the operator named it."""
    name = "env-file"
    if not env_file.exists():
        return [_absent(env_file, named=named)]
    if env_file.is_fifo():
        return [ok(name, f"{env_file} is a pipe, which is read once")]
    if not env_file.is_file():
        return [failure(name, f"{env_file} is no regular file", "name the settings file with --env-file")]
    try:
        read = read_env_file(env_file)
    except EnvFileError as error:
        return [failure(name, f"{env_file} {error}", f"correct it, or copy .miner_env.example to {env_file} anew")]
    checks = access_checks(env_file, env_file.stat())
    return checks or [ok(name, f"{env_file} sets {len(read.given)} variables; only its owner can read it")]


def _absent(env_file: Path, *, named: bool) -> Check:
    name = "env-file"
    if named:
        return failure(name, f"there is no file {env_file}", "correct the name; `user-miner init` writes one")
    if env_file.is_symlink():
        said = f"{env_file} leads to {env_file.readlink()}, which is not there; all settings are the environment's"
        return warning(name, said, "put the file there, or remove the link")
    return ok(name, f"there is no {env_file} in {Path.cwd()}; all settings are those of the environment")


def access_checks(env_file: Path, found: os.stat_result) -> list[Check]:
    """Who may read and change it: the file names where signed requests and tokens go, and holds the tokens."""
    mode = stat.S_IMODE(found.st_mode)
    checks = []
    if mode & 0o022:
        checks.append(failure("env-file", f"others can change {env_file} (mode {mode:04o})", f"chmod 600 {env_file}"))
    elif (who := exposed_to(mode)) is not None:
        said = f"{who} can read the secrets in {env_file} (mode {mode:04o})"
        checks.append(warning("env-file", said, f"chmod 600 {env_file}"))
    if found.st_uid not in {os.geteuid(), 0}:
        said = f"{env_file} belongs to user {found.st_uid}, who can read and change it; this is user {os.geteuid()}"
        checks.append(warning("env-file", said, f"chown {os.geteuid()} {env_file}"))
    return checks


def settings_checks(mistakes: Sequence[str], number: int) -> list[Check]:
    """A line for each mistake that `run` would refuse; ``number`` settings were looked at."""
    if mistakes:
        return [failure("settings", *split_advice(line)) for line in mistakes]
    return [ok("settings", f"all {number} are valid")]


def variable_checks(remarks: Sequence[str]) -> list[Check]:
    """A line for each variable that has no effect, or not the one that it seems to have."""
    return [warning("variables", remark, _FIX) for remark in remarks] or [
        ok("variables", "none is unknown, misspelled or odd")
    ]
