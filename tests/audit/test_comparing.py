"""A bundle against the journal that it should be an excerpt of, and against a checkpoint that was kept elsewhere."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from actor.edges.hotkey import is_signed_by
from audit.dispute import BundleReport, check_bundle, encode_bundle, make_bundles
from audit.dispute.comparing import with_checkpoint, with_journal
from events.catalogue import CheckpointSigned
from events.codec import changed
from tests.audit.dispute_kit import MINER_S_WORD, leaves, pattern, resealed, spoiled, truthful
from tests.audit.replay_kit import story, write
from tests.kit import Drive


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk."""
    return write(tmp_path / "story", truthful(story()))


def bundle_of(journal: Path, post_id: str) -> dict[str, Any]:
    """One post's bundle, parsed."""
    (bundle,) = make_bundles(journal, [post_id])
    data: dict[str, Any] = json.loads(encode_bundle(bundle))
    return data


def held(data: dict[str, Any], journal: Path) -> BundleReport:
    """The bundle's report, with what the journal says of it."""
    return with_journal(check_bundle(resealed(data), is_signed_by), journal)


def kept_in(journal: Drive, number: int) -> CheckpointSigned:
    """One of its checkpoints."""
    signed = [event for record in journal.records if isinstance(event := record.event(), CheckpointSigned)]
    return signed[number]


@pytest.mark.parametrize("post_id", list("12345678"))
def test_an_honest_excerpt_agrees_with_its_journal(journal: Path, post_id: str) -> None:
    """And then what is left out is no longer only said."""
    report = held(bundle_of(journal, post_id), journal)
    assert (report.findings, len(report.compared)) == ((), 1)
    assert report.outcome == "proven"


def test_what_no_signature_covers_is_found_by_the_journal(journal: Path) -> None:
    """Each value of the miner's word, and each record that was hidden."""
    data = bundle_of(journal, "3")
    for path in (path for path in leaves(data) if pattern(path) in MINER_S_WORD):
        assert check_bundle(resealed(spoiled(data, path)), is_signed_by).ok, path
        (finding,) = held(spoiled(data, path), journal).findings
        assert finding.startswith(f"search: {'.'.join(map(str, path[1:]))} is "), finding
    for record in [record for record in data["records"] if record["seq"] > data["search"]["seq"]]:
        name = json.loads(record["line"])["event"]
        hidden = copy.deepcopy(data)
        hidden["records"].remove(record)
        told = [*hidden["left_out"], {"seq": record["seq"], "event": name}]
        hidden["left_out"] = sorted(told, key=lambda left: int(left["seq"]))
        expected = f"record {record['seq']}: here it is left out as {name} of another post, by the journal shown"
        assert expected in held(hidden, journal).findings


def test_a_bundle_that_was_cut_off_is_found_by_the_journal(journal: Path) -> None:
    """Or one that is older than its post's end: there is more to tell."""
    data = bundle_of(journal, "1")
    data["records"].pop()
    report = held(data, journal)
    assert check_bundle(resealed(data), is_signed_by).verdict == "none"
    assert any(finding.startswith("the journal goes on with this post up to record ") for finding in report.findings)


def test_another_journal_is_told_as_that(tmp_path: Path, journal: Path) -> None:
    """Of the same hotkey, with a post of the same id or without."""
    later = Drive()
    later.at_ms += 1
    later.start().batch(7, 1).accept_all().sign()
    other = write(tmp_path / "other", truthful(later))
    (finding,) = held(bundle_of(journal, "1"), other).findings
    assert finding.startswith("journal: it is another one")
    (finding,) = held(bundle_of(journal, "8"), other).findings
    assert finding.startswith("journal: this journal knows no post 8")


def test_a_kept_checkpoint_is_of_the_same_history(journal: Path) -> None:
    """One whose record stands in the bundle's lists; of one that they do not reach nothing can be said."""
    drive = truthful(story())
    report = check_bundle(resealed(bundle_of(journal, "1")), is_signed_by)
    same = with_checkpoint(report, kept_in(drive, 0), is_signed_by)
    assert (same.ok, same.findings, len(same.compared)) == (True, (), 1)
    later = with_checkpoint(report, kept_in(drive, -1), is_signed_by)
    assert (later.ok, later.findings, later.compared) == (False, (), ())
    assert "they cannot be compared" in later.lacks[-1]


def test_a_kept_checkpoint_shows_two_histories(journal: Path) -> None:
    """The hotkey signed both: another record in the same place, or another list up to it."""
    report = check_bundle(resealed(bundle_of(journal, "1")), is_signed_by)
    for fields in ({"head": "0" * 64}, {"hashes_sha256": "0" * 64}):
        drive = truthful(story())
        end = kept_in(drive, 0).seq
        again = Drive()
        for record in drive.records[:end]:
            again.at_ms = record.at_ms
            again.on(record.event())
        again.sign(**fields)
        (finding,) = with_checkpoint(report, kept_in(again, 0), is_signed_by).findings
        assert "the hotkey signed two histories" in finding
    foreign = Drive()
    foreign.at_ms += 1
    foreign.start()
    while foreign.head.seq < kept_in(truthful(story()), 0).seq:
        foreign.window(7 + foreign.head.seq)
    older = with_checkpoint(report, kept_in(foreign.sign(journal=None), 0), is_signed_by)
    assert (older.ok, older.findings) == (False, ())
    assert "they cannot be compared" in older.lacks[-1]
    unsigned = changed(kept_in(truthful(story()), 0), reducer=99)
    (finding,) = with_checkpoint(report, unsigned, is_signed_by).findings
    assert finding.startswith("the kept checkpoint is not signed by ")
    foreign = Drive()
    foreign.at_ms += 1
    foreign.start().batch(7, 1).accept_all().sign()
    (finding,) = with_checkpoint(report, kept_in(foreign, 0), is_signed_by).findings
    assert finding.startswith("the kept checkpoint is of another journal of this hotkey")
