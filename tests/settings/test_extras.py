"""What is said where the packages of an extra are missing: a command that fetches nothing that nobody owns."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from actor.settings.extras import install_hint
from tests.docs.kit import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
PYTHON = shlex.quote(sys.executable)
NAME = "user-miner"


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize(
    ("made_by", "begins"),
    [
        ("pipx_metadata.json", "pipx inject user-miner "),
        ("uv-receipt.toml", "uv tool install "),
        ("pyvenv.cfg", f"{PYTHON} -m pip install "),
    ],
)
def test_the_tool_that_installed_it_is_named(tmp_path: Path, extra: str, made_by: str, begins: str) -> None:
    """Known by what it leaves in the environment; what it is told to fetch has an owner, or is a folder."""
    (tmp_path / made_by).touch()
    said = install_hint(extra, prefix=tmp_path, has_pip=True)
    assert said.startswith(begins)
    if "uv tool" in said:
        assert said == f"uv tool install '{ROOT}[{extra}]'"
    else:
        wanted = sorted(re.split(r"[^\w-]", requirement)[0] for requirement in EXTRAS[extra])
        assert re.findall(r"'([\w-]+)[^']*'", said) == wanted


def test_uv_is_told_again_of_the_extras_that_are_there(tmp_path: Path) -> None:
    """For it takes away those that are not named; what else it installed in there is no extra of ours."""
    (tmp_path / "uv-receipt.toml").write_text(
        f"""[tool]
requirements = [{{ name = "{NAME}", extras = ["sandbox"], directory = "/opt" }}, {{ name = "x", extras = ["y"] }}]
"""
    )
    assert install_hint("notify", prefix=tmp_path) == f"uv tool install '{ROOT}[notify,sandbox]'"
    assert install_hint("sandbox", prefix=tmp_path) == f"uv tool install '{ROOT}[sandbox]'"


def test_an_environment_without_pip_is_given_to_uv() -> None:
    """As `uv venv` leaves it."""
    assert install_hint("sandbox", has_pip=False).startswith(f"uv pip install --python {PYTHON} 'starlette")


def test_the_hint_is_a_command_that_pip_takes() -> None:
    """Its packages are those that are installed here already."""
    _, _, words = install_hint("sandbox").partition(" -m pip ")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *shlex.split(words), "--no-index"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("already satisfied") >= len(EXTRAS["sandbox"])


def test_nothing_that_is_tracked_fetches_the_program_by_its_name() -> None:
    """Whoever took the name on the index would be installed: code and documents name a folder."""
    by_name = re.compile(r"\b(?:pip|pipx|uv)\b[^\n`]*\b(?:install|add|run)\b[^\n`]*[ '\"]user" r"-miner(?![\w/.-])")
    assert by_name.search(f"pip install -U {NAME}")
    assert by_name.search(f"uv tool install '{NAME}[sandbox]'")
    assert not by_name.search("uv tool install '/opt/user-miner[sandbox]'")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix != ".jsonl":
            assert by_name.findall(path.read_text("utf-8", "replace")) == [], name
