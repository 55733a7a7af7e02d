"""The page in a real browser: views, keys, searches, live updates, damage, other people's texts, accessibility."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from queue import Queue
from threading import Thread

import orjson
import pytest
from playwright.sync_api import Browser, Route, expect

from audit.inspect.query import parse_query
from events import catalogue as ev
from events.codec import changed
from events.journal import GENESIS, Draft, FileJournal, Head, locate
from tests.audit.replay_kit import SEGMENT, begun, hostile_story, story, write
from tests.index.kit import walked, write_files
from tests.inspect.kit import SAMPLE, Served, inspected, opened, sample_source, source_of, violations
from tests.kit import Drive, accepted, analyzed, rejected
from tests.patience import wait_for
from tests.world import World

LAST = 5_089
OTHER_HOTKEY = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


def test_it_opens_at_the_end_and_every_key_does_what_it_says(browser: Browser, sample: Served) -> None:
    """Records, windows, troubles, first and last, play, pin, search, views, help; the address follows."""
    source = sample_source()
    troubles = [row[0] for row in source.rows(1, LAST) if row[5]]
    begins = [row[1] for row in source.windows(0) if row[0] is not None]
    with opened(browser, sample.url) as seen:
        seen.at(LAST)
        seen.press("ArrowLeft", "ArrowLeft")
        seen.at(LAST - 2)
        seen.press("ArrowRight")
        seen.at(LAST - 1)
        seen.press("Shift+ArrowLeft")
        seen.at(begins[-2])
        seen.press("Shift+ArrowRight")
        seen.at(begins[-1])
        seen.press("p")
        seen.at(troubles[-1])
        seen.press("p")
        seen.at(troubles[-2])
        seen.press("n")
        seen.at(troubles[-1])
        seen.press("Home")
        seen.at(1)
        seen.press(" ")
        expect(seen.page.locator(".scrubber .place b")).to_have_text(re.compile(r"^([3-9]|\d\d+)$"))
        seen.press(" ", "c", "End")
        seen.at(LAST)
        seen.press("6")
        seen.has(".page h2", "and record 5,089")
        seen.has(".page", "What differs in the state")
        seen.press("5")
        seen.has(".page h2", "The machine")
        seen.press("4")
        seen.has(".page h2", "Audit")
        seen.press("3")
        seen.has(".page h2", "Validators")
        seen.press("2")
        seen.has(".page h2", "Costs by day")
        seen.press("1", "?")
        seen.has("[role=dialog]", "these keys")
        seen.press("Escape")
        expect(seen.page.locator("[role=dialog]")).to_have_count(0)
        seen.press("t")
        seen.has(".records [role=status]", f"{len(troubles):,} of {LAST:,}")
        seen.press("/")
        expect(seen.page.locator(".records input[type=search]")).to_be_focused()


@pytest.mark.parametrize(
    "address", ["#r=3678", "#r=1849&q=is:trouble", "#p=costs&r=7", "#r=3678&post=2123874541884146304"]
)
def test_a_view_is_an_address(browser: Browser, sample: Served, address: str) -> None:
    """Another browser, or a reload, shows the same."""
    with opened(browser, f"{sample.url}{address}") as seen:
        seen.has(".scrubber .place b", f"{int(address.partition('r=')[2].partition('&')[0]):,}")
        if "q=" in address:
            seen.has(".records [role=status]", "of 5,089")
        if "post=" in address:
            seen.has(".life", "SubmissionAccepted")
        seen.page.locator(".page table" if "p=" in address else ".gantt svg").first.wait_for()
        assert seen.page.url == f"{sample.url}{address.replace(':', '%3A')}"
        with opened(browser, seen.page.url) as again:
            seen.page.reload()
            for one in (seen, again):
                one.has(".scrubber .place b", f"{int(address.partition('r=')[2].partition('&')[0]):,}")
                one.page.locator(".page table" if "p=" in address else ".gantt svg").first.wait_for()
            wait_for(lambda: seen.text("#app") == again.text("#app"), "the same page twice")


def test_a_record_tells_what_why_and_who_set_it(browser: Browser, sample: Served) -> None:
    """The state, changes, rows of the table with guards, effects; a click on a value goes to the record that set it."""
    with opened(browser, f"{sample.url}#r=3678") as seen:
        seen.at(3678)
        seen.has(".why .taken", "stay in Analyzing, taken")
        seen.has(".why", "a post that is not put off has no analysis")
        seen.has(".side", "ends: AnalyzePost (post_id 2123874541884146304)")
        seen.page.get_by_role("button", name="324", exact=True).click()
        seen.at(sample_source().setter("answers", 3677))
        seen.has(".note", "This record set answers")
        seen.page.goto(f"{sample.url}#r=3678")
        seen.at(3678)
        seen.page.locator(".whole summary").click()
        seen.page.get_by_label("Search in the state").fill("api_url")
        seen.page.locator(".whole li", has_text="api_url").get_by_role("button").first.click()
        seen.at(sample_source().setter("api_url", 3678))
        seen.page.goto(f"{sample.url}#r=3678")
        seen.page.locator("summary", has_text="as written").click()
        seen.has("pre", '"event": "PostAnalyzed"')
        seen.page.get_by_role("button", name="The life of post").click()
        seen.has(".life", "@petra_nowak_ai")
        seen.page.locator(".life li", has_text="SubmissionAccepted").get_by_role("button").click()
        seen.at(3685)


def test_searches_narrow_the_list(browser: Browser, sample: Served) -> None:
    """Words, a negation, events by their menu, a post; the steps stay within what is found."""
    with opened(browser, f"{sample.url}#r=1") as seen:
        box = seen.page.locator(".records input[type=search]")
        box.fill('event:AnalysisFailed quota -"vote 2"')
        seen.has(".records [role=status]", "of 5,089")
        assert 0 < int(seen.text(".records [role=status]").split()[0]) < 100
        expect(seen.page.locator(".records [role=option]").first).to_contain_text("AnalysisFailed")
        box.fill("")
        seen.page.locator(".menu summary").click()
        seen.page.get_by_label("TailRepaired").check()
        seen.page.get_by_label("GapDeclared").check()
        seen.has(".records [role=status]", "11 of 5,089")
        seen.page.keyboard.press("Escape")
        found, _ = sample_source().find(parse_query("event:TailRepaired event:GapDeclared"), 1)
        seen.page.locator(".records [role=option]").first.click()
        seen.at(found[0])
        seen.press("ArrowRight", "ArrowRight")
        seen.at(found[2])
        box.fill("no such word anywhere")
        seen.has(".records [role=status]", "0 of 5,089")


def test_slider_strip_and_lanes_select(browser: Browser, sample: Served) -> None:
    """Each leads to a record, and all views agree on it."""
    with opened(browser, f"{sample.url}#r=3678") as seen:
        seen.at(3678)
        seen.page.get_by_label("Record", exact=True).fill("3700")
        seen.at(3700)
        expect(seen.page.locator("[role=option][aria-selected=true] .seq")).to_have_text("3,700")
        seen.page.locator(".strip [role=slider]").focus()
        seen.press("ArrowLeft")
        seen.has(".gantt h2", "Window 60309")
        seen.page.locator(".gantt .bar.analysis").nth(1).click()
        seen.has(".side", "PostAnalyzed")
        box = seen.page.locator(".strip canvas").bounding_box()
        assert box is not None
        seen.page.mouse.click(box["x"] + 3, box["y"] + 5)
        seen.page.wait_for_timeout(100)
        assert "w=0" in seen.page.url
        seen.page.mouse.click(box["x"] + 17, box["y"] + 60)
        seen.has(".gantt h2", "Window 60000")
        assert "w=0" in seen.page.url
        seen.page.set_viewport_size({"width": 800, "height": 900})
        expect(seen.page.locator(".gantt svg")).to_be_visible()


def test_two_windows_are_compared_lane_by_lane(browser: Browser, sample: Served) -> None:
    """Side by side, with a second as wide in one as in the other; a click on a bar selects its record."""
    source = sample_source()
    begins = [row[1] for row in source.windows(0)]
    with opened(browser, f"{sample.url}#p=compare&r=3678&c=3290") as seen:
        per_ms = []
        for side, seq in enumerate((3290, 3678)):
            pane = seen.page.locator(".pair > .gantt").nth(side)
            expect(pane).to_have_attribute("aria-label", f"The window of record {seq:,}")
            chart = source.gantt(bisect_right(begins, seq) - 1)
            expect(pane.locator("tbody tr")).to_have_count(
                sum(map(len, (chart["states"], chart["search"], chart["lanes"])))
                + sum(len(lane["bars"]) for lane in chart["lanes"])
            )
            bars = pane.locator(".bar rect").evaluate_all("bars => bars.map(bar => Number(bar.getAttribute('width')))")
            per_ms += [wide / (bar[1] - bar[0]) for wide, bar in zip(bars, chart["states"], strict=False) if wide > 20]
        assert len(per_ms) > 4
        assert max(per_ms) < 1.01 * min(per_ms)
        left, right = (seen.page.locator(".pair > .gantt").nth(side).bounding_box() for side in (0, 1))
        assert left is not None
        assert right is not None
        assert left["y"] == right["y"]
        assert left["x"] + left["width"] < right["x"]
        seen.page.locator(".pair > .gantt").first.locator(".bar.analysis").last.click()
        *_, lane = source.gantt(bisect_right(begins, 3290) - 1)["lanes"]
        analysis = next(bar[3] for bar in lane["bars"] if bar[2] == "analysis")
        seen.has(".page h2", f"Record 3,290 and record {analysis:,}")
        seen.page.set_viewport_size({"width": 600, "height": 900})
        expect(seen.page.locator(".pair svg").first).to_be_visible()


def test_what_a_miner_adds_appears_and_the_selection_stays(browser: Browser, world: World) -> None:
    """A real miner against the stand-ins: who follows sees the newest record, who looks at one keeps it."""
    assert world.run("--windows", "1")[0] == 0
    journal = locate(world.journal)
    with (
        inspected(journal) as served,
        opened(browser, served.url) as follows,
        opened(browser, f"{served.url}#r=3&q=event:PostAnalyzed") as looks,
    ):
        records = served.ask("about")["records"]
        follows.at(records)
        looks.at(3)
        looks.has(".records [role=status]", f"5 of {records}")
        top = looks.page.locator(".records .list").evaluate("list => list.scrollTop")
        world.sandbox.next_window()
        for number in range(5):
            world.sandbox.add_post(f"Bittensor SN45 again, part {number}")
        assert world.run("--windows", "1")[0] == 0
        more = source_of(journal).about()["records"]
        follows.at(more)
        looks.has(".scrubber .place", f"of {more}")
        looks.has(".records [role=status]", f"10 of {more}")
        looks.at(3)
        assert looks.page.locator(".records .list").evaluate("list => list.scrollTop") == top
        follows.has("[data-total=accepted]", "10")


def test_a_search_that_the_journal_outruns_tells_each_record_once(browser: Browser, tmp_path: Path) -> None:
    """The server knows records that the page has not heard of when it asks."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    segment = next(journal.glob("*.jsonl"))
    segment.write_bytes(b"".join(drive.lines[:12]))
    analyzed_in_all = sum(record.name == "PostAnalyzed" for record in drive.records)
    with inspected(journal) as served, opened(browser, f"{served.url}#r=3") as seen:
        seen.has(".scrubber .place", "of 12")

        def grow(route: Route) -> None:
            if len(segment.read_bytes().splitlines()) == 12:
                with segment.open("ab") as file:
                    file.write(b"".join(drive.lines[12:]))
                wait_for(lambda: served.ask("about")["records"] == len(drive.lines), "the server to read on")
            route.continue_()

        seen.page.route("**/api/find*", grow)
        seen.page.locator(".records input[type=search]").fill("event:PostAnalyzed")
        seen.has(".records [role=status]", f"{analyzed_in_all} of {len(drive.lines)}")
        expect(seen.page.locator(".records [role=option]")).to_have_count(analyzed_in_all)


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_nothing_stands_in_the_way_of_anybody(browser: Browser, sample: Served, look: str) -> None:
    """axe-core finds nothing in any view, and no view is wider than the screen."""
    with opened(browser, f"{sample.url}#r=3290&c=3678", look, bypass_csp=True) as seen:
        seen.at(3290)
        for key in "123456":
            seen.press(key)
            seen.page.wait_for_timeout(120)
            if key == "4":
                seen.has(".page h2", "Accounts")
            if key == "6":
                expect(seen.page.locator(".pair svg")).to_have_count(2)
            assert violations(seen) == []
            wide, screen = seen.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
            assert wide <= screen
        seen.press("?")
        seen.has("[role=dialog]", "these keys")
        assert violations(seen) == []


def test_several_journals_stand_side_by_side(browser: Browser, sample: Served, tmp_path: Path) -> None:
    """Each with its windows; one is chosen, and the address names it."""
    del sample
    with inspected(SAMPLE, write(tmp_path / "other", story())) as served, opened(browser, served.url) as seen:
        seen.at(LAST)
        seen.press("7")
        seen.has(".page h2", "other")
        seen.page.get_by_role("button", name="other").click()
        seen.has(".scrubber .place", f"of {len(story().lines)}")
        assert "j=1" in seen.page.url


def test_findings_are_told_and_lead_to_their_records(browser: Browser, tmp_path: Path) -> None:
    """Checkpoints over other states break a rule: marks on the time line, live, and a click to the record."""
    drive = story()
    whole = len(drive.lines)
    for _ in range(2):
        drive.window(60_004 + len(drive.lines) - whole)
        drive.sign(state_sha256="0" * 64)
    journal = write(tmp_path / "journal", drive)
    segment = next(journal.glob("*.jsonl"))
    segment.write_bytes(b"".join(drive.lines[:whole]))
    with inspected(journal) as served, opened(browser, f"{served.url}#r=7") as seen:
        seen.has(".strip", "no finding of the audit")
        expect(seen.page.locator(".legend .found")).to_have_count(0)
        for count, told in ((whole + 2, 1), (whole + 4, 2)):
            segment.write_bytes(b"".join(drive.lines[:count]))
            seen.has(".scrubber .place", f"of {count}")
            seen.has(".strip", f"findings of the audit in {told}")
            expect(seen.page.locator(".legend .found")).to_have_count(1)
        seen.at(7)
        seen.press("f")
        seen.has(".strip td", "a finding of the audit")
        report = served.audit()
        assert report is not None
        assert not report["ok"]
        broken = [finding for finding in report["findings"] if finding["kind"] == "finding"]
        seen.press("4")
        seen.has(".verdict-card", f"{len(broken)} findings")
        last = broken[0]["seqs"][-1]
        seen.page.locator(".findings").get_by_role("button", name=f"record {last}").first.click()
        seen.at(last)


def test_a_restart_keeps_the_view(browser: Browser, tmp_path: Path) -> None:
    """The page says that nobody answers, and goes on where it was when somebody does."""
    journal = write(tmp_path / "journal", story())
    flags = ("--token-file", str(tmp_path / "token"))
    with inspected(journal, flags=flags) as first, opened(browser, f"{first.url}#r=7&q=is:trouble") as seen:
        seen.at(7)
        first.process.terminate()
        first.process.wait()
        seen.has(".state", "not heard")
        port = first.origin.rpartition(":")[2]
        with inspected(journal, flags=(*flags, "--port", port)) as second:
            assert second.url == first.url
            seen.has(".state", "live")
            seen.at(7)
            seen.press("ArrowRight")
            assert seen.page.url.endswith("q=is%3Atrouble")
        assert all("ERR_" in line for line in seen.said)
        seen.said.clear()


def _damaged(folder: Path) -> Path:
    drive = story()
    lines = [*drive.lines]
    lines[30] = lines[30].replace(b'"seq":', b'"sEq":')
    journal = write(folder, drive)
    next(journal.glob("*.jsonl")).write_bytes(b"".join(lines))
    return journal


def _empty(folder: Path) -> Path:
    (begun(folder) / SEGMENT).touch()
    return folder


def _of_somebody_else(folder: Path) -> Path:
    (begun(folder) / SEGMENT).write_text('{"level":"info","msg":"started"}\n' * 400)
    return folder


def _of_the_future(folder: Path, **first: int) -> Path:
    """Whole and sealed, and of a form that this build does not know."""
    drive = story()
    lines, head = [], GENESIS
    for line in drive.lines:
        record = orjson.loads(line)
        if head == GENESIS:
            record["data"] |= {"format": 2} if not first else {}
            record |= first
        del record["hash"]
        body = orjson.dumps(record)[:-1]
        digest = sha256(head.hash.encode() + body).hexdigest()
        lines.append(body + f',"hash":"{digest}"}}\n'.encode())
        head = Head(seq=record["seq"], hash=digest)
    (begun(folder) / SEGMENT).write_bytes(b"".join(lines))
    return folder


def _of_a_later_version(folder: Path) -> Path:
    return _of_the_future(folder, v=99)


ODD = (
    (_damaged, "[role=alert]", "Read as far as record 30."),
    (_empty, ".card", "No record yetWhat the miner writes appears here."),
    (_of_somebody_else, ".card", "The 13,200 bytes here are no whole record"),
    (_of_the_future, "[role=alert]", "Nothing can be read here. record 1: JournalCreated: format 2 is unknown"),
    (_of_a_later_version, "[role=alert]", "Nothing can be read here. record 1: JournalCreated version 99 is unknown"),
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all of them."""
    folder = tmp_path_factory.mktemp("odd")
    with inspected(*(make(folder / make.__name__) for make, _, _ in ODD)) as served:
        yield served


@pytest.mark.parametrize("number", range(len(ODD)))
def test_journals_of_every_kind_are_shown(browser: Browser, odd: Served, number: int) -> None:
    """Damaged, empty, foreign, of the future: one message says what is, and what there is can be seen."""
    _, selector, text = ODD[number]
    with opened(browser, f"{odd.url}#j={number}") as seen:
        seen.has(selector, text)
        expect(seen.page.locator(".warning, .card:has(> h2:text('No record yet'))")).to_have_count(1)


def test_a_journal_that_another_one_takes_the_place_of(browser: Browser, tmp_path: Path) -> None:
    """One message says so; what was looked at stays, and a jump elsewhere is no error."""
    journal = write_files(tmp_path / "journal", walked(3, 2_600), each=10_000)
    other = changed(story().records[0].event(), hotkey=OTHER_HOTKEY)
    drive = Drive()
    drive.on(other)
    with inspected(journal) as served, opened(browser, f"{served.url}#r=300") as seen:
        seen.at(300)
        seen.has(".strip", "of the audit")
        records = served.ask("about")["records"]
        (journal / "new").write_bytes(b"".join(drive.lines))
        (journal / "new").rename(journal / SEGMENT)
        seen.has("[role=alert]", f"Read as far as record {records:,}.")
        seen.has("[role=alert]", "was rolled back, replaced or removed")
        expect(seen.page.locator(".warning")).to_have_count(1)
        seen.press("Home", "n", "2", "4", "1", "End")
        seen.has(".scrubber .place b", f"{records:,}")
        seen.at(records)
        seen.page.reload()
        seen.has("[role=alert]", "was rolled back, replaced or removed")
    with inspected(journal) as served, opened(browser, served.url) as seen:
        seen.has(".who", OTHER_HOTKEY[:8])
        seen.at(1)


def test_a_journal_that_rotates_while_it_is_watched(browser: Browser, tmp_path: Path) -> None:
    """By the journal's own writer: who follows sees the newest record in whichever file, who looks at one keeps it."""
    drive = story()
    journal, steps = tmp_path / "journal", Queue[int]()

    async def write_all() -> None:
        store = FileJournal(journal, segment_bytes=2_000, on_warning=print)
        await store.take(reducer=1)
        for record in drive.records:
            await store.append(Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest))
            if record.seq % 9 == 3:
                steps.get()
        await store.release()

    writer = Thread(target=lambda: asyncio.run(write_all()))
    writer.start()
    wait_for(lambda: (journal / SEGMENT).exists() and (journal / SEGMENT).read_bytes().count(b"\n") >= 3, "records")
    with (
        inspected(journal) as served,
        opened(browser, served.url) as follows,
        opened(browser, f"{served.url}#r=2&q=event:PostAnalyzed") as looks,
    ):
        files = []
        for count in [*range(3, len(drive.lines), 9), len(drive.lines)]:
            follows.at(count)
            looks.at(2)
            looks.has(".scrubber .place", f"of {count}")
            files.append(len(list(journal.glob("*.jsonl"))))
            steps.put(count)
        writer.join()
        looks.has(".records [role=status]", f"8 of {len(drive.lines)}")
        looks.press("Home")
        for seq in (1, 9, 20, len(drive.lines)):
            follows.page.goto(f"{served.url}#r={seq}")
            follows.at(seq)
        assert files[-1] > files[0] + 3
        follows.has(".strip", "no finding of the audit")
        assert served.ask("about")["stopped"] == ""


HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>",
    "javascript:alert(4) {{constructor.constructor('alert(5)')()}} <!-- ]]> &lt;b&gt;",
    "turned \u202egnihton\u202c \u2066isolated\u2069 \u200bzero\u200dwidth\ufeff \x1b[31mred \x00 end",
    "w" * 10_000,
    "كل شيء من اليمين " * 30,
)


def hostile_drive() -> Drive:
    """Posts, authors and answers that try everything."""
    drive = Drive().start().window(60_000)
    drive.scraped(1, 2, 3, 4, 5)
    begun = drive.records.pop()
    drive.lines.pop()
    drive = Drive().start().window(60_000)
    event = begun.event()
    assert isinstance(event, ev.PostsScraped)
    posts = tuple(
        changed(each, content=text, author=text[:60]) for each, text in zip(event.posts, HOSTILE, strict=True)
    )
    drive.on(changed(event, posts=posts))
    for number in range(1, 6):
        drive.on(analyzed(str(number), tokens={HOSTILE[0]: 0.5}, raw_answer=HOSTILE[0]))
    drive.on(changed(rejected(drive.send()), reason=HOSTILE[0], answer=HOSTILE[1]))
    drive.on(changed(accepted(drive.send()), status=HOSTILE[2][:90]))
    return drive


def test_what_others_write_is_only_shown(browser: Browser, tmp_path: Path) -> None:
    """It does not run, load, hide, turn or push anything; marks stand where a character would have."""
    journals = (write(tmp_path / "one", hostile_drive()), write(tmp_path / "two", hostile_story()))
    with inspected(*journals) as served:
        for journal, records in enumerate((len(hostile_drive().lines), len(hostile_story().lines))):
            with opened(browser, f"{served.url}#j={journal}&r=1") as seen:
                seen.page.on("dialog", lambda dialog: seen.said.append(f"dialog {dialog.message}"))
                for seq in range(1, records + 1):
                    seen.at(seq)
                    wide, screen = seen.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
                    assert wide <= screen
                    seen.press("ArrowRight")
                for key in "23456":
                    seen.press(key)
                    seen.page.wait_for_timeout(50)
                shown = seen.page.content()
                assert "<img" not in shown
                assert not set(shown) & set("\u202e\u2066\u200b\ufeff\x1b")
        with opened(browser, f"{served.url}#r=4&post=3") as seen:
            seen.has(".life .mark", "U+202E")
            seen.has(".life .mark", "U+200B")


def test_without_scripts_it_says_so(browser: Browser, sample: Served) -> None:
    """And names what tells the same."""
    with opened(browser, sample.url, java_script_enabled=False) as seen:
        seen.has(".nojs", "needs JavaScript")
