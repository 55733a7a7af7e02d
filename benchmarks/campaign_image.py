"""The image, built and run by a docker engine of its own: stops, kills, health, readers, memory, a second miner.

    python -m benchmarks.campaign_image

It needs root and Debian's apt-get, some five minutes, and 1 GiB in the folder for temporary files, and leaves nothing.
The containers are run as docs/operators/service/compose.yaml says. Exit code 1 when anything is not as documented.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from actor.machine.history import folded
from benchmarks.docker_engine import Engine, engine
from events.journal import JournalReader, locate
from events.journal.store import JournalError
from sandbox import Sandbox, SandboxConfig
from tests.world import FAST, hours_ago, make_wallet, wait_for

_ROOT: Final = Path(__file__).resolve().parents[1]
_SERVICE: Final = _ROOT / "docs" / "operators" / "service"
_BASE: Final = "python:3.11-slim-bookworm"
_USER: Final = 10_001
# What a test cannot wait for; the image's own are a minute, 5 minutes and 3.
_HEALTH: Final = ("--health-interval=1s", "--health-start-period=2s", "--health-retries=2", "--health-timeout=2s")
_STOP_S: Final = 5.0
_NEXT: Final = "7.6.5"
_LARGEST_MIB: Final = 128.0
_RESTARTS_S: Final = 24.0
# Of the container's control group, of the second version or the first.
_PEAK: Final = "cd /sys/fs/cgroup && cat memory.peak 2>/dev/null || cat memory/memory.max_usage_in_bytes"


@dataclass(slots=True)
class Report:
    """What was found, in order.

    Attributes:
        wrong: Those that are not as they have to be.
    """

    wrong: list[str] = field(default_factory=list)

    def __call__(self, what: str, found: object, *, ok: bool = True) -> None:
        """A line; ``ok`` is whether it is as it has to be."""
        print(f"{'ok   ' if ok else 'WRONG'} {what:<34} {found}", flush=True)
        if not ok:
            self.wrong.append(what)


@dataclass(frozen=True)
class Miner:
    """One container, its settings and its journal.

    Attributes:
        docker: The engine.
        folder: Gets the settings, and is mounted as the compose file says.
        box: The world that it mines in.
        name: The container's name.
        port: Its METRICS_PORT.
    """

    docker: Engine
    folder: Path
    box: Sandbox
    name: str = "user-miner"
    port: int = 9464

    @cached_property
    def flags(self) -> list[str]:
        """The compose file's keys as flags of ``docker run``."""
        asked = YAML(typ="safe").load(_SERVICE / "compose.yaml")["services"]["user-miner"]
        mounts = {"/etc/user-miner": str(self.folder), "journal": self.name}
        flags = [
            f"--network={asked['network_mode']}",
            f"--restart={asked['restart']}",
            f"--memory={asked['mem_limit']}",
        ]
        flags += [f"--pids-limit={asked['pids_limit']}", f"--stop-timeout={asked['stop_grace_period'].rstrip('s')}"]
        flags += [f"--{name.replace('_', '-')}" for name in ("init", "read_only") if asked[name]]
        for key, flag in (("tmpfs", "tmpfs"), ("cap_drop", "cap-drop"), ("security_opt", "security-opt")):
            flags += [f"--{flag}={value}" for value in asked[key]]
        for volume in asked["volumes"]:
            source, _, rest = volume.partition(":")
            flags.append(f"--volume={mounts[source]}:{rest}")
        environment = {**asked["environment"], "METRICS_PORT": str(self.port)}
        return flags + [f"--env={name}={value}" for name, value in environment.items()]

    @property
    def volume(self) -> Path:
        """Its journal's volume, seen from here."""
        return self.docker.data / "volumes" / self.name / "_data"

    def configure(self, **more: str) -> None:
        """Write its settings, a new file in the place of the old one, as an editor does."""
        values = {**self.box.env(), **FAST, **more}
        new = self.folder / "new"
        new.write_text("".join(f"{name}={value}\n" for name, value in values.items()), "utf-8")
        new.chmod(0o400)
        os.chown(new, _USER, _USER)
        new.replace(self.folder / "miner_env")

    def start(self) -> None:
        """``docker run`` in the background."""
        self.docker("run", "-d", f"--name={self.name}", *self.flags, *_HEALTH, "user-miner")

    def once(self, *words: str) -> tuple[int, str]:
        """The same image with the same mounts for one command: exit code and output."""
        kept = [flag for flag in self.flags if not flag.startswith("--restart=")]
        done = self.docker.tried("run", "--rm", *kept, "user-miner", *words)
        return done.returncode, done.stdout

    def asked(self, *words: str) -> tuple[int, str]:
        """``docker exec`` in it."""
        done = self.docker.tried("exec", self.name, *words)
        return done.returncode, done.stdout

    def shows(self, what: str) -> Any:
        """A value of ``docker inspect``."""
        return json.loads(self.docker("inspect", "--format", f"{{{{json {what}}}}}", self.name))

    def events(self) -> list[str]:
        """The names of its records."""
        try:
            return [record.name for record, _ in folded(JournalReader(locate(self.volume)))]
        except (JournalError, OSError):
            return []

    def wait_for_event(self, name: str, times: int = 1) -> None:
        """Until its journal has so many of these."""
        wait_for(lambda: self.events().count(name) >= times, f"{times} {name}")


def build(docker: Engine, report: Report) -> None:
    """The image as the Dockerfile says, from the files of this checkout."""
    begin = time.monotonic()
    docker.make_base(_BASE)
    report("base of Debian's packages", f"{time.monotonic() - begin:.0f} s")
    begin = time.monotonic()
    docker("build", "--network", "host", "-f", _SERVICE / "Dockerfile", "-t", "user-miner", _ROOT)
    size = int(docker("inspect", "--format", "{{.Size}}", "user-miner"))
    base = int(docker("inspect", "--format", "{{.Size}}", _BASE))
    report("built", f"{time.monotonic() - begin:.0f} s, {size / 1e6:.0f} MB, of it {base / 1e6:.0f} the base")


def first_life(miner: Miner, report: Report) -> None:
    """A window, the volume as it was made, and what readers say without a flag."""
    begin = time.monotonic()
    miner.start()
    miner.wait_for_event("ActorStarted")
    report("start to its first record", f"{time.monotonic() - begin:.1f} s")
    miner.wait_for_event("CheckpointSigned")
    found = miner.volume.stat()
    owner = (found.st_uid, found.st_gid, oct(found.st_mode & 0o7777))
    report("the new volume", owner, ok=owner == (_USER, _USER, "0o700"))
    inside = [path.name for path in miner.volume.iterdir()]
    report("what is in it", inside, ok=len(inside) == 1)
    code, said = miner.asked("user-miner", "status")
    report("exec: status", f"exit code {code}", ok=code == 0 and "holds the journal" in said)
    code, said = miner.asked("user-miner", "doctor")
    report("exec: doctor", said.splitlines()[-1], ok=code == 0 and "a miner runs" in said)
    code, said = miner.asked("id")
    report("exec: id", said.strip(), ok=said.startswith("uid=10001(user-miner) gid=10001(user-miner)"))
    code, said = miner.once("status")
    report("status in another container", f"exit code {code}", ok=code == 0 and "holds the journal" in said)
    code, said = miner.once("doctor")
    report("doctor in another container", said.splitlines()[-1], ok="a miner runs" in said)


def health(miner: Miner, report: Report) -> None:
    """Healthy, unhealthy while it hangs, healthy again; another proxy in its environment changes nothing."""

    def becomes(what: str) -> float:
        begin = time.monotonic()
        wait_for(lambda: miner.shows(".State.Health.Status") == what, what)
        return time.monotonic() - begin

    report("healthy", f"after {becomes('healthy'):.1f} s more")
    _signal_miner(miner, signal.SIGSTOP)
    report("SIGSTOP: unhealthy", f"after {becomes('unhealthy'):.1f} s")
    report("SIGSTOP: not restarted", miner.shows(".RestartCount"), ok=miner.shows(".RestartCount") == 0)
    _signal_miner(miner, signal.SIGCONT)
    report("SIGCONT: healthy", f"after {becomes('healthy'):.1f} s")
    (check,) = [words for words in [miner.shows(".Config.Healthcheck.Test")] if words[0] == "CMD"]
    words = ("exec", "--env=HTTP_PROXY=http://127.0.0.1:9", "--env=http_proxy=http://127.0.0.1:9", miner.name)
    done = miner.docker.tried(*words, *check[1:])
    report("health check beside a proxy", f"exit code {done.returncode}", ok=done.returncode == 0)


def _signal_miner(miner: Miner, number: signal.Signals) -> None:
    """Process 1 of the container is docker's init; the miner is its only child.

    `docker kill` would not do: some engines take any signal of it for a stop, and restart the container no more.
    """
    pid = miner.shows(".State.Pid")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split():
        os.kill(int(child), number)


def settings_replaced(miner: Miner, report: Report) -> None:
    """A new file in the place of the old one is read at SIGHUP."""
    miner.configure(SEARCH_KEYWORDS="bittensor,tao")
    miner.asked("sh", "-c", "kill -HUP 1")
    miner.wait_for_event("SettingsChanged")
    report("settings replaced, SIGHUP", "SettingsChanged")
    _, said = miner.asked("sh", "-c", "echo METRICS_PORT=1 > /tmp/other && user-miner config --env-file /tmp/other")
    report("a value that does not count", "a warning", ok="environment: its value of METRICS_PORT" in said)


def killed(miner: Miner, report: Report) -> None:
    """A kill -9 amid a window: restarted by docker, it goes on, and nothing is paid for or sent twice."""
    box = miner.box
    box.script("llm.chat", "slow", times=5, seconds=2)
    box.next_window()
    box.advance_posts(1800)
    searched = miner.events().count("PostsScraped")
    miner.wait_for_event("PostsScraped", searched + 1)
    begin = time.monotonic()
    os.kill(miner.shows(".State.Pid"), signal.SIGKILL)
    miner.wait_for_event("ActorStarted", 2)
    back_s = time.monotonic() - begin
    miner.wait_for_event("CheckpointSigned", 2)
    once = (box.ledger.x.searches, len(box.ledger.api.accepted()), len(box.ledger.llm.exchanges()))
    report("kill -9, restarted by docker", f"after {back_s:.1f} s; searches, posts: {once[:2]}", ok=once[:2] == (2, 10))
    peak = float(miner.asked("sh", "-c", _PEAK)[1]) / (1 << 20)
    report("memory, peak of its cgroup", f"{peak:.0f} MiB", ok=peak < _LARGEST_MIB)


def second_miner(miner: Miner, report: Report) -> None:
    """Another hotkey on the same host: both are healthy, each with a port of its own; the same port is refused."""
    folder = miner.folder.with_name("second")
    other = Miner(miner.docker, folder, miner.box, name="second", port=_free_port())
    prepare(other, "//Bob")
    other.start()
    for one in (miner, other):
        wait_for(lambda one=one: one.shows(".State.Health.Status") == "healthy", one.name)  # type: ignore[misc]
    report("a second hotkey beside it", "both are healthy")
    code, _ = replace(other, name="third", port=miner.port).once("run")
    report("the same METRICS_PORT", f"exit code {code}", ok=code == 2)
    other.docker("rm", "-f", "-v", other.name)


def stopped(miner: Miner, report: Report) -> None:
    """``docker stop``, and a start that is stopped at once, with and without an init."""
    begin = time.monotonic()
    miner.docker("stop", miner.name)
    took_s = time.monotonic() - begin
    last = miner.events()[-1]
    report("docker stop", f"{took_s:.1f} s, exit code {miner.shows('.State.ExitCode')}, {last}", ok=took_s < _STOP_S)
    report("its last record", last, ok=last == "ActorStopped")
    code, said = miner.once("status")
    report("status after it", f"exit code {code}", ok=code == 0 and "stopped cleanly" in said)
    code, said = replace(miner, name="another").once("run", "--require-journal")
    report(
        "--require-journal, another volume", f"{said.strip()[:60]}…", ok=code == 2 and said.startswith("user-miner: ")
    )


def throwaway(miner: Miner, report: Report) -> None:
    """Without a volume of a name the log warns."""
    kept = [flag for flag in miner.flags if ":/var/lib/user-miner" not in flag and not flag.startswith("--restart")]
    miner.box.next_window()
    miner.box.advance_posts(1800)
    said = miner.docker.tried("run", "--rm", *kept, "user-miner", "run", "--windows", "1").stdout
    report("no volume", "a warning", ok="goes with the container" in said)


def refused(miner: Miner, report: Report) -> None:
    """How often docker tries what cannot work: its pause doubles from 0.1 s on."""
    name = "refused"
    miner.docker("run", "-d", f"--name={name}", *miner.flags, "--env=POLL_INTERVAL_SECONDS=0", "user-miner")
    time.sleep(_RESTARTS_S)
    count = int(miner.docker("inspect", "--format", "{{.RestartCount}}", name))
    miner.docker("rm", "-f", "-v", name)
    report("exit code 2, tried again", f"{count} times in {_RESTARTS_S:.0f} s")


def updated(miner: Miner, report: Report) -> None:
    """An image of the next version, which agrees with the journal and goes on with it."""
    context = miner.folder.with_name("next")
    for name in (line[1:] for line in (_ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"):
        copy = shutil.copytree if (_ROOT / name).is_dir() else shutil.copy
        context.mkdir(exist_ok=True)
        copy(_ROOT / name, context / name)
    project = context / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace('\nversion = "', f'\nversion = "{_NEXT}" # "', 1), "utf-8")
    begin = time.monotonic()
    miner.docker("build", "--network", "host", "-f", _SERVICE / "Dockerfile", "-t", "user-miner", context)
    report("the next version, built", f"{time.monotonic() - begin:.0f} s")
    code, said = miner.once("check", "journal")
    report("its check of the journal", f"exit code {code}", ok=code == 0 and f"this build, {_NEXT}" in said)
    miner.docker("rm", miner.name)
    miner.start()
    miner.wait_for_event("ActorStarted", 3)
    _, said = miner.asked("user-miner", "status")
    report("after the update", f"version {_NEXT}, epoch 3", ok=f"version {_NEXT}, epoch 3" in said)
    report("one journal", 1, ok=miner.events().count("JournalCreated") == 1)
    miner.docker("rm", "-f", miner.name)


def prepare(miner: Miner, uri: str = "//Alice") -> None:
    """Its settings and wallet, as the documents say."""
    miner.folder.mkdir()
    make_wallet(miner.folder / "wallets", uri)
    for path in (miner.folder, *miner.folder.rglob("*")):
        os.chown(path, _USER, _USER)
    miner.configure()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
    return port


def tried(docker: Engine, folder: Path, report: Report) -> None:
    """Everything, one after the other."""
    world = SandboxConfig(seconds_per_block=None, corpus_size=60, epoch=hours_ago())
    steps: list[Callable[[Miner, Report], None]] = [
        first_life, health, settings_replaced, killed, second_miner, stopped, updated, throwaway, refused,
    ]  # fmt: skip
    with Sandbox(world) as box:
        miner = Miner(docker, folder / "settings", box, port=_free_port())
        prepare(miner)
        for step in steps:
            step(miner, report)


def main() -> int:
    """Run it once."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    report, begin = Report(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is left behind has mounts and processes
    folder = Path(tempfile.mkdtemp(prefix="user-miner-image-"))
    try:
        with engine(folder) as docker:
            report("engine up", f"{time.monotonic() - begin:.0f} s, of Debian's packages")
            build(docker, report)
            tried(docker, folder, report)
            used = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
            report("disk while it lasted", f"{used / (1 << 20):.0f} MiB")
    finally:
        shutil.rmtree(folder)
    report("all of it", f"{time.monotonic() - begin:.0f} s")
    print(f"not as it has to be: {', '.join(report.wrong)}" if report.wrong else "as it has to be")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
