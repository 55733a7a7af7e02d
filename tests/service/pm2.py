"""A real pm2 with a daemon of its own, on folders that look like a checkout and a home."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.patience import GIVE_UP_S
from tests.world import bare_env

__all__ = ["FILE", "Pm2", "pm2_program"]

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = ROOT / "docs" / "operators" / "service" / "ecosystem.config.js"
_OWN: Final = ROOT / ".venv" / "pm2" / "node_modules" / ".bin" / "pm2"


def pm2_program(own: Path = _OWN) -> str:
    """Where pm2 is; a machine without it fails here, for a test that is passed over proves nothing."""
    found = str(own) if own.exists() else shutil.which("pm2")
    if found is None:
        raise FileNotFoundError("install pm2 (with Node.js: npm install --prefix .venv/pm2 pm2)")
    return found


@dataclass(slots=True)
class Pm2:
    """Use it as a context manager: the daemon and what it runs do not outlive it.

    Attributes:
        folder: The home of whoever runs it.
    """

    folder: Path

    def __enter__(self) -> Self:
        checkout = self.folder / "checkout"
        (checkout / "docs" / "operators" / "service").mkdir(parents=True)
        shutil.copy(FILE, checkout / "docs" / "operators" / "service")
        (checkout / ".venv").symlink_to(ROOT / ".venv")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self("kill")

    @property
    def program(self) -> str:
        """Where pm2 itself is."""
        return pm2_program()

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a shell that speaks with this daemon alone."""
        return bare_env(HOME=str(self.folder), PM2_HOME=str(self.folder / ".pm2"), **more)

    def __call__(self, *words: str, **more: str) -> str:
        """Run ``pm2`` with these words, and more variables; returns what it printed."""
        env = self.env(**more)
        command = [pm2_program(), *words, "--no-color"]
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=GIVE_UP_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, checkout: str = "checkout", **more: str) -> None:
        """As the service file says."""
        self("start", str(Path(checkout, "docs", "operators", "service", FILE.name)), **more)

    def shows(self, *names: str, of: str = "user-miner") -> list[Any]:
        """What pm2 knows of its process of this name, such as "pid" and "restart_time"."""
        (app,) = (app for app in json.loads(self("jlist")) if app["name"] == of)
        return [{**app["pm2_env"], "pid": app["pid"]}.get(name) for name in names]

    def collected(self) -> str:
        """All that pm2 collected of the process's output."""
        return "".join(path.read_text("utf-8") for path in sorted((self.folder / ".pm2" / "logs").iterdir()))
