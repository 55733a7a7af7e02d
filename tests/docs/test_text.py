"""What holds for the documents as texts: links, the README's first lines, and words that no tracked file may hold."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from actor.block_watch import BlockWatch
from actor.edges.api_wire import status_block
from actor.edges.reply import Reply
from actor.machine.state import State
from actor.ports import Block
from actor.testing.clock import VirtualClock
from events.catalogue import Policy
from events.prices import page_size, usd
from tests.docs.kit import DOCUMENTS, ROOT, anchors, links

# In parts, since this file is tracked too.
_REGISTRIES = re.compile("py" r"pi\.|python" r"hosted\.org|registry\.np" r"mjs|np" r"mjs\.com|cra" r"tes\.io")
_FOLDERS = "|".join(["/root", "/work", "/Users", *(re.escape(str(p)) for p in (ROOT, Path.home()))])
_MACHINE_PATH = re.compile(rf"(?<![\w.:/~<-])(?:{_FOLDERS})/[\w.]")
_LONGEST_LINE = 140


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.parent.name}/{d.stem}")
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file, and its anchor a heading in it."""
    for link in links(document):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.is_file(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.parent.name}/{d.stem}")
def test_named_files_exist(document: Path) -> None:
    """A path in code type that begins with a folder of ours is there."""
    text = document.read_text("utf-8")
    for path in re.findall(r"`((?:actor|events|audit|sandbox|docs|tests)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), f"{document.name}: {path}"


def test_the_readme_s_first_30_lines() -> None:
    """They say what it is, what it is not, and show a session."""
    first = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:30])
    assert first.startswith("# user-miner\n\nA miner for a Bittensor subnet")
    assert "It is not " in first
    assert "```console\n$ user-miner run" in first
    assert first.count("```") == 2, "the session ends within them"


def test_the_readme_tells_costs_and_dangers() -> None:
    """The figures of the bill, the dry run, and the warning of ruling 6 stand in it."""
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    for words in (
        "$0.005",
        "$0.010",
        "up to $0.15",
        "up to $10.80",
        "up to $432.00",
        "--dry-run",
        "make demo",
        "make test",
    ):
        assert words in text
    assert "`ON_ANALYSIS_ERROR=default` can cost a batch" in text
    assert "can cost the whole batch" in text


def test_the_most_that_a_day_can_cost_is_what_the_miner_allows() -> None:
    """Each row of the table follows from the defaults, the highest quota believed, and the floor of searches."""
    text = (ROOT / "docs" / "operators" / "costs.md").read_text("utf-8")
    policy = Policy()
    day_s, window_s, floor_s = 86_400, policy.blocks_per_window * policy.block_s, State(policy=policy).search_floor_s
    believed = [quota for quota in range(1, 1_000) if told_quota(quota) is not None]
    usual, most = policy.max_submissions_per_window, max(believed)
    rows = []
    for apart_s, blocks in ((window_s, "100 blocks"), (floor_s, "25 blocks or fewer")):
        for quota in (usual, most):
            searches, posts = round(day_s / apart_s), page_size(quota)
            x_usd = usd(searches * policy.prices.x_uusd(posts, posts))
            told = f"{quota} posts in {blocks}"
            told += ", as the defaults say" if (apart_s, quota) == (window_s, usual) else ""
            rows.append(f"| {told} | {searches} | {posts} | ${x_usd:.2f} | {searches * quota:,} |")
    for row in rows:
        assert row in text
    watch, state = BlockWatch(VirtualClock()), State(policy=policy)
    limits = [hear(state, Block(max_submissions=most)) for hear in (watch.hear_limit, watch.hear_submission) * 9]
    assert {block.max_submissions for block in limits} == {None}, "so a submission's answer leads to no other row"
    apart = round(day_s / floor_s) * policy.prices.x_uusd(page_size(usual), page_size(usual))
    assert f"a day costs ${usd(apart):.2f} at most" in " ".join(text.split())


def told_quota(quota: int) -> int | None:
    """What is left of a quota that the API tells."""
    body = json.dumps({"current_block": 1, "max_submissions": quota}).encode()
    return status_block(Reply(status=200, headers={}, body=body), redact=str).max_submissions


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.parent.name}/{d.stem}")
def test_prose_is_wrapped(document: Path) -> None:
    """Lines outside tables and code stay readable in a terminal."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > _LONGEST_LINE and not line.startswith("|")]
    assert not long


def test_no_registry_host_and_no_path_of_one_machine_is_tracked() -> None:
    """Text files name neither, so that a clone works anywhere."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name]
    assert names
    for name in names:
        try:
            text = (ROOT / name).read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for pattern in (_REGISTRIES, _MACHINE_PATH):
            assert pattern.findall(text) == [], name
