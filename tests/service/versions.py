"""Two versions of the program in a repository, and documented commands that install one after the other.

What takes minutes and a network is replaced: `make` installs in the same way, editable and with absolute paths, and
borrows the packages of the environment that the tests run in.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path
from typing import Final

from tests.docs.kit import ROOT, blocks

__all__ = ["Versions", "documented"]

_OPERATING: Final = ROOT / "docs" / "operators" / "operating.md"
_MAKE: Final = """#!/bin/sh -e
[ "$1 $3" = "-C .venv/.run" ]
cd "$2"
"{python}" -m venv --without-pip .venv
echo "{packages}" > "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth"
"{uv}" pip install -q --offline --no-cache --no-deps --no-build-isolation --python .venv/bin/python -e .
"""


def documented(begins: str) -> str:
    """The one block of docs/operators/operating.md that begins so."""
    (found,) = (block.text for block in blocks(_OPERATING, "sh") if block.text.startswith(begins))
    return found


@dataclass(frozen=True, slots=True)
class Versions:
    """A repository, and a folder for PATH with a `make` of its own.

    Attributes:
        folder: Gets both.
    """

    folder: Path

    @property
    def repository(self) -> Path:
        """What the documents call REPOSITORY."""
        return self.folder / "repository"

    @property
    def programs(self) -> Path:
        """Goes in front of PATH."""
        return self.folder / "programs"

    def create(self) -> None:
        """The first version: the files of this checkout that are tracked and not about tests."""
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if not name.startswith(("tests/", "benchmarks/", "journal/")) and (ROOT / name).is_file():
                (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.repository / name)
        self._git("init", "-q", "-b", "main")
        self._commit("the first")
        self.programs.mkdir()
        words = {"python": sys.executable, "packages": get_path("purelib"), "uv": Path(sys.executable).with_name("uv")}
        (self.programs / "make").write_text(_MAKE.format(**words), "utf-8")
        (self.programs / "make").chmod(0o755)

    def release(self, version: str) -> None:
        """A later version, under its own number."""
        project = self.repository / "pyproject.toml"
        text = project.read_text("utf-8")
        project.write_text(text.replace('\nversion = "', f'\nversion = "{version}" # before: "', 1), "utf-8")
        self._commit(version)

    def _commit(self, what: str) -> None:
        self._git("add", "--all")
        self._git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", what)

    def _git(self, *words: str) -> None:
        subprocess.run(["git", "-C", self.repository, *words], check=True)
