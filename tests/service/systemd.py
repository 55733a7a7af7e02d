"""A real systemd, as process 1 of namespaces of its own, which runs this project's unit file as it stands.

It shares the network with the tests, so the stand-ins on loopback are in its reach, and nothing else of it outlives
them. The unit's paths are real in there: a link leads to the checkout, bind mounts show settings and state under the
names that the unit file gives them, and its user has the number of whoever runs the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.patience import GIVE_UP_S
from tests.world import wait_for

__all__ = ["UNIT", "Systemd", "program"]

ROOT: Final = Path(__file__).resolve().parents[2]
UNIT: Final = ROOT / "docs" / "operators" / "service" / "user-miner.service"
_SYSTEMD: Final = "/lib/systemd/systemd"
_NAMESPACES: Final = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child")
# What the unit hides of a checkout or a Python that stands in a home directory or below /tmp, as a developer's does.
_HIDES: Final = {"ProtectHome": ("/root", "/home", "/run/user"), "PrivateTmp": ("/tmp", "/var/tmp")}  # noqa: S108
_BOOT: Final = """
set -e
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/systemd/system
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys  # the kernel's settings are this machine's
for place in /etc /opt /var/lib; do  # to be written to here, and not on this machine
  mkdir -p "/run/over$place/new" "/run/over$place/work"
  mount -t overlay none -o "lowerdir=$place,upperdir=/run/over$place/new,workdir=/run/over$place/work" "$place"
done
cp "$WORLD/passwd" "$WORLD/group" /etc
mkdir -p /etc/user-miner /var/lib/user-miner
mount --bind "$WORLD/etc" /etc/user-miner
mount --bind "$WORLD/journal" /var/lib/user-miner
rm -rf /opt/user-miner
ln -s "$CHECKOUT" /opt/user-miner
exec env -i PATH="$PATH" container=lxc SYSTEMD_UNIT_PATH="$WORLD/units" \
  "$SYSTEMD" --system --unit=begin.target --log-target=console --show-status=no
"""
_TARGET: Final = "[Unit]\nDescription=Nothing yet\nDefaultDependencies=no\n"


def program(name: str) -> str:
    """Where a program of systemd or util-linux is; a machine without it fails here: a skipped test proves nothing."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name}: install it (Debian: apt-get install systemd util-linux)")
    return found


def _new_cgroup() -> Path:
    """A control group of its own below ours, so that two of these keep apart."""
    mounted = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    root = next((Path(words[1]) for words in mounted if words[2] == "cgroup2"), None)
    ours = next((p for p in Path("/proc/self/cgroup").read_text().splitlines() if p.startswith("0::")), None)
    if root is None or ours is None:
        raise FileNotFoundError("no cgroup2 is mounted: systemd cannot run here")
    try:
        return Path(tempfile.mkdtemp(prefix="user-miner-", dir=root / ours.removeprefix("0::").lstrip("/")))
    except OSError as error:
        raise PermissionError(f"no systemd of its own could be started: run the tests as root: {error}") from error


def _clock() -> str:
    """The clock that ``make test-hard`` gave this process, for the unit: it does not inherit it."""
    library = os.environ.get("LD_PRELOAD")
    return f"Environment=LD_PRELOAD={library}\nBindReadOnlyPaths={library}\n" if library else ""


def _is_removed(cgroup: Path) -> bool:
    """Remove it and what is below, unless something still lives there."""
    for path in sorted((p for p in cgroup.rglob("*") if p.is_dir()), reverse=True):
        with suppress(OSError):
            path.rmdir()
    with suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()


@dataclass(slots=True)
class Systemd:
    """Use it as a context manager; ``folder`` gets ``etc``, the unit's configuration, and ``journal``, its state."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = None
    _init: int = 0
    _cgroup: Path | None = None

    @property
    def etc(self) -> Path:
        """What the unit sees as /etc/user-miner."""
        return self.folder / "etc"

    @property
    def state(self) -> Path:
        """What the unit sees as /var/lib/user-miner."""
        return self.folder / "journal"

    def drop_in(self, text: str) -> None:
        """Change the unit as ``systemctl edit`` would; before the start or followed by daemon-reload."""
        (self.folder / "units" / "user-miner.service.d" / "test.conf").write_text(text + _clock(), "utf-8")

    def settings(self, values: Mapping[str, str], name: str = "miner_env") -> None:
        """Write the unit's settings file."""
        (self.etc / name).write_text("".join(f"{name}={value}\n" for name, value in values.items()), "utf-8")

    def __enter__(self) -> Self:
        self._prepare()
        log = (self.folder / "systemd.log").open("wb")
        env = {
            "PATH": os.environ["PATH"],
            "WORLD": str(self.folder),
            "CHECKOUT": str(ROOT),
            "SYSTEMD": _SYSTEMD,
        }
        self._cgroup = _new_cgroup()
        enter = f'echo $$ > "{self._cgroup}/cgroup.procs" && exec "$@"'
        command = ["bash", "-c", enter, "enter", program("unshare"), *_NAMESPACES, "bash", "-c", _BOOT]
        with log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + GIVE_UP_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                said = (self.folder / "systemd.log").read_text("utf-8", "replace")
                raise PermissionError(f"no systemd of its own could be started: run the tests as root: {said[-500:]}")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()  # and with it all of its namespaces
            self._process.wait()
        if self._cgroup is not None:
            wait_for(partial(_is_removed, self._cgroup), "the end of everything in there")

    def ctl(self, *words: str, fails: bool = False) -> str:
        """``systemctl`` in there; returns what it printed."""
        command = [program("nsenter"), "-t", str(self._init), "-m", "-p", "systemctl", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GIVE_UP_S)
        assert fails == (done.returncode != 0), f"systemctl {words}: {done.stdout}{done.stderr}\n{self.said()}"
        return done.stdout

    def sh(self, script: str, **env: str) -> None:
        """Run the lines of a document in there, as whoever updates the machine would."""
        command = [program("nsenter"), "-t", str(self._init), "-m", "-p", "bash", "-ec", script]
        done = subprocess.run(
            command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=GIVE_UP_S
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}\n{self.said()}"

    def show(self, name: str, *, of: str = "user-miner") -> str:
        """One property of the unit, such as "StatusText"."""
        return self.ctl("show", "--value", "-p", name, of).strip()

    def said(self) -> str:
        """What systemd and the unit printed."""
        logs = (self.folder / "systemd.log", self.folder / "stderr.txt")
        return "".join(log.read_text("utf-8", "replace") for log in logs if log.exists())

    def pid(self) -> int:
        """The miner's process, as this side of the namespaces numbers it."""
        inner = self.show("MainPID")
        space = Path("/proc", str(self._init), "ns", "pid").readlink()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                numbers = re.search(r"^NSpid:\t(.+)$", (process / "status").read_text(), flags=re.MULTILINE)
                if numbers and numbers[1].split()[-1] == inner and (process / "ns" / "pid").readlink() == space:
                    return int(process.name)
        raise ProcessLookupError(f"no process {inner} of the namespace")

    def _is_up(self) -> bool:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            self._init = int(children.read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return False
        return Path("/proc", str(self._init), "root", "run", "systemd", "private").exists()

    def _prepare(self) -> None:
        units = self.folder / "units"
        for name in ("user-miner", "user-miner@"):
            (units / f"{name}.service.d").mkdir(parents=True)
        for place in (self.etc, self.state):
            place.mkdir(exist_ok=True)
        shutil.copy(UNIT, units / "user-miner.service")
        for name in ("begin", "network-online", "time-sync", "multi-user", "sysinit", "basic", "shutdown"):
            (units / f"{name}.target").write_text(_TARGET, "utf-8")
        (self.folder / "passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\nuser-miner:x:{os.getuid()}:{os.getgid()}::/var/lib/user-miner:/bin/false\n"
        )
        (self.folder / "group").write_text(f"root:x:0:\nuser-miner:x:{os.getgid()}:\n")
        paths = (str(ROOT), sys.base_prefix)
        hidden = [name for name, tops in _HIDES.items() if any(p.startswith(f"{t}/") for p in paths for t in tops)]
        lines = "".join(f"{name}=no\n" for name in hidden)
        lines += f"StandardError=append:{self.folder}/stderr.txt\n"  # no journald listens in there
        for name in ("user-miner", "user-miner@"):
            (units / f"{name}.service.d" / "checkout.conf").write_text(f"[Service]\n{lines}", "utf-8")
