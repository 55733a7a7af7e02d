"""The checker that disputes.md documents shares no code with the project, and judges as ``verify --bundle`` does."""

from __future__ import annotations

import copy
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
from audit.dispute.comparing import with_journal
from audit.dispute.text import report_lines
from audit.posts import post_rows
from events.catalogue import EVENTS, PostsScraped
from events.journal import JournalReader
from tests.audit.dispute_kit import MINER_S_WORD, at, leaves, pattern, resealed, spoiled
from tests.audit.replay_kit import SAMPLE
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
    """With whose post it is and the records that the bundle shows, for the hotkey that it names and for no other."""
    for content in (bundles[0], bundles[-1]):
        code, said = check(content, HOTKEY)
        assert code == 0, said
        data = json.loads(content)
        heading, *rows, verdict, last = said.splitlines()
        assert heading.startswith(f"post {data['post_id']} of {HOTKEY}, netuid 45, ")
        shown = {record["seq"]: "signed" for record in data["records"]} | {data["search"]["seq"]: "said"}
        assert [row.split()[:2] for row in rows] == [[mark, str(seq)] for seq, mark in sorted(shown.items())]
        window = f" window {data['search']['window']}"
        assert [row.endswith(window) for row in rows if "PostsScraped" in row] == [True]
        assert all(f"{window}, attempt " in row for row in rows if "SubmissionStarted" in row)
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


FORGER_S_ROWS = "\nsigned 9 2026-11-16T14:32:20.000Z SubmissionRejected\nverdict: rejected\nproven\x1b[8m\u202e\u2028"


def test_no_text_of_a_bundle_adds_a_row_or_steers_the_terminal(check: Check, bundles: list[bytes]) -> None:
    """Whichever text holds line ends and escapes: what the page prints is one story or one line, in plain ASCII."""
    data = json.loads(bundles[0])
    _, honest = check(bundles[0])
    texts = [path for path in leaves(data) if isinstance(at(data, path), str) and path[-1] != "sha256"]
    for path in {pattern(path): path for path in texts}.values():
        forged = copy.deepcopy(data)
        at(forged, path[:-1])[path[-1]] += FORGER_S_ROWS
        code, said = check(resealed(forged))
        assert said.replace("\n", "").isprintable(), path
        assert said == honest if code == 0 else said.count("\n") == 1, path
        assert check_bundle(resealed(forged), is_signed_by).ok == (code == 0), path


@pytest.mark.parametrize("time", ["yesterday", "", "2026-11-16T14:32:06Z", "2026-13-16T14:32:06.547Z", 5])
def test_the_search_s_time_is_a_time(check: Check, bundles: list[bytes], time: object) -> None:
    """It is shown beside signed ones, and nobody signed it."""
    data = json.loads(bundles[0])
    data["search"]["at"] = time
    assert check(resealed(data))[0] == 1
    assert not check_bundle(resealed(data), is_signed_by).ok


@pytest.mark.parametrize(
    "edits", [[5], [{"a": 1}], [["17"]], [None], ["x"], ["\uff11"], [""], ["POST"], ["17", "POST"]]
)
def test_other_versions_of_a_post_are_other_posts_ids(check: Check, bundles: list[bytes], edits: list[object]) -> None:
    """For both; good ones are the miner's word."""
    data = json.loads(bundles[0])
    data["search"]["post"]["edits"] = ["17", "18"]
    assert check(resealed(data))[0] == 0
    assert check_bundle(resealed(data), is_signed_by).ok
    data["search"]["post"]["edits"] = [data["post_id"] if edit == "POST" else edit for edit in edits]
    code, said = check(resealed(data))
    assert (code, "Traceback" in said) == (1, False)
    assert not check_bundle(resealed(data), is_signed_by).ok


def test_a_search_before_the_first_record_is_none(check: Check, bundles: list[bytes]) -> None:
    """The hash before record 1 is known to everybody, so it proves no search."""
    data = json.loads(bundles[0])
    data["left_out"].insert(0, {"seq": data["search"]["seq"], "event": "PostsScraped"})
    data["search"] |= {"seq": 0, "hash": "0" * 64}
    assert check(resealed(data))[0] == 1
    assert not check_bundle(resealed(data), is_signed_by).ok


def test_the_api_is_only_said(check: Check) -> None:
    """Of a post sent after a move, whether the move is shown, hidden by a lie, or posing as the search."""
    records = iter(JournalReader(SAMPLE))
    assert any(record.name == "ApiMoved" for record in records)
    found = (event for record in records if isinstance(event := record.event(), PostsScraped))
    (bundle,) = make_bundles(SAMPLE, [next(event.posts[0].id for event in found if event.posts)])
    data = json.loads(encode_bundle(bundle))
    (move,) = [record for record in data["records"] if json.loads(record["line"])["event"] == "ApiMoved"]
    line = json.loads(move["line"])
    shown = f", moved to {line['data']['api_url']}\n"
    without = data | {"records": [record for record in data["records"] if record != move]}
    search, left = data["search"], {"seq": data["search"]["seq"], "event": "PostsScraped"}
    posing = without | {"search": search | {"seq": line["seq"], "hash": line["hash"]}}
    posing |= {"left_out": sorted([left, *data["left_out"]], key=lambda told: int(told["seq"]))}
    for bundled, is_shown in ((data, True), (without, False), (posing, False)):
        content = resealed(bundled)
        code, said = check(content)
        report = check_bundle(content, is_signed_by)
        assert (code, report.outcome) == (0, "proven, except"), said
        for text in (said, "".join(report_lines(report))):
            heading = text.split("\n", maxsplit=1)[0] + "\n"
            assert ", netuid 45, first record: http://" in heading
            assert heading.endswith(shown) == is_shown
            assert "that the API is only said, for a move to another one may not be shown" in text.splitlines()[-1]
    assert with_journal(check_bundle(resealed(data), is_signed_by), SAMPLE).outcome == "proven"
    assert with_journal(check_bundle(resealed(without), is_signed_by), SAMPLE).outcome == "not proven"


def test_the_page_knows_every_event() -> None:
    """Which name no post, and which may be left out: a new event is added to both, or a bundle with it is refused."""
    (code,) = blocks(ROOT / "docs" / "operators" / "disputes.md", "python")
    lists = dict(re.findall(r'(NAME_NO_POST|MAY_NAME_OTHERS) = """(.*?)"""', code.text, flags=re.DOTALL))
    assert set(lists["MAY_NAME_OTHERS"].split()) == MAY_BE_LEFT_OUT
    assert set(lists["NAME_NO_POST"].split()) == EVENTS.keys() - MAY_BE_LEFT_OUT
