"""Forged bundles of every kind: the tool and the documented page agree, and no lie is proven beyond what docs list."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from actor.edges.hotkey import is_signed_by
from actor.machine import norm_text
from audit.dispute import BundleReport, check_bundle
from audit.dispute.comparing import with_journal
from tests.audit.dispute_kit import resealed
from tests.audit.liars import LIES, OPERATOR_S_LIES, World, world
from tests.docs.kit import ROOT, blocks

pytestmark = pytest.mark.slow

Page = Callable[[bytes], tuple[bool, str]]
CASES = 100


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """The document's checker, in this process, for it runs thousands of times."""
    (block,) = blocks(ROOT / "docs" / "operators" / "disputes.md", "python")
    code = compile(block.text, "check_bundle.py", "exec")
    file = tmp_path / "bundle.json"

    def run(content: bytes) -> tuple[bool, str]:
        file.write_bytes(content)
        before, sys.argv = sys.argv, ["check_bundle.py", str(file)]
        said = io.StringIO()
        refusal: str | None = None
        try:
            with contextlib.redirect_stdout(said):
                exec(code, {"__name__": "check_bundle"})  # noqa: S102  (the document's own code is what is tested)
        except SystemExit as end:
            refusal = str(end.code)
        finally:
            sys.argv = before
        if refusal is not None:
            assert (said.getvalue(), refusal.isprintable()) == ("", True), "it says why, and nothing before"
            return False, refusal
        rows = said.getvalue().split("\n")[:-1]
        assert all(row.isprintable() for row in rows), "a text of the bundle steers the terminal"
        data = json.loads(content)
        assert len(rows) == len(data["records"]) + len(("heading", "search", "verdict", "outcome"))
        return True, rows[-1]

    return run


def judged(data: dict[str, Any], page: Page, where: str) -> BundleReport:
    """The tool's report, which is the page's verdict, too."""
    content = resealed(data)
    report = check_bundle(content, is_signed_by)
    proven, said = page(content)
    assert proven == report.ok, f"{where}: tool {report.outcome} {report.findings} {report.lacks}, page: {said}"
    if proven:
        assert said.split(" that ")[0] == report.outcome.split(" that ")[0], where
        for exception in ("about other posts", "that the API is only said", "author, date and counts", "tells its end"):
            assert (exception in said) == any(exception in e for e in report.exceptions), f"{where}: {exception}"
    return report


def lied_about(
    there: World, random: Random, lies: tuple[Any, ...]
) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    """One honest bundle, told otherwise in one to three ways."""
    honest = there.bundles[0][random.choice(sorted(there.bundles[0]))]
    data = copy.deepcopy(honest)
    chosen = random.sample(lies, random.choice([1, 1, 2, 3])) if len(lies) > 3 else [random.choice(lies)]
    for lie in chosen:
        try:
            told = lie(data, there, random)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return None  # a lie before it left nothing that this one could use
        if told is None:
            return None
        data = told
    return "+".join(lie.__name__ for lie in chosen), honest, data


@pytest.mark.parametrize("seed", range(8))
def test_what_a_third_party_forges_is_not_proven(tmp_path: Path, page: Page, seed: int) -> None:
    """Whatever he hides, moves, makes up or takes from elsewhere, and hashes anew."""
    there = world(tmp_path, seed)
    random = Random(seed)  # noqa: S311  (a test's draw)
    proven = 0
    for case in range(CASES):
        found = lied_about(there, random, LIES)
        if found is None:
            continue
        lies, honest, data = found
        where = f"seed {seed}, case {case}: {lies}, post {honest['post_id']}"
        report = judged(data, page, where)
        if report.ok:
            proven += 1
            assert untrue(there, report) == [], where
        assert not with_journal(report, there.places[0]).ok or is_same(data, honest), where
    assert proven, f"seed {seed}: some lies are such as the document lists"


def is_same(data: dict[str, Any], honest: dict[str, Any]) -> bool:
    """Whether all is as it was, the digest aside, which is made anew."""
    return {**data, "sha256": ""} == {**honest, "sha256": ""}


def untrue(there: World, report: BundleReport) -> list[str]:
    """What a proven bundle claims that its journal does not say, the miner's word left aside."""
    bundle = report.bundle
    assert bundle is not None
    lines = {record.seq: there.walks[0].lines[record.seq - 1].decode() for record in there.walks[0].records}
    wrong = [f"line {s.seq}" for s in bundle.records if lines.get(s.seq) != f"{s.line}\n"]
    honest = there.bundles[0].get(bundle.post_id)
    if honest is None:
        return [*wrong, "there is no such post"]
    true, said = honest["search"]["post"], bundle.search.post
    if norm_text(said.content) != norm_text(true["content"]):
        wrong.append("text")
    if report.sent:
        names = ("author", "timestamp", "account_age", "retweets", "likes", "responses", "followers")
        wrong += [name for name in names if getattr(said, name) != true[name]]
    shown = {record.seq for record in bundle.records}
    left_out = {left.seq for left in bundle.left_out}
    end = max(shown | left_out)
    about = [record["seq"] for record in honest["records"] if _names(record, bundle.post_id)]
    hidden = [seq for seq in about if seq not in shown and seq <= end]
    if not left_out.issuperset(hidden) or (hidden and not any("other posts" in e for e in report.exceptions)):
        wrong.append("a record that is not even said to be left out")
    if end < max(about) and "that no record shown tells its end" not in report.exceptions:
        wrong.append("an end that is none")
    return wrong


def _names(record: dict[str, Any], post_id: str) -> bool:
    return bool(json.loads(record["line"])["data"].get("post_id") == post_id)


@pytest.mark.parametrize("seed", range(100, 104))
def test_what_the_operator_signs_anew_is_judged_alike(tmp_path: Path, page: Page, seed: int) -> None:
    """He can sign any history; what he signs must still fit together as far as it is shown."""
    there = world(tmp_path, seed)
    random = Random(seed)  # noqa: S311  (a test's draw)
    for case in range(CASES):
        found = lied_about(there, random, OPERATOR_S_LIES)
        if found is None:
            continue
        lies, honest, data = found
        report = judged(data, page, f"seed {seed}, case {case}: {lies}, post {honest['post_id']}")
        assert not with_journal(report, there.places[0]).ok or is_same(data, honest), (
            f"seed {seed}, case {case}: {lies}"
        )


def test_honest_bundles_are_proven_as_far_as_they_go(tmp_path: Path, page: Page) -> None:
    """Of random histories with crashes, restarts, gaps, moves and limits; nothing in them contradicts anything."""
    for seed in range(20, 26):
        there = world(tmp_path / str(seed), seed)
        for place, bundles in zip(there.places, there.bundles, strict=True):
            for post_id, data in bundles.items():
                report = judged(data, page, f"seed {seed}, post {post_id}")
                assert report.findings == (), f"seed {seed}, post {post_id}"
                assert with_journal(report, place).findings == (), f"seed {seed}, post {post_id}"
