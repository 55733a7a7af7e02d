"""docs/developers/testing.md: its snippets are run as a project's tests, and its tables name what there is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from actor import testing
from actor.testing import plugin
from actor.testing.commands import COMMANDS
from tests.docs.kit import ROOT, blocks, matches, rows

DOCUMENT = ROOT / "docs" / "developers" / "testing.md"
Env = Callable[..., dict[str, str]]


def test_the_snippets_pass(recorded: Path, tmp_path: Path, shell_env: Env) -> None:
    """As files of a project that has a recorded journal; its transcript is rewritten to what the page shows."""
    shutil.copytree(next((recorded / "journal").iterdir()), tmp_path / "journal")
    (story,) = blocks(DOCUMENT, "text")
    (tmp_path / "retry.txt").write_text(story.text, "utf-8")
    snippets = blocks(DOCUMENT, "python")
    for number, snippet in enumerate(snippets):
        (tmp_path / f"test_{number}.py").write_text(snippet.text, "utf-8")
    command = ["pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "--rewrite-transcripts", "."]
    done = subprocess.run(command, cwd=tmp_path, env=shell_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    tests = sum(snippet.text.count("def test_") for snippet in snippets)
    assert f"{tests} passed" in done.stdout
    assert matches(story.text, (tmp_path / "retry.txt").read_text("utf-8"))


def test_every_command_of_a_transcript_is_explained() -> None:
    """In the order in which messages name them."""
    assert [row["command"].strip("`").split()[0] for row in rows(DOCUMENT, column="command")] == list(COMMANDS)


def test_every_fixture_is_explained() -> None:
    """No more and no fewer than the plugin has."""
    offered = {name for name in plugin.__all__ if not name.startswith("pytest_")}
    assert {row["fixture"].strip("`") for row in rows(DOCUMENT, column="fixture")} == offered


def test_every_public_name_is_explained() -> None:
    """What can be imported from the kit stands on the page, and what its snippets import is public."""
    text = DOCUMENT.read_text("utf-8")
    assert [name for name in testing.__all__ if f"`{name}" not in text and f"{name}(" not in text] == []
