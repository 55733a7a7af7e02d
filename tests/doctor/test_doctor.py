"""``user-miner doctor`` as a whole: its lines, its JSON, its exit codes, and wrong use."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.cli.kit import Command, is_one_line
from tests.docs.kit import ROOT, rows
from tests.doctor.kit import look
from tests.world import World

NAMES = [
    "python",
    "packages",
    "env-file",
    "settings",
    "variables",
    "wallet",
    "journal",
    "lock",
    "records",
    "identity",
    "budgets",
    "alarms",
    "disk",
    "log",
    "metrics",
    "network",
    "api",
    "clock",
    "window",
    "x",
    "llm",
    "notify",
]


def test_all_is_well(here: World, command: Command) -> None:
    """One line for each check in a fixed order, the sum behind them, exit code 0."""
    here.mine()
    code, out, errors = command("doctor")
    *lines, total = out.splitlines()
    assert (code, errors) == (0, "")
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in NAMES]
    assert total == f"{len(NAMES)} ok"


def test_the_json_has_a_stable_shape(here: World, command: Command) -> None:
    """Fields, types and order as documented; its texts are those of the lines."""
    found = look(command)
    assert list(found.report) == ["format", "build", "at", "ok", "counts", "checks"]
    assert (found.report["format"], found.report["ok"]) == (1, True)
    assert list(found.report["counts"]) == ["ok", "warning", "failure", "skipped"]
    assert [check["name"] for check in found.report["checks"]] == NAMES
    assert all(list(check) == ["name", "level", "found", "fix"] for check in found.report["checks"])
    _, out, _ = command("doctor")
    assert f"window     {found.of('window')[0]['found']}\n" in out
    assert here.sandbox.ledger.api.submits() == []


def test_a_warning_is_no_failure_and_a_failure_is(here: World, command: Command) -> None:
    """Exit code 0 with warnings only, 1 with a failure, which the sum counts."""
    here.sandbox.script("api.status", "mismatch")
    code, out, _ = command("doctor")
    assert (code, out.splitlines()[-1]) == (0, f"{len(NAMES) - 1} ok, 1 warning")
    here.sandbox.down("api")
    code, out, _ = command("doctor")
    assert (code, out.splitlines()[-1]) == (1, f"{len(NAMES) - 3} ok, 1 failure, 2 skipped")
    (line,) = [line for line in out.splitlines() if line.startswith("failure")]
    assert line.startswith("failure api        127.0.0.1:")
    assert "; fix: start what serves http://127.0.0.1:" in line


@pytest.mark.parametrize(
    "flags",
    [
        ("--timeout", "0"),
        ("--timeout", "soon"),
        ("--netuid", "70000"),
        ("--netuid", "x"),
        ("--no-such-flag",),
        ("surplus",),
        ("--bundle",),
    ],
)
def test_wrong_use(here: World, command: Command, flags: tuple[str, ...]) -> None:
    """Exit code 2, one line that names it, and nothing is asked."""
    code, out, errors = command("doctor", *flags)
    assert (code, out) == (2, "")
    assert is_one_line(errors)
    assert here.sandbox.ledger.api.exchanges() == []


def test_what_is_told_cannot_steer_the_terminal(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colour and a direction override, in a path and in a model's name that the server does not list."""
    monkeypatch.setenv("MODEL", "key\x1b[31mword\u202e-stand-in")
    odd = here.folder / "journal-\x1b[31m-\u202e"
    code, out, _ = command("doctor", "--journal", odd)
    assert code == 1
    assert "does not list key" in out
    assert out.replace("\n", "").isprintable()
    code, out, _ = command("doctor", "--json", "--journal", odd)
    assert out.replace("\n", "").isprintable()


def test_an_output_that_takes_nothing(here: World) -> None:
    """A full disk behind it is one line and exit code 2; a reader that left early is nothing at all."""
    program = f"{shlex.quote(sys.executable)} -m user_miner.cli doctor"
    for ending, code, line in (("> /dev/full", 2, "No space left"), ("| true", 0, "")):
        done = subprocess.run(
            ["bash", "-c", f"{program} {ending}; exit ${{PIPESTATUS[0]}}"],
            env=here.env(PYTHONPATH=str(ROOT)),
            cwd=here.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert is_one_line(done.stderr, line) if line else done.stderr == "", done.stderr


def test_every_check_is_documented() -> None:
    """docs/operators/doctor.md has a row for each, in the order of the lines."""
    documented = [row["name"].strip("`") for row in rows(ROOT / "docs" / "operators" / "doctor.md", column="name")]
    assert documented == [*NAMES, "chain", "x-search", "llm-answer", "llm-known"]
