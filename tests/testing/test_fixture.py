"""``user-miner fixture``: a test of any part of a journal passes as written, is minimal, and tells no secrets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from actor.machine import State
from actor.testing import ActorWorld, DivergenceError, MachineDrive, Scenario
from actor.testing.scenario import Moment, post_slice, until_slice, window_slice
from actor.testing.stand_ins import OWN_WORDS, redacted
from events import catalogue as ev
from events.catalogue import EVENTS
from events.codec import Value, canonical_json
from events.journal import BadRecordError, MemoryJournal
from tests import kit
from tests.kit import Drive, limited
from tests.testing.kit import SAMPLE, carried_over, run_source
from user_miner.commands.fixture import SliceChoice, fixture_text, slice_text

CHUNKS = 4
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
LONG_NUMBER = re.compile(r"\d{15,}")


def chosen(moments: list[Moment]) -> Iterator[tuple[int, ev.Post]]:
    """Every post of the sample, with the place of its choice."""
    for place, moment in enumerate(moments):
        if isinstance(moment.step.event, ev.PostsScraped):
            yield from ((place, post) for post in moment.step.event.posts)


def strings(source: str) -> set[str]:
    """All that stands in quotes in a generated file."""
    return {json.loads(f'"{text}"') for text in QUOTED.findall(source.replace('r"""', "").replace('"""', ""))}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_test_of_every_post_passes(moments: list[Moment], chunk: int) -> None:
    """Each post of the sample: its test passes, is about it, and holds no other post's text, author or id."""
    posts = list(chosen(moments))
    ids, people = {post.id for _, post in posts}, {post.author for _, post in posts}
    texts = {post.content for _, post in posts}
    for place, post in posts[chunk::CHUNKS]:
        source = slice_text(post_slice(moments[place:], post.id), SliceChoice(post=post.id))
        run_source(source)
        assert source.isascii()
        assert set(LONG_NUMBER.findall(source)) & ids == {post.id}
        assert strings(source) & people == {post.author}
        assert strings(source) & texts == {post.content}


def test_the_test_of_every_window_passes(moments: list[Moment]) -> None:
    """Each window of the sample; it names no post, no person, no hotkey and no address."""
    numbers = {moment.after.window.number for moment in moments if moment.after.window is not None}
    posts = [post for _, post in chosen(moments)]
    told = {post.id for post in posts} | {post.author for post in posts} | {post.content for post in posts}
    identity = moments[-1].after.identity
    assert identity is not None
    for number in sorted(numbers)[::3]:
        source = slice_text(window_slice(moments, number), SliceChoice(window=number))
        run_source(source)
        assert not told & strings(source)
        assert identity.hotkey not in source
        assert identity.api_url not in source


def test_the_test_of_any_record_passes(moments: list[Moment]) -> None:
    """Tests up to records all over the sample, the first and the last among them."""
    for seq in [1, 2, *range(50, len(moments), 97), len(moments)]:
        source = slice_text(until_slice(moments, seq), SliceChoice(until=seq))
        run_source(source)
        assert f"# {seq}: " in source
        assert f"# {seq + 1}: " not in source


def test_pytest_runs_the_files(tmp_path: Path, sample: Scenario) -> None:
    """As files of a project that has nothing but user-miner: `pytest FILE` passes, and formatters leave them alone."""
    searches = [found.event for found in sample.steps if isinstance(found.event, ev.PostsScraped) and found.event.posts]
    search = searches[len(searches) // 2]
    for name, asked in {
        "post": SliceChoice(post=search.posts[0].id),
        "kept": SliceChoice(post=search.posts[0].id, keep_text=True),
        "window": SliceChoice(window=search.window),
        "until": SliceChoice(until=len(sample) // 2),
    }.items():
        (tmp_path / f"test_{name}.py").write_text(fixture_text(SAMPLE, asked), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "4 passed"), done.stdout
    for width in ("88", "120"):
        ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", width, "--check", "."]
        assert subprocess.run(ruff, cwd=tmp_path, capture_output=True, check=False).returncode == 0, width


def test_a_changed_decision_fails_the_test(moments: list[Moment]) -> None:
    """Another score, another quota or another number of attempts in the file is another history, and is noticed."""
    place, post = next((p, post) for p, post in chosen(moments) if moments[p].before.to_scrape > 1)
    source = slice_text(post_slice(moments[place:], post.id), SliceChoice(post=post.id))
    run_source(source)
    (score,) = set(re.findall(r'"score": ([\d.]+)', source.split(f'"post_id": "{post.id}", "window"')[1]))
    with pytest.raises(DivergenceError, match="score"):
        run_source(source.replace(score, "0.123"))
    with pytest.raises(AssertionError):
        run_source(source.replace("Scraping -> Analyzing", "Scraping -> Submitting"))
    with pytest.raises(AssertionError):
        run_source(source.replace("AnalyzePost", "AnalyzePosts", 1))


def test_what_does_not_matter_is_left_out() -> None:
    """A post that met a 429 keeps the posts that it was carried over with, for they took places in the next window."""
    drive = carried_over()
    whole = Scenario.load(drive.lines).post("1")
    source = slice_text(whole, SliceChoice(post="1"))
    run_source(source)
    assert "RateLimited" in source
    assert source.count('"WindowOpened"') == 1
    assert '"seen"' not in source
    assert '"totals"' not in source


def test_every_text_is_replaced_or_known() -> None:
    """Reasons, answers, errors, signatures and files' names do not come into a test; words of the miner's own do."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="KeyError: 'user1 said so'"))
    drive.on(ev.ApiUnreachable(reason="user1 at 10.0.0.7"))
    drive.on(ev.ActorStopped(reason="user1 wished it", posts_processed=0))
    repaired = ev.TailRepaired(segment="a.jsonl", offset=1, length=2, sha256="f" * 64, quarantine="a-1-ff.bin")
    drive.on(repaired, ev.ApiMoved(api_url="http://10.0.0.9"))
    source = slice_text(Scenario.load(drive.lines), SliceChoice(until=len(drive.lines)))
    run_source(source)
    for secret in ("user1", "10.0.0", "said so", "ffff", "wished", "a-1-ff"):
        assert secret not in source
    assert '"setting"' not in source
    assert "https://api-2.invalid" in source


def literal_fields(cls: type, seen: set[type]) -> Iterator[tuple[str, str]]:
    """Fields of a value and its parts that take only certain words."""
    seen.add(cls)
    for name, hint in get_type_hints(cls).items():
        parts = [hint, *get_args(hint), *(inner for part in get_args(hint) for inner in get_args(part))]
        if any(get_origin(part) is Literal and isinstance(get_args(part)[0], str) for part in parts):
            yield cls.__name__, name
        for part in parts:
            if isinstance(part, type) and issubclass(part, Value) and part not in seen:
                yield from literal_fields(part, seen)


def test_words_that_are_checked_are_kept() -> None:
    """A stand-in for a word of a fixed choice could not be read; a new field of that kind is to be named as own."""
    seen: set[type] = set()
    fields = {field for cls in (State, *EVENTS.values()) for field in literal_fields(cls, seen)}
    assert {("State", "state"), ("BudgetSpent", "budget"), ("Policy", "on_analysis_error")} <= fields
    assert {name for cls, name in fields if cls != "PostAbandoned"} <= OWN_WORDS


def test_lines_that_are_no_chain_are_refused() -> None:
    """A scenario from lines is verified like a journal."""
    lines = carried_over().lines
    with pytest.raises(BadRecordError, match="does not continue"):
        Scenario.load([*lines[:3], *lines[4:]])


def test_people_who_were_looked_up_are_not_told() -> None:
    """With AUTHOR_CACHE_HOURS: the same history under other names, ids and days of birth, but for what is kept."""
    people = [kit.post(n, author=f"somebody{n % 4}", author_id=str(880_000 + n % 4)) for n in range(1, 30)]
    world = ActorWorld(people, policy=ev.Policy(author_cache_hours=24))
    world.x.unknown = {"880003"}
    world.run(windows=4)
    assert isinstance(world.store, MemoryJournal)
    scenario = Scenario.load(world.store.lines)
    names, ids = {p.author for p in people}, {p.author_id for p in people}
    assert [found.name for found in scenario.steps].count("AuthorsLookedUp") >= 1
    told = redacted(scenario)
    again = MachineDrive(told.start).follow(told)
    assert again.transitions() == MachineDrive(scenario.start).follow(scenario).transitions()
    text = canonical_json(again.state).decode() + "".join(canonical_json(found.event).decode() for found in told.steps)
    assert not [word for word in names | ids if word in text]
    searches = [found.event for found in scenario.steps if isinstance(found.event, ev.PostsScraped)]
    chosen_id = next(p.id for search in searches for p in search.posts if p.author_id != "880003")
    mine = next(p for p in people if p.id == chosen_id)
    kept = redacted(scenario, own=[mine.id])
    MachineDrive(kept.start).follow(kept)
    said = "".join(canonical_json(found.event).decode() for found in kept.steps)
    assert {word for word in names | ids if word in said} == {mine.author, mine.author_id}
