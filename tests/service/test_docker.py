"""The Dockerfile and the compose file, as far as they can be tried without a docker engine.

``make image`` builds and runs them, with an engine of its own.
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

from actor.settings.model import Settings
from tests.cli.kit import running
from tests.docs.kit import ROOT
from tests.world import World, bare_env, wait_for

FOLDER = ROOT / "docs" / "operators" / "service"
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


def links() -> dict[str, str]:
    """The links that the image makes, by what they are called."""
    (made,) = [line for line in instructions("RUN") if "ln -s" in line]
    return {link: target for target, link in re.findall(r"ln -s (\S+) (\S+)", made)}


def variables() -> dict[str, str]:
    """The image's environment."""
    return dict(word.split("=", 1) for word in shlex.split(" ".join(instructions("ENV"))))


def test_no_command_needs_a_flag() -> None:
    """Where commands work, the defaults of all settings lead to the mounts, so no flag or variable hides a setting."""
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["user-miner"]
    assert json.loads(instructions("CMD")[-1]) == ["run"]
    home = instructions("WORKDIR")[-1]
    assert f"--home-dir {home} " in instructions("RUN")[-1]
    defaults = {name: str(field.default) for name, field in Settings.model_fields.items()}
    mounts = dict(volume.split(":")[1::-1] for volume in service()["volumes"])
    assert mounts == {"/var/lib/user-miner": "journal", "/etc/user-miner": "/etc/user-miner"}
    assert links() == {
        f"{home}/.miner_env": "/etc/user-miner/miner_env",
        f"{home}/{defaults['journal_dir']}": "/var/lib/user-miner",
        defaults["wallet_path"].replace("~", home): "/etc/user-miner/wallets",
    }
    assert instructions("VOLUME") == ["/var/lib/user-miner"]
    named = {name for name in variables() if name.lower() in Settings.model_fields}
    assert named == set(service()["environment"]) == {"METRICS_PORT"}, "the health check's; all else is the file's"


def test_the_folders_are_the_user_s_alone() -> None:
    """User and group have one number, which no package takes, and the volume begins empty and closed."""
    (made,) = [line for line in instructions("RUN") if "useradd" in line]
    user, group = instructions("USER")[-1].split(":")
    assert f"groupadd --gid {group} " in made
    assert f"useradd --uid {user} --gid {group} --no-create-home " in made
    assert f"install -d -m 0700 -o {user} -g {group} /var/lib/user-miner" in made
    assert not set(re.findall(r"--system|--user-group|--create-home\b", made.replace("--no-create-home", "")))


def test_the_health_check_asks_the_miner(world: World) -> None:
    """The image's own command: fine while a miner works at METRICS_PORT, whatever the proxy; not once it has gone."""
    (check,) = re.findall(r"CMD (\[.+?\])$", instructions("HEALTHCHECK")[0])
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = str(reserved.getsockname()[1])
    _, *words = json.loads(check)
    env = bare_env(METRICS_PORT=port, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")

    def is_healthy() -> bool:
        return subprocess.run([sys.executable, *words], env=env, capture_output=True, check=False).returncode == 0

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
