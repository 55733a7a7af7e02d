"""The exploration: what it reaches, that it leaves nothing out by mistake, and what it says."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from actor.machine.table import ROWS
from user_miner.cli import app
from user_miner.commands.explore import report
from user_miner.explore.canonical import key
from user_miner.explore.moves import BEGINNINGS, Bounds, Node
from user_miner.explore.report import OUT_OF_REACH, fixture_text
from user_miner.explore.search import Exploration, Trace, explore
from user_miner.explore.world import beginning, successors

SMALL = Bounds(windows=2, posts=1, attempts=2, crashes=1)


def go(bounds: Bounds, *whats: str, policy: str = "default") -> tuple[Node, Trace]:
    """Do these things, one after the other; the situation then, and the way to it."""
    node, began = beginning(bounds, policy)
    steps = [("a first start", began)]
    for what in whats:
        found = next(transition for transition in successors(node, bounds) if transition.what == what)
        assert found.node is not None
        node = found.node
        steps.append((what, found.happened))
    return node, Trace(rule="I0", text="made up", steps=tuple(steps))


@pytest.mark.parametrize("policy", BEGINNINGS)
def test_a_small_world_is_explored_to_its_end(policy: str) -> None:
    """Two windows, a post, two attempts, a crash at every record and a 429 at any time: no promise is broken."""
    found = explore(SMALL, policy)
    assert found.trace is None
    assert found.is_whole
    assert policy == "budget" or found.moves["RateLimited", "Submitting", "Backoff"]


def test_rare_events_break_no_promise_in_a_window() -> None:
    """One of each, at every moment of a window of one post."""
    found = explore(Bounds(windows=1, posts=1, attempts=1, crashes=0, troubles=1), "hold")
    assert found.trace is None
    assert {"GapDeclared", "ApiMoved", "EffectCrashed", "SettingsChanged"} <= {event for event, _, _ in found.moves}


def test_names_of_posts_make_no_difference() -> None:
    """A first post in the second window is what a second one is there, once the first has its verdict."""
    second = ("the chain comes to its next window", "the status is told", "X serves 1")
    first = ("the status is told", "X serves 1", "the analysis finds a subnet", "the intent is recorded")
    later, _ = go(SMALL, *first, "the post is rejected", *second)
    sooner, _ = go(SMALL, "the status is told", "X serves 0", *second)
    assert [p.post.id for p in later.state.posts] != [p.post.id for p in sooner.state.posts]
    assert key(later) == key(sooner)


def test_an_answer_that_was_lost_makes_a_difference() -> None:
    """The machine is in the same state, and the API is not."""
    sent = ("the status is told", "X serves 1", "the analysis finds a subnet", "the intent is recorded")
    lost, _ = go(SMALL, *sent, "the post is taken, the answer lost")
    failed, _ = go(SMALL, *sent, "the attempt does not arrive")
    assert lost.state == failed.state
    assert key(lost) != key(failed)


def test_a_search_that_is_cut_short_says_so() -> None:
    """What is not explored is not called whole."""
    found = explore(SMALL, "default", most_states=50)
    assert not found.is_whole
    assert found.trace is None


def test_a_way_becomes_a_timeline_and_a_test_that_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step with its records; the test stands by itself."""
    _, trace = go(SMALL, "the status is told", "X serves 1", "the analysis finds a subnet", "a crash")
    assert report(SMALL, [Exploration(policy="default", trace=trace)], 1.0) == 1
    said = capsys.readouterr().out
    assert "I0 is broken: made up" in said
    assert said.index("X serves 1") < said.index("PostsScraped") < said.index("a crash") < said.index("table rows")
    made: dict[str, object] = {}
    exec(compile(fixture_text(trace), "test_explored.py", "exec"), made)  # noqa: S102  (the file that is written)
    run = made["test_explored"]
    assert callable(run)
    run()


def test_rows_out_of_reach_are_rows() -> None:
    """And each has its reason."""
    assert OUT_OF_REACH.keys() <= {*ROWS}
    assert all(OUT_OF_REACH.values())


def test_the_command_tells_its_figures(tmp_path: Path) -> None:
    """For people and for machines; a row that is not taken is a finding where it is asked for."""
    small = ["explore", "--windows", "1", "--posts", "1", "--attempts", "1", "--crashes", "0", "--settings", "default"]
    small += ["--out", str(tmp_path / "test_it.py")]
    said = CliRunner().invoke(app, small)
    assert said.exit_code == 0
    assert "15 states" in said.output
    fields = orjson.loads(CliRunner().invoke(app, [*small, "--json"]).output)
    assert fields["settings"][0]["states"] == 15
    assert fields["settings"][0]["whole"]
    asked = CliRunner().invoke(app, [*small, "--require-rows"])
    assert asked.exit_code == 1
    assert "not taken: GapDeclared" in asked.output
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_none_are_refused() -> None:
    """In one line that names those there are."""
    refused = CliRunner().invoke(app, ["explore", "--settings", "hold,holt"])
    assert refused.exit_code == 2
    assert "expected some of default, skip, hold, budget, authors, saving, found 'holt'" in refused.stderr
