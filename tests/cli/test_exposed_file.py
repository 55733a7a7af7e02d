"""A settings file that others can read: ``run`` says so, as doctor does."""

from __future__ import annotations

import pytest

from tests.cli.kit import Command
from tests.world import World


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, None),
        (0o400, None),
        (0o640, "its group"),
        (0o644, "every user of this machine"),
        (0o604, "every user of this machine"),
        (0o666, "every user of this machine"),
    ],
)
def test_run_warns_once_of_others(here: World, command: Command, mode: int, who: str | None) -> None:
    """One line with the cure, and no secret; the miner works."""
    settings = here.folder / ".miner_env"
    settings.write_text("X_BEARER_TOKEN=of-the-file\nNETUID=45\n")
    settings.chmod(mode)
    code, _, errors = command("run", "--windows", "1")
    assert code == 0
    lines = [line for line in errors.splitlines() if "chmod" in line]
    assert len(lines) == (0 if who is None else 1)
    if who is not None:
        assert f"{who} can read the secrets in .miner_env: chmod 600 .miner_env" in lines[0]
        assert "warning" in lines[0]
    assert "of-the-file" not in errors


def test_a_file_without_a_secret_is_nobody_s_matter(here: World, command: Command) -> None:
    """Nor is one whose secrets are left empty."""
    settings = here.folder / ".miner_env"
    settings.write_text("API_KEY=\nNETUID=45\n")
    settings.chmod(0o644)
    code, _, errors = command("run", "--windows", "1")
    assert (code, "chmod" in errors) == (0, False)
