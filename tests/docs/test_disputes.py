"""The checker that disputes.md documents shares no code with the project, and judges as ``verify --bundle`` does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actor.edges.hotkey import is_signed_by
from actor.machine.history import folded
from audit.dispute import check_bundle, encode_bundle, make_bundles
from audit.dispute.collecting import MAY_BE_LEFT_OUT
from audit.posts import post_rows
from events.catalogue import EVENTS
from events.journal import JournalReader
from tests.audit.dispute_kit import MINER_S_WORD, pattern, resealed, spoiled
from tests.docs.kit import ROOT, blocks
from tests.kit import HOTKEY

Check = Callable[..., tuple[int, str]]
# A value of each kind; the last one is covered by no signature.
FORGED: tuple[tuple[str | int, ...], ...] = (
    ("records", 2, "line"),
    ("records", -1, "previous"),
    ("records", -1, "seq"),
    ("search", "hash"),
    ("search", "post", "content"),
    ("search", "post", "id"),
    ("search", "post", "author"),
    ("search", "post", "followers"),
    ("checkpoints", 0, "hashes", 3),
    ("checkpoints", 0, "hashes_sha256"),
    ("checkpoints", 0, "signature"),
    ("checkpoints", 0, "reducer"),
    ("checkpoints", 0, "since"),
    ("post_id",),
    ("hotkey",),
    ("search", "post", "quotes"),
)


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the document's own code without this project's packages in reach."""
    (code,) = blocks(ROOT / "docs" / "operators" / "disputes.md", "python")
    program, file = tmp_path / "check_bundle.py", tmp_path / "bundle.json"
    program.write_text(code.text, "utf-8")

    def run(content: bytes, *arguments: str) -> tuple[int, str]:
        file.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-I", "-W", "error", str(program), str(file), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def bundles(journal: Path) -> list[bytes]:
    """A bundle for each post of the recorded journal."""
    post_ids = [row.post.id for row in post_rows(folded(JournalReader(journal)))]
    return [encode_bundle(bundle).encode() for bundle in make_bundles(journal, post_ids)]


def test_whole_bundles_pass(check: Check, bundles: list[bytes]) -> None:
    """With the records that the bundle shows, in order, for the hotkey that it names and for no other."""
    for content in (bundles[0], bundles[-1]):
        code, said = check(content, HOTKEY)
        assert code == 0, said
        data = json.loads(content)
        *rows, verdict, last = said.splitlines()
        shown = [["signed", str(record["seq"])] for record in data["records"]]
        assert [row.split()[:2] for row in rows] == [*shown, ["said", str(data["search"]["seq"])]]
        assert verdict.startswith("verdict: ")
        assert last.startswith("proven, except that ")
    assert check(bundles[0], "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")[0] == 1


def test_a_bundle_that_names_no_post_is_refused(check: Check, bundles: list[bytes]) -> None:
    """Without the records of the post, all that is left of it is an excerpt, which anybody can write."""
    data = json.loads(bundles[0])
    data["records"] = [record for record in data["records"] if record["seq"] < data["search"]["seq"]]
    data["left_out"] = []
    assert check(resealed(data)) == (1, "NOT PROVEN: no record shown speaks of the post's text\n")


def test_forged_bundles_are_refused_by_both(check: Check, bundles: list[bytes]) -> None:
    """A changed value is refused for the digest; with a digest that fits, for itself, unless it is the miner's word."""
    data = json.loads(bundles[0])
    forged = [path for path in FORGED if pattern(path) not in MINER_S_WORD]
    assert len(forged) == len(FORGED) - 1
    code, said = check(json.dumps(spoiled(data, FORGED[0])).encode())
    assert (code, said) == (1, "NOT PROVEN: sha256: something was changed after the bundle was made\n")
    for path in FORGED:
        code, said = check(resealed(spoiled(data, path)))
        assert "Traceback" not in said
        assert (code == 0) == check_bundle(resealed(spoiled(data, path)), is_signed_by).ok == (path not in forged), said


def test_the_page_knows_every_event() -> None:
    """Which name no post, and which may be left out: a new event is added to both, or a bundle with it is refused."""
    (code,) = blocks(ROOT / "docs" / "operators" / "disputes.md", "python")
    lists = dict(re.findall(r'(NAME_NO_POST|MAY_NAME_OTHERS) = """(.*?)"""', code.text, flags=re.DOTALL))
    assert set(lists["MAY_NAME_OTHERS"].split()) == MAY_BE_LEFT_OUT
    assert set(lists["NAME_NO_POST"].split()) == EVENTS.keys() - MAY_BE_LEFT_OUT
