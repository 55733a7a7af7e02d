"""A docker engine of its own for campaign_image.py: Debian's packages in a temporary folder, nothing installed.

It runs with roots of its own beside any other engine, touches no bridge and no firewall, and is gone at the end. Images
are not pulled: the base that a Dockerfile names is made of Debian's packages of the same Python.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Engine", "engine"]

_ENGINE: Final = ("docker.io", "containerd", "runc", "tini")
_BASE: Final = ("base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "passwd", "python3-venv", "sed")
_DEPENDS: Final = ("--recurse", *(f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks")))
_START_S: Final = 120.0
_PIP_CONF: Final = Path("/etc/pip.conf")
_CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that runs.

    Attributes:
        folder: Everything of it lies in here.
        env: The environment of its programs.
    """

    folder: Path
    env: Mapping[str, str]

    @property
    def data(self) -> Path:
        """Its images, containers and volumes."""
        return self.folder / "data"

    def __call__(self, *words: str | Path, fails: bool = False) -> str:
        """``docker`` with these words; all that it printed."""
        done = self.tried(*words)
        if fails != (done.returncode != 0):
            raise SystemExit(f"docker {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def tried(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """The same, whatever comes of it."""
        socket = f"unix://{self.folder}/docker.sock"
        return _run(["docker", "-H", socket, *map(str, words)], env=self.env)

    def make_base(self, name: str) -> None:
        """An image of this name with a Python that has venv, of Debian's packages."""
        root = self.folder / "base"
        for top in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / top).mkdir(parents=True)
            (root / top).symlink_to(Path("usr", top))
        listed = _checked(["apt-cache", "depends", *_DEPENDS, "--no-replaces", "--no-enhances", *_BASE])
        names = {line for line in listed.splitlines() if line[:1].isalnum()}
        _unpack(_with_candidates(names), root)
        (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for file in ("passwd", "group"):
            shutil.copy(root / "usr/share/base-passwd" / f"{file}.master", root / "etc" / file)
        (root / "tmp").chmod(0o1777)
        self._let_pip_out(root)
        tar = self.folder / "base.tar"
        _checked(["tar", "-C", str(root), "-cf", str(tar), "."])
        self("import", "-c", "ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", tar, name)
        shutil.rmtree(root)
        tar.unlink()

    def _let_pip_out(self, root: Path) -> None:
        """This host's authorities and pip's configuration: a company's proxy is in its builds, too."""
        paths = ssl.get_default_verify_paths()
        authorities = paths.cafile or paths.openssl_cafile
        (root / _CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
        if Path(authorities).exists():
            shutil.copy(authorities, root / _CERTIFICATES)
        (root / "etc/pip.conf").write_text(f"[global]\ncert = /{_CERTIFICATES}\n", "utf-8")
        if _PIP_CONF.exists():
            shutil.copy(_PIP_CONF, root / "etc/pip.conf")


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Download, start and, at the end, remove it; needs root and apt-get."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit("an engine of its own needs root and Debian's apt-get")
    root = folder / "engine"
    _unpack(_ENGINE, root)
    (root / "usr/bin/docker-init").unlink(missing_ok=True)
    (root / "usr/bin/docker-init").symlink_to("tini-static")
    path = os.pathsep.join([f"{root}/usr/sbin", f"{root}/usr/bin", os.environ["PATH"]])
    env = {"PATH": path, "HOME": str(folder), "DOCKER_BUILDKIT": "1"}
    (folder / "daemon.json").write_text("{}")
    command = ["dockerd", f"--config-file={folder}/daemon.json", f"--data-root={folder}/data"]
    command += [f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid", f"-Hunix://{folder}/docker.sock"]
    command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2"]
    found = Engine(folder, env)
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_until_up(found, process)
        yield found
    finally:
        for container in found.tried("ps", "-aq").stdout.split():
            found.tried("rm", "-fv", container)
        process.terminate()
        process.wait()
        for line in Path("/proc/self/mounts").read_text("utf-8").splitlines():
            if (mounted := line.split()[1]).startswith(f"{folder}/"):
                subprocess.run(["umount", mounted], check=False)  # noqa: S603, S607


def _wait_until_up(found: Engine, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while found.tried("version").returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            said = (found.folder / "dockerd.log").read_text("utf-8", "replace")
            raise SystemExit(f"dockerd does not come up: {said[-2000:]}")
        time.sleep(0.2)


def _with_candidates(names: set[str]) -> list[str]:
    """Those that can be downloaded; the others are virtual, and their providers are in the list."""
    told = _checked(["apt-cache", "policy", *sorted(names)]).split("\n")
    pairs = zip(told, told[2:], strict=False)
    return [name.rstrip(":") for name, line in pairs if name[:1].isalnum() and not line.endswith("(none)")]


def _unpack(packages: Sequence[str], root: Path) -> None:
    """Download packages and unpack them into a folder; nothing of theirs is run."""
    root.mkdir(parents=True, exist_ok=True)
    place = root / "packages"
    place.mkdir()
    _checked(["apt-get", "download", "-q", *packages], cwd=place)
    for package in sorted(place.glob("*.deb")):
        _checked(["dpkg-deb", "-x", str(package), str(root)])
    shutil.rmtree(place)


def _run(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    with suppress(FileNotFoundError):
        return subprocess.run(  # noqa: S603  (Debian's own tools, and those of the engine)
            command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    raise SystemExit(f"{command[0]} is not installed")


def _checked(command: Sequence[str], *, cwd: Path | None = None) -> str:
    done = _run(command, cwd=cwd, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} …: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout
