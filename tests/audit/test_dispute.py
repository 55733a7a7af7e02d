"""Dispute bundles: each post's proves itself, none speaks of another post, and nothing in one can be changed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bittensor_core import Keypair

from actor.edges.hotkey import is_signed_by
from actor.machine import norm_text
from actor.machine.history import folded
from audit.dispute import Bundle, BundleReport, check_bundle, encode_bundle, make_bundles
from audit.dispute.text import report_lines
from audit.errors import UsageError
from audit.posts import post_rows
from events import catalogue as ev
from events.codec import changed, plain
from events.journal import JournalReader, Record
from events.journal.record import checkpoint_message, hashes_sha256
from tests.audit.dispute_kit import MINER_S_WORD, at, leaves, pattern, read, resealed, spoiled, truthful
from tests.audit.replay_kit import SAMPLE, SEGMENT, story, write
from tests.feedback.kit import judged
from tests.kit import HOTKEY, Drive, accepted, analysis_failed, limited

pytestmark = pytest.mark.slow

BOB = Keypair.create_from_uri("//Bob").ss58_address


@pytest.fixture(scope="session")
def sample() -> tuple[list[Record], dict[str, Bundle]]:
    """The recorded sample's records, and the bundle of every post in it."""
    records = list(JournalReader(SAMPLE))
    post_ids = [row.post.id for row in post_rows(folded(records))]
    return records, {bundle.post_id: bundle for bundle in make_bundles(SAMPLE, post_ids)}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk; its posts are analyzed as they are."""
    return write(tmp_path / "story", truthful(story()))


def bundle_of(journal: Path, post_id: str) -> Bundle:
    """One post's bundle."""
    (bundle,) = make_bundles(journal, [post_id])
    return bundle


def check(bundle: Bundle, hotkey: str | None = None) -> BundleReport:
    """The check of a bundle's file."""
    return check_bundle(encode_bundle(bundle).encode(), is_signed_by, hotkey=hotkey)


def test_the_bundle_of_every_post_of_the_sample_verifies_on_its_own(
    sample: tuple[list[Record], dict[str, Bundle]],
) -> None:
    """All records shown are signed for, and the verdict is the journal's; whatever covers its text is proven."""
    records, bundles = sample
    rows = post_rows(folded(records))
    assert len(bundles) == len(rows) > 100
    for row in rows:
        report = check(bundles[row.post.id], HOTKEY)
        assert (report.findings, report.unsigned, report.loose) == ((), (), frozenset()), row.post.id
        shown = bundles[row.post.id].records
        covered = any('"content_sha256"' in r.line or '"SubmissionStarted"' in r.line for r in shown)
        assert report.ok == (report.named and covered), (
            "what waited for its analysis until it was given up tells no text"
        )
        told = row.verdict if row.verdict in {"accepted", "rejected", "abandoned"} else "none"
        assert report.verdict == told
        assert (report.analyzed, report.sent) == (row.analysis is not None, row.attempts > 0)


def said(bundle: Bundle) -> set[str]:
    """All values of a bundle as texts, those within its records too; of the lists only that they hold but hashes."""
    data = plain(bundle)
    lists = [hash_ for listed in data["checkpoints"] for hash_ in listed.pop("hashes")]
    assert all(re.fullmatch("[0-9a-f]{64}", hash_) for hash_ in lists)
    parsed = [json.loads(shown.pop("line")) for shown in data["records"]]
    return {str(at(holder, path)) for holder in (data, *parsed) for path in leaves(holder)}


def test_no_bundle_of_the_sample_speaks_of_another_post(sample: tuple[list[Record], dict[str, Bundle]]) -> None:
    """Neither the id nor the text of any other post, drawn or only found, and no author but its own.

    One id apart: that of an earlier post of the same text whose analysis was taken over.
    """
    records, bundles = sample
    events = [event for record in records if isinstance(event := record.event(), ev.PostsScraped)]
    posts = {p.id: p for event in events for p in event.posts}
    ids = {post_id for event in events for post_id in event.candidates}
    authors = {p.author for p in posts.values()}
    analyses = [event for record in records if isinstance(event := record.event(), ev.PostAnalyzed)]
    alike = {event.post_id: event.reused_from for event in analyses if event.reused_from is not None}
    tellers: dict[str, set[str]] = {}
    for post_id, bundle in bundles.items():
        values, own = said(bundle), posts[post_id]
        text = "\n".join(values)
        sources = {alike[post_id]} if post_id in alike else set()
        assert ids.intersection(re.findall("[0-9]+", text)) == {post_id, *sources}
        assert all(norm_text(posts[source].content) == norm_text(own.content) for source in sources)
        assert authors.intersection(re.findall(r"\w+", text.replace(own.content, ""))) <= {own.author}
        for value in values:
            tellers.setdefault(value, set()).add(own.content)
    shortest = min(len(p.content) for p in posts.values())
    beginnings: dict[str, list[str]] = {}
    for content in {p.content for p in posts.values()}:
        beginnings.setdefault(content[:shortest], []).append(content)
    for value, own_texts in tellers.items():
        for content in quoted(value, beginnings):
            assert all(content in text for text in own_texts), value


def quoted(value: str, beginnings: Mapping[str, list[str]]) -> Iterator[str]:
    """The contents that stand in a text, found by their beginnings, which are of one length."""
    length = len(next(iter(beginnings)))
    for place in range(len(value) - length + 1):
        for content in beginnings.get(value[place : place + length], ()):
            if value.startswith(content, place):
                yield content


def test_it_shows_all_that_names_the_post_and_what_governed_it(
    sample: tuple[list[Record], dict[str, Bundle]],
) -> None:
    """Every record that names it, byte for byte; the journal's beginning, the start, the window; the rest is named.

    What validators told after its verdict is none of a dispute's matter.
    """
    records, bundles = sample
    lines = {line for path in SAMPLE.glob("*.jsonl") for line in path.read_text("utf-8").split("\n")}
    by_post: dict[str, set[int]] = {}
    for record in (record for record in records if record.name != "ValidationObserved"):
        by_post.setdefault(str(record.data.get("post_id")), set()).add(record.seq)
    for post_id, bundle in bundles.items():
        shown = [record.seq for record in bundle.records]
        assert by_post.get(post_id, set()) <= set(shown)
        assert {record.line for record in bundle.records} <= lines
        names = [records[seq - 1].name for seq in shown]
        assert names[0] == "JournalCreated"
        before = {records[seq - 1].name for seq in shown if seq < bundle.search.seq}
        assert "ActorStarted" in before
        assert before & {"WindowOpened", "WindowsRevised"}
        told = {*shown, bundle.search.seq, *(left.seq for left in bundle.left_out)}
        assert set(range(bundle.search.seq, max(told) + 1)) <= told
        assert all(records[left.seq - 1].name == left.event for left in bundle.left_out)


@pytest.fixture(scope="session")
def accepted_bundle(sample: tuple[list[Record], dict[str, Bundle]]) -> dict[str, Any]:
    """The bundle of an accepted post that was attempted twice, parsed."""
    _, bundles = sample
    bundle = next(
        b for b in bundles.values() if sum('"SubmissionStarted"' in r.line for r in b.records) == 2 and b.left_out
    )
    data: dict[str, Any] = json.loads(encode_bundle(bundle))
    return data


def test_whatever_is_changed_is_found(accepted_bundle: dict[str, Any]) -> None:
    """Each value of the bundle, one by one; the digest alone tells that much."""
    assert check_bundle(json.dumps(accepted_bundle).encode(), is_signed_by).ok
    for path in leaves(accepted_bundle):
        report = check_bundle(json.dumps(spoiled(accepted_bundle, path)).encode(), is_signed_by)
        assert report.findings, path
        assert not report.ok


def test_whatever_is_forged_is_found_but_what_is_only_said(accepted_bundle: dict[str, Any]) -> None:
    """With a digest that fits, each value but the miner's word is still found, and the finding names the part."""
    for path in leaves(accepted_bundle):
        report = check_bundle(resealed(spoiled(accepted_bundle, path)), is_signed_by)
        if path == ("sha256",) or pattern(path) in MINER_S_WORD:
            assert report.ok, path
        else:
            assert report.findings, path
            assert not any(finding.startswith("sha256") for finding in report.findings)


def test_each_finding_names_its_part(accepted_bundle: dict[str, Any]) -> None:
    """A reader knows where to look."""
    seq = accepted_bundle["records"][2]["seq"]
    through = accepted_bundle["checkpoints"][-1]["seq"]
    expected = {
        ("records", 2, "line"): f"record {seq}: ",
        ("records", 2, "previous"): f"record {seq}: the hash does not continue",
        ("records", 2, "seq"): "record ",
        ("search", "hash"): f"record {accepted_bundle['search']['seq']}: its hash is not the one that was signed",
        ("search", "post", "content"): "search: the post's text is not the one that record ",
        ("search", "post", "likes"): "record ",
        ("search", "window"): "search: no record shown opens window ",
        ("checkpoints", -1, "hashes", 0): f"checkpoint of record {through}: the list is not the one that was signed",
        ("checkpoints", -1, "signature"): f"checkpoint of record {through}: it is not signed by ",
        ("checkpoints", -1, "reducer"): f"checkpoint of record {through}: it is not signed by ",
        ("left_out", -1, "seq"): "records from ",
        ("post_id",): "record ",
        ("search", "post", "id"): "search: the post is ",
        ("hotkey",): "checkpoint of record ",
        ("version",): "this is no dispute bundle: version 4",
        ("bundle",): "this is no dispute bundle: no object",
    }
    for path, beginning in expected.items():
        findings = check_bundle(resealed(spoiled(accepted_bundle, path)), is_signed_by).findings
        assert findings[0].startswith(beginning), (path, findings)


def without_the_post(data: dict[str, Any]) -> dict[str, Any]:
    """The bundle of another post, or of none, that anybody can make of this one."""
    search = {**data["search"], "post": {**data["search"]["post"], "id": "999", "content": "made up"}}
    kept = [record for record in data["records"] if record["seq"] < search["seq"]]
    gone = [
        {"seq": record["seq"], "event": "PostAnalyzed"} for record in data["records"] if record["seq"] > search["seq"]
    ]
    left_out = sorted([*data["left_out"], *gone], key=lambda left: int(left["seq"]))
    return {**data, "post_id": "999", "search": search, "records": kept, "left_out": left_out}


def test_of_a_post_that_no_record_names_nothing_is_proven(accepted_bundle: dict[str, Any]) -> None:
    """Whatever else is signed: the excerpt is then all that speaks of it, and anybody can write one."""
    report = check_bundle(resealed(without_the_post(accepted_bundle)), is_signed_by)
    assert (report.findings, report.unsigned, report.named, report.ok) == ((), (), False, False)
    assert report.verdict == "none"
    lines = list(report_lines(report))
    assert lines[-1].startswith("NOT PROVEN: no record shown names the post")
    (line,) = (line for line in "".join(lines).splitlines() if "an excerpt" in line)
    assert line.startswith("said")
    assert check_bundle(resealed(accepted_bundle), is_signed_by).named


def test_a_list_that_is_cut_elsewhere_is_no_list(accepted_bundle: dict[str, Any]) -> None:
    """Joined it is the text that was signed, and gives every record behind the cut another number."""
    data = copy.deepcopy(accepted_bundle)
    listed = data["checkpoints"][-1]
    first, second, third, *rest = listed["hashes"]
    listed["hashes"] = ["", first, second + third, *rest]
    findings = check_bundle(resealed(data), is_signed_by).findings
    assert findings[0] == f"checkpoint of record {listed['seq']}: it lists what is no hash"


def removals(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The bundle without one of its records, checkpoints, hashes or fields."""
    for name in ("records", "left_out", "checkpoints"):
        for index in range(len(data[name])):
            yield {**data, name: [*data[name][:index], *data[name][index + 1 :]]}
    listed = data["checkpoints"][0]
    yield {**data, "checkpoints": [{**listed, "hashes": listed["hashes"][1:]}, *data["checkpoints"][1:]]}
    for name in data:
        if name != "sha256":
            yield {key: value for key, value in data.items() if key != name}


def test_nothing_can_be_taken_away(accepted_bundle: dict[str, Any]) -> None:
    """What is missing is missed or not signed for any more, but for a start before the search, and for the very end.

    A bundle that lacks its end shows no verdict, and says so.
    """
    seqs = [record["seq"] for record in accepted_bundle["records"]]
    governing = {seq for seq in seqs if 1 < seq < accepted_bundle["search"]["seq"]}
    passed = []
    for data in removals(accepted_bundle):
        (gone, *_) = {*seqs} - {record["seq"] for record in data.get("records", [])} or {0}
        report = check_bundle(resealed(data), is_signed_by)
        assert not report.ok or gone in {*governing, seqs[-1]}
        assert report.verdict == ("none" if gone == seqs[-1] or report.bundle is None else "accepted")
        passed += [gone] * report.ok
    assert seqs[-1] in passed


def test_records_cannot_change_places(accepted_bundle: dict[str, Any]) -> None:
    """Nor stand twice."""
    first, second, *rest = accepted_bundle["records"]
    for records in ([second, first, *rest], [first, first, second, *rest], [first, second, *rest, rest[-1]]):
        assert check_bundle(resealed({**accepted_bundle, "records": records}), is_signed_by).findings


def test_every_byte_counts(accepted_bundle: dict[str, Any]) -> None:
    """A flipped bit anywhere is found, unless the file still says the same."""
    content = json.dumps(accepted_bundle).encode()
    for place in range(0, len(content), 37):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 7
        try:
            same = json.loads(flipped) == accepted_bundle
        except ValueError:
            same = False
        assert check_bundle(bytes(flipped), is_signed_by).ok == same, place


def test_another_hotkey_s_signature_proves_nothing(journal: Path) -> None:
    """Neither a bundle of another journal nor one that a stranger signed anew."""
    bundle = bundle_of(journal, "1")
    assert check(bundle).ok
    assert check(bundle, BOB).findings == (f"hotkey: the bundle is of {HOTKEY}",)
    bob = Keypair.create_from_uri("//Bob")
    data = json.loads(encode_bundle(bundle))
    for listed in data["checkpoints"]:
        fields = {name: listed[name] for name in listed if name != "hashes"}
        message = checkpoint_message(ev.CheckpointSigned(**fields))
        listed["signature"] = bob.sign(message).hex()
    assert check_bundle(resealed(data), is_signed_by).findings
    assert any("belongs to" in f for f in check_bundle(resealed({**data, "hotkey": BOB}), is_signed_by).findings)


def two_windows(at_ms: int, **checkpoint: Any) -> Drive:
    """A journal that begins then: a window with post 1, one with posts 2 and 3, each of two records sent after it."""
    drive = Drive()
    drive.at_ms += at_ms
    drive.start()
    for window, numbers in ((7, (1,)), (8, (2, 3))):
        drive.window(window).scraped(*numbers)
        drive.on(*(read(str(number)) for number in numbers))
        drive.accept_all().sign(**checkpoint)
    return drive


def spliced(tmp_path: Path, **checkpoint: Any) -> dict[str, Any]:
    """A bundle of post 2 from one journal, whose beginning is that of another journal of the same hotkey."""
    one, other = (write(tmp_path / str(at_ms), two_windows(at_ms, **checkpoint)) for at_ms in (0, 1))
    data, foreign = (json.loads(encode_bundle(bundle_of(journal, "2"))) for journal in (one, other))
    first = foreign["checkpoints"][0]
    assert data["checkpoints"][0]["seq"] == first["seq"]
    kept = [record for record in data["records"] if record["seq"] > first["seq"]]
    begun = [record for record in foreign["records"] if record["seq"] <= first["seq"]]
    return {**data, "records": [*begun, *kept], "checkpoints": [first, *data["checkpoints"][1:]]}


def test_a_bundle_spliced_from_two_journals_of_one_hotkey_is_refused(tmp_path: Path) -> None:
    """Each part is signed, and so is the journal that it is of."""
    data = spliced(tmp_path)
    report = check_bundle(resealed(data), is_signed_by)
    last = data["checkpoints"][-1]["seq"]
    assert report.findings == (
        f"checkpoint of record {last}: it is of another journal, not of the one that record 1 begins",
    )
    assert not report.ok


def test_what_older_checkpoints_cannot_prove_is_said(tmp_path: Path) -> None:
    """Those of version 2 name no journal: a spliced bundle contradicts nothing, so a whole one proves no more."""
    whole = bundle_of(write(tmp_path / "whole", two_windows(0, journal=None)), "2")
    assert [listed.journal for listed in whole.checkpoints] == [None, None]
    for content in (encode_bundle(whole).encode(), resealed(spliced(tmp_path, journal=None))):
        report = check_bundle(content, is_signed_by)
        assert (report.findings, report.unsigned, report.ok) == ((), (), False)
        assert report.loose - {whole.search.seq} == {seq for seq in report.signed if seq > whole.checkpoints[0].seq}
        last = list(report_lines(report))[-1]
        assert last.startswith("NOT PROVEN: record(s) ")
        assert "may be of another journal: their checkpoints, of version 2, name none" in last
    assert check(bundle_of(tmp_path / "whole", "1")).ok, "its list holds the first record"


def test_older_checkpoints_that_a_record_joins_prove_as_much(tmp_path: Path) -> None:
    """A post that waits beyond a checkpoint has it shown: its hash is in one list, its predecessor's in the other."""
    drive = Drive().start().batch(7, 1, 2)
    drive.on(limited(drive.send(), 700))
    drive = truthful(drive)
    drive.sign(journal=None)
    drive.window(8).scraped().accept_all().sign(journal=None)
    bundle = bundle_of(write(tmp_path / "joined", drive), "2")
    assert [listed.journal for listed in bundle.checkpoints] == [None, None]
    assert check(bundle).ok


def test_bundles_of_version_1_are_read(tmp_path: Path) -> None:
    """They were made of such checkpoints, without the field; one that has it is none of that version."""
    journal = write(tmp_path / "old", two_windows(0, journal=None))
    for post_id, ok in (("1", True), ("2", False)):
        data = json.loads(encode_bundle(bundle_of(journal, post_id)))
        assert data["version"] == 3
        data["version"] = 1
        del data["search"]["post"]["edits"]
        assert "names no journals" not in check_bundle(resealed(data), is_signed_by).findings
        for listed in data["checkpoints"]:
            del listed["journal"]
        report = check_bundle(resealed(data), is_signed_by)
        assert (report.findings, report.ok) == ((), ok)
        data["checkpoints"][0]["journal"] = "0" * 64
        assert "version 1 names no journals" in check_bundle(resealed(data), is_signed_by).findings[0]


def test_bundles_of_version_2_are_read(accepted_bundle: dict[str, Any]) -> None:
    """Their posts told no other versions of themselves; one that does is none of that version."""
    data = json.loads(json.dumps(accepted_bundle)) | {"version": 2}
    del data["search"]["post"]["edits"]
    report = check_bundle(resealed(data), is_signed_by)
    assert (report.findings, report.ok) == ((), True)
    data["search"]["post"]["edits"] = ["17"]
    assert "version 2 tells no other versions" in check_bundle(resealed(data), is_signed_by).findings[0]


def test_a_validator_s_word_names_no_post(tmp_path: Path) -> None:
    """A judgement of a post that nobody found is signed like all else, and lets nobody prove that post."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(read("1"), judged(BOB, "999", passed=True))
    drive.accept_all().sign()
    journal = write(tmp_path / "judged", drive)
    data = without_the_post(json.loads(encode_bundle(bundle_of(journal, "1"))))
    (word,) = (record for record in drive.records if record.name == "ValidationObserved")
    line = drive.lines[word.seq - 1].decode().removesuffix("\n")
    shown = {"seq": word.seq, "previous": drive.records[word.seq - 2].hash, "line": line}
    left_out = [left for left in data["left_out"] if left["seq"] != word.seq]
    forged = {**data, "records": [*data["records"], shown], "left_out": left_out}
    report = check_bundle(resealed(forged), is_signed_by)
    assert (report.findings, report.unsigned, report.named, report.ok) == ((), (), False, False)


def test_a_history_made_up_needs_the_hotkey(journal: Path) -> None:
    """Whoever rewrites a record, its hash and the list still lacks the signature."""
    data = json.loads(encode_bundle(bundle_of(journal, "1")))
    drive = truthful(story())
    forged = Drive()
    for record in drive.records[: data["records"][-1]["seq"]]:
        event = record.event()
        forged.at_ms = record.at_ms
        forged.on(changed(event, status="ok") if isinstance(event, ev.SubmissionAccepted) else event)
    lines = {record.seq: line for record, line in zip(forged.records, forged.lines, strict=True)}
    hashes = [record.hash for record in forged.records]
    for shown in data["records"]:
        shown["line"] = lines[shown["seq"]].decode().removesuffix("\n")
        shown["previous"] = hashes[shown["seq"] - 2] if shown["seq"] > 1 else "0" * 64
    listed = data["checkpoints"][0]
    listed["hashes"] = hashes[: listed["seq"]] + listed["hashes"][len(hashes) :]
    listed |= {"hashes_sha256": hashes_sha256(listed["hashes"]), "head": listed["hashes"][-1]}
    data["search"]["hash"] = hashes[data["search"]["seq"] - 1]
    assert check_bundle(resealed(data), is_signed_by).findings == (
        f"checkpoint of record {listed['seq']}: it is not signed by {HOTKEY}",
    )


def test_what_is_not_signed_yet_is_shown_and_said(tmp_path: Path) -> None:
    """Records behind the last checkpoint are chained; the next checkpoint makes them proven, without a change."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(read("1"), analysis_failed("2"))
    drive.on(accepted(drive.send()))
    report = check(bundle_of(write(tmp_path / "early", drive), "1"))
    assert (report.findings, report.signed, report.ok) == ((), frozenset(), False)
    assert report.unsigned == (1, 2, 3, 4, 5, 7, 8)
    drive.on(accepted(drive.send()))
    drive.sign()
    later = bundle_of(write(tmp_path / "later", drive), "1")
    assert check(later).ok
    assert [shown.line for shown in later.records] == [
        shown.line for shown in bundle_of(tmp_path / "early", "1").records
    ]


def test_a_journal_without_lists_yields_a_bundle_that_says_so(tmp_path: Path) -> None:
    """Checkpoints of version 1 sign the end of the chain alone: nothing is proven, and nothing contradicts it."""
    recorded = Path(__file__).parents[1] / "journal" / "recorded" / "v1" / "whole"
    for row in post_rows(folded(JournalReader(recorded))):
        report = check(bundle_of(recorded, row.post.id))
        assert (report.signed, report.verdict) == (frozenset(), row.verdict)
        assert not any("signed" in finding for finding in report.findings)
    assert tmp_path.is_dir()


def test_a_first_list_reaches_back_over_all_that_version_1_signed(tmp_path: Path) -> None:
    """So posts of an older build are provable once a newer one has signed."""
    drive = truthful(story())
    old = Drive()
    for record in drive.records:
        event = record.event()
        old.at_ms = record.at_ms
        if isinstance(event, ev.CheckpointSigned):
            event = changed(event, since=None, hashes_sha256=None, reducer=1)
        old.on(event)
    assert old.state.checkpoint_seq == 0
    old.sign()
    report = check(bundle_of(write(tmp_path / "old", old), "1"))
    assert report.ok
    assert report.bundle is not None
    assert [(listed.since, listed.seq) for listed in report.bundle.checkpoints] == [(0, len(drive.records))]


def test_a_checkpoint_that_lies_covers_nothing(tmp_path: Path) -> None:
    """A list that is not the records', though signed, proves nothing for them; the next one begins behind it."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(read("1"))
    drive.on(accepted(drive.send()))
    drive.sign(hashes_sha256="0" * 64)
    drive.window(8).scraped(2)
    drive.on(read("2"))
    drive.on(accepted(drive.send()))
    drive.sign()
    journal = write(tmp_path / "liar", drive)
    report = check(bundle_of(journal, "1"))
    assert (report.findings, report.ok) == ((), False)
    assert check(bundle_of(journal, "2")).unsigned == (1, 2), "the second list holds the rest"


def test_only_posts_that_were_drawn_have_a_bundle(journal: Path) -> None:
    """Others are named for what they are."""
    with pytest.raises(UsageError, match="knows no post 99"):
        bundle_of(journal, "99")
    with pytest.raises(UsageError, match="--what posts"):
        bundle_of(journal, "../1")
    drive = Drive().start().window(7)
    posts = next(event for r in story().records if isinstance(event := r.event(), ev.PostsScraped))
    drive.on(changed(posts, window=7, candidates=("9", *posts.candidates)))
    with pytest.raises(UsageError, match="found by the search of record 4, but not drawn"):
        bundle_of(write(journal.with_name("drawn"), drive), "9")


def test_damage_behind_the_post_s_life_does_not_matter(journal: Path) -> None:
    """A journal that is damaged later still proves what came before."""
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([*lines[:-3], b"damage\n", *lines[-2:]]))
    assert check(bundle_of(journal, "1")).ok


def test_a_bundle_is_safe_to_print_and_the_same_each_time(journal: Path) -> None:
    """No control character of a post is raw in it, and making it again makes the same bytes."""
    text = encode_bundle(bundle_of(journal, "3"))
    assert text.replace("\n", "").isprintable()
    assert text == encode_bundle(bundle_of(journal, "3"))
