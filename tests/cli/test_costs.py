"""``user-miner costs``: its sums are the stand-ins' bills, and any journal gets an answer or one clear line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actor.settings.model import Settings
from events.journal import at_text
from events.prices import Prices, usd
from sandbox import Sandbox, SandboxConfig
from tests.cli.kit import Command, is_one_line, running
from tests.patience import GIVE_UP_S
from tests.world import World, hours_ago, make_wallet, wait_for

SAMPLE = Path(__file__).parents[2] / "journal" / "sample"
SEGMENT = "00000000000000000001.jsonl"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from this machine."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Four windows with failed analyses, a 429, and a failed search beside carried posts; no answer was lost."""
    folder = tmp_path_factory.mktemp("mined")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=60, epoch=hours_ago())) as box:
        make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        box.script("llm.chat", "garbled", times=2)
        box.script("llm.chat", "402", times=1)
        faults: list[list[tuple[str, str]]] = [
            [],
            [("api.submit", "ok"), ("api.submit", "429")],
            [("x.search", "503")],
            [],
        ]
        for window in faults:
            for route, fault in window:
                box.script(route, fault)
            world.mine()
            box.next_window()
            box.advance_posts(1800)
        yield world


@pytest.fixture
def good(mined: World, tmp_path: Path) -> Path:
    """A copy of the mined journal, to do with as one likes."""
    (journal,) = mined.journal.iterdir()
    return Path(shutil.copytree(journal, tmp_path / "journals" / journal.name))


def rows(command: Command, *arguments: str | Path) -> list[dict[str, Any]]:
    """The lines of ``--json``."""
    code, out, errors = command("costs", "--json", *arguments)
    assert (code, errors) == (0, "")
    return [json.loads(line) for line in out.split("\n")[:-1]]


def test_the_sums_are_the_ledgers(mined: World, good: Path, command: Command) -> None:
    """Posts, users, calls and tokens as X and the LLM counted them; X's bill is not above ours."""
    (total,) = rows(command, good, "--by", "total")
    x, llm = mined.sandbox.ledger.x, mined.sandbox.ledger.llm
    assert (total["x"]["posts"], total["x"]["users"]) == (x.posts_read, x.users_read)
    assert (total["x"]["searches"], total["x"]["failed"], total["windows"]) == (3, 1, 4)
    assert total["llm"]["calls"] == llm.calls
    assert total["llm"]["prompt_tokens"] == llm.prompt_tokens
    assert total["llm"]["completion_tokens"] == llm.completion_tokens
    assert total["accepted"] == len(mined.sandbox.ledger.api.accepted())
    assert total["x"]["usd"] == usd(Prices().x_uusd(x.posts_read, x.users_read)) >= x.summary()["usd"]
    assert not any(total["unrecorded"][name] for name in ("calls", "posts", "users", "prompt_tokens"))


def test_rows_add_up_to_the_total(good: Path, command: Command) -> None:
    """By window and by day alike, in units and in money."""
    for by in ("window", "day"):
        *parts, total = rows(command, good, "--by", by)
        assert {part["kind"] for part in parts} == {by}
        assert total["kind"] == "total"
        for group, name in (("x", "posts"), ("x", "users"), ("x", "usd"), ("llm", "calls"), ("llm", "prompt_tokens")):
            assert sum(part[group][name] for part in parts) == pytest.approx(total[group][name])
        assert sum(part["accepted"] for part in parts) == total["accepted"]
        assert sum(part["windows"] for part in parts) == total["windows"]


def test_the_text_says_the_same(good: Path, command: Command) -> None:
    """A heading, a line for each row, and the sums in words."""
    *windows, total = rows(command, good, "--by", "window")
    code, out, errors = command("costs", good, "--by", "window")
    assert (code, errors) == (0, "")
    table, words = out.split("\n\n")
    heading, *lines = table.splitlines()
    assert heading.split()[:2] == ["window", "opened"]
    assert [int(line.split()[0]) for line in lines] == [window["window"] for window in windows]
    assert [line.split()[4] for line in lines] == [f"{window['x']['usd']:.4f}" for window in windows]
    assert f"at most ${total['x']['usd']:.4f}" in words
    assert f"{total['llm']['prompt_tokens']:,} prompt" in words
    assert command("costs", good, "--by", "total")[1] == words


def test_prices_come_from_the_settings(good: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """From .miner_env where the command is run, from the file that is named, and from the environment above both."""
    Path(".miner_env").write_text("X_USD_PER_POST=1\nX_USD_PER_USER=0\n", "utf-8")
    (total,) = rows(command, good, "--by", "total")
    assert total["x"]["usd"] == total["x"]["posts"]
    assert total["llm"]["usd"] is None
    Path("other").write_text(
        "X_USD_PER_POST=2\nLLM_USD_PER_MILLION_PROMPT_TOKENS=1000000\nLLM_USD_PER_MILLION_COMPLETION_TOKENS=0\n",
        "utf-8",
    )
    monkeypatch.setenv("X_USD_PER_USER", "0")
    (total,) = rows(command, good, "--by", "total", "--env-file", "other")
    assert total["x"]["usd"] == 2 * total["x"]["posts"]
    assert total["llm"]["usd"] == total["llm"]["prompt_tokens"]
    assert total["prices"]["x_usd_per_user"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (("--env-file", "missing"), {}, ("there is no file missing",)),
        ((), {"X_USD_PER_POST": "cheap"}, ("X_USD_PER_POST: ", "'cheap'", "correct it")),
        ((), {"LLM_USD_PER_MILLION_PROMPT_TOKENS": "1"}, ("LLM_USD_PER_MILLION_COMPLETION_TOKENS: is not set",)),
        (("--since", "yesterday"), {}, ("--since 'yesterday'", "2026-11-22")),
        (("--until", "2026-02-30"), {}, ("--until '2026-02-30'",)),
        (("--since", "2026-02-02", "--until", "2026-02-01"), {}, ("--since 2026-02-02", "--until 2026-02-01")),
    ],
)
def test_wrong_use_is_one_line(
    good: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    env: dict[str, str],
    words: tuple[str, ...],
) -> None:
    """Exit code 2, and nothing is printed of the journal."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    code, out, errors = command("costs", good, *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)


def test_days_are_chosen(mined: World, good: Path, command: Command) -> None:
    """The day of the records has all costs, other days have none and say so."""
    first, last = (at_text(mined.history()[i][0].at_ms)[:10] for i in (0, -1))
    (whole,) = rows(command, good, "--by", "total")
    assert rows(command, good, "--by", "total", "--since", first, "--until", last) == [whole]
    assert [row["kind"] for row in rows(command, good, "--since", "2100-01-01")] == ["total"]
    code, out, _ = command("costs", good, "--until", "2001-01-01")
    assert code == 0
    assert out.startswith("X: 0 posts and 0 users read in 0 searches: at most $0.0000\n")
    assert "0 posts accepted\n" in out


def test_a_dry_run_is_paid_for_too(world: World, command: Command) -> None:
    """Only its submissions are not sent."""
    code, output = world.run("--dry-run", "--windows", "1")
    assert code == 0, output
    code, out, _ = command("costs", world.journal)
    assert code == 0
    assert "5 posts would have been submitted (a dry run), for each X $" in out


def test_today_s_budgets_are_shown(make_world: Callable[..., World], command: Command) -> None:
    """As the last start set them."""
    world = make_world()
    world.mine(MAX_X_USD_PER_DAY="2.5")
    (total,) = rows(command, world.journal, "--by", "total")
    assert total["budgets"]["x"] == {"limit_usd": 2.5, "spent_usd": total["x"]["usd"]}
    assert total["budgets"]["llm"] is None
    assert f"X ${total['x']['usd']:.4f} of $2.5000\n" in command("costs", world.journal)[1]


def test_the_sample_has_an_answer(command: Command) -> None:
    """A long journal with every kind of event; each row is a window of the chain of windows."""
    *windows, total = rows(command, SAMPLE, "--by", "window")
    assert len(windows) >= total["windows"] > 100
    assert sum(window["x"]["posts"] for window in windows) == total["x"]["posts"]
    assert total["accepted"] > 0
    assert total["per_full_day"]["days"]
    assert command("costs", SAMPLE)[0] == 0


def empty(good: Path) -> Path:
    """A folder without anything in it."""
    (place := good.parent.parent / "empty").mkdir()
    return place


def foreign(good: Path) -> Path:
    """A folder of something else."""
    place = empty(good)
    (place / "notes.txt").write_text("hello")
    return place


@pytest.mark.parametrize("make", [empty, foreign, lambda good: good / "missing", lambda good: good / SEGMENT])
def test_where_no_journal_is_nothing_is_found(good: Path, command: Command, make: Callable[[Path], Path]) -> None:
    """Wrong use: exit code 2 and one line."""
    code, out, errors = command("costs", make(good))
    assert (code, out) == (2, "")
    assert is_one_line(errors)


def cut(good: Path) -> None:
    """The end is missing, though HEAD witnessed it."""
    os.truncate(good / SEGMENT, (good / SEGMENT).stat().st_size - 10)


def flipped(good: Path) -> None:
    """A bit in the middle is wrong."""
    data = bytearray((good / SEGMENT).read_bytes())
    data[len(data) // 2] ^= 1
    (good / SEGMENT).write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flipped])
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_damage_is_a_finding(good: Path, command: Command, damage: Callable[[Path], None], *, as_json: Any) -> None:
    """Exit code 1, one line, and no sum of a part as if it were the whole."""
    damage(good)
    code, out, errors = command("costs", good, *as_json)
    assert (code, out) == (1, "")
    assert is_one_line(errors, str(good))


def test_an_unfinished_record_is_not_counted(good: Path, command: Command) -> None:
    """It was never acknowledged; all before it counts."""
    before = rows(command, good)
    with (good / SEGMENT).open("ab") as file:
        file.write(b'{"seq":99,"at":"2026')
    assert rows(command, good) == before


def test_a_growing_journal_has_a_sum_at_any_time(make_world: Callable[..., World], command: Command) -> None:
    """Never less than before, and in the end the ledger's."""
    world = make_world()
    world.sandbox.script("llm.chat", "slow", times=5, seconds=0.1)
    calls: list[int] = []
    with running(world, "--windows", "1", env=world.env(LLM_CONCURRENCY="1")) as process:
        wait_for(lambda: "ActorStarted" in world.names(), "the start")
        while process.poll() is None:
            calls.append(rows(command, world.journal, "--by", "total")[0]["llm"]["calls"])
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    calls.append(rows(command, world.journal, "--by", "total")[0]["llm"]["calls"])
    assert calls == sorted(calls)
    assert calls[-1] == world.sandbox.ledger.llm.calls == 5


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["POSTS_PER_SEARCH"], "expected KEY=VALUE"),
        (["AUTHOR_CACHE_HOURS=1", "AUTHOR_CACHE_HOURS=2"], "each key once"),
        (["POSTS_PER_SEARCH=many"], "found 'many'"),
        (["POSTS_PER_SEARCH=101"], "less than or equal to 100"),
        (["POSTS_PER_SEARCH=77"], "nobody knows what more would have held"),
        (["AUTHOR_CACHE_HOURS=-2"], "greater than or equal to 0"),
        (["MAX_X_USD_PER_DAY=nan"], "MAX_X_USD_PER_DAY"),
        (["MAX_X_USD_PER_DAY=0.02"], "does not pay for one search"),
        (["MAX_SEARCH_PAGES=3"], "no record says what a page held"),
        (["MAX_SUBMISSIONS_PER_WINDOW=2"], "the coordination API says"),
        (["SAMPLING=top"], "do not tell what it would have changed"),
        (["posts_per_search=8"], "it is no setting"),
    ],
)
def test_a_question_that_no_record_answers_is_one_line(
    good: Path, command: Command, asked: list[str], words: str
) -> None:
    """Exit code 2, nothing on standard output, and what can be asked instead."""
    code, out, errors = command("costs", str(good), *(f"--what-if={one}" for one in asked))
    assert (code, out) == (2, "")
    assert is_one_line(errors, "--what-if", words)


def test_a_replay_is_no_row(good: Path, command: Command) -> None:
    """``--by`` beside it, and days without a search, are refused."""
    question = ("--what-if", "AUTHOR_CACHE_HOURS=4")
    code, out, errors = command("costs", str(good), *question, "--by", "window")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "--by window", "leave --by out")
    code, out, errors = command("costs", str(good), *question, "--until", "2001-09-09")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "no search is on record in these days")


@pytest.mark.parametrize("no_index", [False, True])
def test_other_settings_are_replayed(good: Path, command: Command, *, no_index: bool) -> None:
    """What is on record is the bill, what is asked for costs no more, and the assumptions stand in both outputs."""
    words = ("costs", str(good), "--what-if", "AUTHOR_CACHE_HOURS=30", "--what-if", "POSTS_PER_SEARCH=9")
    more = ("--no-index",) if no_index else ()
    code, out, errors = command(*words, *more, "--json")
    assert code == 0, errors
    (found,) = map(json.loads, out.splitlines())
    code, out, _ = command("costs", str(good), "--by", "total", "--json")
    total = json.loads(out)
    recorded, replayed = found["recorded"], found["replayed"]
    assert (recorded["x_usd"], recorded["posts_read"]) == (total["x"]["usd"], total["x"]["posts"])
    assert recorded["accepted"] == total["accepted"]
    assert recorded["per_accepted"]["x_usd"] == total["per_accepted"]["x_usd"]
    assert found["asked"] == {"AUTHOR_CACHE_HOURS": 30, "POSTS_PER_SEARCH": 9}
    assert replayed["x_usd"] < recorded["x_usd"]
    assert replayed["sent"] >= recorded["sent"]
    assert found["source"] in ({"journal"} if no_index else {"journal", "index"})
    code, out, _ = command(*words, *more)
    assert code == 0
    for line in found["assumptions"]:
        assert f"- {line}\n" in out
