"""The report: one file that opens offline and says what the inspector and the audit say."""

from __future__ import annotations

import base64
import json
import re
import zlib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.audit.replay_kit import write
from tests.inspect.kit import SAMPLE, Served, opened, sample_source, violations
from tests.inspect.test_page import LAST, hostile_drive
from user_miner.cli import main


def _program(*words: str, code: int = 0) -> str:
    """The program in this process; what it printed."""
    with redirect_stdout(StringIO()) as printed, pytest.raises(SystemExit) as end:
        main(words)
    assert (end.value.code or 0) == code
    return printed.getvalue()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's report."""
    path = tmp_path_factory.mktemp("report") / "sample.html"
    _program("report", str(SAMPLE), "-o", str(path))
    return path


def _blocks(path: Path) -> dict[str, Any]:
    found = re.findall(r'id="data-([a-z0-9-]+)">([A-Za-z0-9+/=]*)</script>', path.read_text("utf-8"))
    return {name: json.loads(zlib.decompress(base64.b64decode(text))) for name, text in found}


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: (0, int(item[0])) if item[0].isdigit() else (1, 0))
        return [leaf for _, part in ordered for leaf in _leaves(part)] or ["none"]  # JavaScript begins with numbers
    if isinstance(value, list):
        return [", ".join(str(part) for part in value) or "none"]
    if value is None:
        return ["nothing"]
    return [json.dumps(value) if isinstance(value, bool) else str(value)]


def test_all_numbers_are_those_of_the_audit(browser: Browser, page: Path) -> None:
    """Opened as a file, each number of ``audit --json`` stands in the page, in the audit's order."""
    told = json.loads(_program("audit", str(SAMPLE), "--json"))
    with opened(browser, f"file://{page}#p=audit") as seen:
        seen.has(".accounts h2", "Accounts")
        shown = seen.page.locator(".accounts dd:not(:has(dl))").all_inner_texts()
        assert shown == _leaves(told["accounts"])
        seen.has(".verdict-card", "no rule is broken" if told["ok"] else "findings")
        seen.has(".verdict-card", f"{told['records']:,} records")
        expect(seen.page.locator(".findings li")).to_have_count(len(told["findings"]))
        posts = told["accounts"]["posts"]
        for name in ("accepted", "rejected", "abandoned"):
            seen.has(f"[data-total={name}]", f"{sum(posts[name].values()):,}")
        seen.has(".made", sample_source().about()["hash"])
        for left_out in ("records as written", "hashes but the head's", "behind 80 characters", "authors' ids"):
            seen.has(".made", left_out)
        seen.press("1")
        windows = told["accounts"]["windows"]
        seen.has(".strip", f"{windows['seen']:,} windows")
        seen.has(".strip", f"{windows['used']:,} used, {sum(windows['missed'].values()):,} missed")


def test_what_is_left_out_is_what_the_page_says(page: Path) -> None:
    """No hash but the head's, no record as written, no long text, no digit behind the sixth; all else is there."""
    blocks = _blocks(page)
    head = blocks.pop("head")
    told = json.dumps(blocks)
    assert not re.search(r"author_id|account_created|\bedits\b|raw_answer", told)
    assert set(re.findall(r"[0-9a-f]{64}", json.dumps(head["about"]))) == {sample_source().about()["hash"]}
    assert not re.search(r"\b[0-9a-f]{64}\b", json.dumps([block["rows"] for block in blocks.values()]))
    assert max(len(digits) for digits in re.findall(r"0\.0*([1-9]\d*)", told)) == 6
    texts = [str(value) for block in blocks.values() for path, value in block["state"].items() if ".content" in path]
    assert texts
    assert max(map(len, texts)) <= 81
    assert sum(len(block["rows"]) for block in blocks.values()) == LAST


@pytest.mark.parametrize("seq", [1, 1849, 2048, 2049, 3290, LAST])
def test_a_record_looks_as_it_does_when_served(browser: Browser, sample: Served, page: Path, seq: int) -> None:
    """Row, changes, reason, effects, lanes and the trouble beside it."""
    parts = (
        ".side h2",
        ".side .pill",
        ".side .changes",
        ".side .why",
        ".gantt svg",
        ".records [role=option][aria-selected=true]",
    )
    shown = []
    for url in (f"file://{page}", sample.url):
        with opened(browser, f"{url}#r={seq}") as seen:
            seen.at(seq)
            seen.page.locator(".gantt svg").wait_for(state="attached")
            shown.append(
                [seen.text(part) if part != ".gantt svg" else seen.page.locator(part).inner_html() for part in parts]
            )
    filed, served = ([re.sub(r"…|[^\x20-\x7e]", "", text) for text in texts] for texts in shown)
    assert filed[:2] == served[:2]
    assert filed[3:] == served[3:]
    for one, other in zip(filed[2].split("\n"), served[2].split("\n"), strict=True):
        assert one[:60] == other[:60]


def test_it_works_alone(browser: Browser, page: Path) -> None:
    """Search, keys, a click on a value, printing; no server, nothing fetched, and axe-core finds nothing."""
    with opened(browser, f"file://{page}#r=3678", bypass_csp=True) as seen:
        seen.at(3678)
        seen.press("n")
        seen.page.locator(".records input[type=search]").fill("event:TailRepaired event:GapDeclared")
        seen.has(".records [role=status]", "11 of 5,089")
        seen.page.goto(f"file://{page}#r=3678")
        seen.at(3678)
        seen.page.get_by_role("button", name="324", exact=True).click()
        seen.at(sample_source().setter("answers", 3677))
        assert violations(seen) == []
        assert len(seen.page.pdf()) > 10_000


def test_hostile_posts_stay_texts(browser: Browser, tmp_path: Path) -> None:
    """In the file, too, nothing of them runs or ends a script early."""
    journal = write(tmp_path / "journal", hostile_drive())
    _program("report", str(journal), "-o", str(tmp_path / "page.html"))
    with opened(browser, f"file://{tmp_path / 'page.html'}#r=4") as seen:
        seen.page.on("dialog", lambda dialog: seen.said.append(f"dialog {dialog.message}"))
        for seq in range(4, len(hostile_drive().lines) + 1):
            seen.at(seq)
            seen.press("ArrowRight")
        assert "<img" not in seen.page.content()


def test_redacted_it_holds_no_text_and_no_author(browser: Browser, page: Path, tmp_path: Path) -> None:
    """Neither in the state nor in a server's words that quote them; numbers stay."""
    path = tmp_path / "redacted.html"
    _program("report", str(SAMPLE), "-o", str(path), "--redact")
    posts = [
        post
        for step in sample_source().steps(1, LAST)
        if step.record.name == "PostsScraped"
        for post in step.record.data["posts"]
    ]
    told, whole = (json.dumps(_blocks(each), ensure_ascii=False) for each in (path, page))
    authors = {post["author"] for post in posts}
    assert authors <= set(re.findall(r"\w+", whole))
    assert authors.isdisjoint(re.findall(r"\w+", told))
    starts = {post["content"][:40] for post in posts if len(post["content"]) > 12}
    assert sum(start in whole for start in starts) > len(starts) / 2
    assert [start for start in starts if start in told] == []
    with opened(browser, f"file://{path}#r=3678") as seen:
        seen.at(3678)
        seen.has(".made", "without texts and authors")
        seen.has(".posts", "its text was left out")


def test_a_damaged_journal_is_reported_up_to_the_damage(tmp_path: Path) -> None:
    """The file is written, and the exit code says that it is not all."""
    drive = hostile_drive()
    journal = write(tmp_path / "journal", drive)
    lines = [*drive.lines]
    lines[6] = lines[6].replace(b'"seq":', b'"sEq":')
    next(journal.glob("*.jsonl")).write_bytes(b"".join(lines))
    _program("report", str(journal), "-o", str(tmp_path / "page.html"), code=1)
    head = _blocks(tmp_path / "page.html")["head"]
    assert head["about"]["records"] == 6
    assert "after record 6" in head["about"]["stopped"]
    assert head["audit"] is None
