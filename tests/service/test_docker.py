"""The Dockerfile and the compose file, as far as they can be tried without a docker engine.

What is not tried here is the build of the image and its run: docs/operating.md says so.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from actor.cli import app
from tests.cli.kit import running
from tests.docs.kit import ROOT
from tests.world import World, wait_for

FOLDER = ROOT / "docs" / "service"
DOCKERFILE = FOLDER / "Dockerfile"
COMPOSE = FOLDER / "compose.yaml"
TOOLS = Path(sys.executable).parent
STOP_S = 5


def instructions(name: str) -> list[str]:
    """What stands behind each instruction of this name, continued lines joined."""
    text = DOCKERFILE.read_text("utf-8").replace("\\\n", "")
    return re.findall(rf"^{name} +(.+)$", text, flags=re.MULTILINE)


def copied() -> list[str]:
    """Files and folders of the checkout that go into the image."""
    lines = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in line[:-1]]


@cache
def service() -> Any:
    """The compose file's one service."""
    (found,) = YAML(typ="safe").load(COMPOSE)["services"].values()
    return found


def quiet(*command: str | Path, cwd: Path = ROOT) -> None:
    """A tool that has nothing to complain of."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_finds_nothing() -> None:
    """Hadolint knows docker's own advice and that of its shell."""
    quiet(TOOLS / "hadolint", DOCKERFILE)


def test_the_compose_file_is_of_the_specification_s_shape() -> None:
    """The Compose Specification's own schema."""
    quiet(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    """The ignore file lets in exactly that, so no setting, wallet or journal can get into an image."""
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(copied())
    assert [line for line in lines[1:] if not line.startswith("!")] == ["**/__pycache__"]


def test_what_is_copied_makes_the_whole_package(tmp_path: Path) -> None:
    """Built from those files alone and without a network, the wheel has every tracked file of the packages."""
    source = tmp_path / "source"
    source.mkdir()
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    quiet(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source)
    (wheel,) = tmp_path.glob("*.whl")
    packages = [name for name in copied() if (ROOT / name).is_dir()]
    listed = subprocess.run(["git", "ls-files", "--", *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) <= set(zipfile.ZipFile(wheel).namelist())


def test_the_image_s_commands_are_the_program_s() -> None:
    """Its entry point is the installed script; its flags exist; its paths are those that the compose file mounts."""
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["user-miner"]
    command, *flags = json.loads(instructions("CMD")[-1])
    assert command in [info.name or (info.callback and info.callback.__name__) for info in app.registered_commands]
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    mounts = dict(volume.split(":")[1::-1] for volume in service()["volumes"])
    assert given == {"--env-file": "/etc/user-miner/miner_env", "--journal": "/var/lib/user-miner"}
    variables = dict(word.split("=", 1) for word in shlex.split(" ".join(instructions("ENV"))))
    assert mounts == {
        given["--journal"]: "journal",
        given["--env-file"]: "./miner_env",
        variables["WALLET_PATH"]: "./wallets",
    }
    assert instructions("VOLUME") == [given["--journal"]]


def test_the_health_check_asks_the_miner(world: World) -> None:
    """The image's own command, for another port: fine while a miner works there, and not once it has gone."""
    (check,) = re.findall(r"CMD (\[.+?\])$", instructions("HEALTHCHECK")[0])
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = str(reserved.getsockname()[1])
    assert dict(word.split("=", 1) for word in shlex.split(" ".join(instructions("ENV"))))["METRICS_PORT"] in check
    _, *words = json.loads(check.replace("9464", port))

    def is_healthy() -> bool:
        return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0

    with running(world, env=world.env(METRICS_PORT=port)) as process:
        wait_for(lambda: "ActorStarted" in world.names(), "the start")
        assert is_healthy()
        world.stop(process)
    assert not is_healthy()


def test_the_container_can_do_little() -> None:
    """No root, nothing to write but the journal, no privilege, time to say goodbye, a log that is bounded."""
    user, _, group = instructions("USER")[-1].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    asked = service()
    assert asked["read_only"] is True
    assert asked["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in asked["security_opt"]
    assert [volume for volume in asked["volumes"] if not volume.endswith(":ro")] == ["journal:/var/lib/user-miner"]
    assert int(asked["stop_grace_period"].removesuffix("s")) > STOP_S
    assert set(asked["logging"]["options"]) == {"max-size", "max-file"}
    assert (COMPOSE.parent / asked["build"]["context"] / asked["build"]["dockerfile"]).resolve() == DOCKERFILE
