"""Golden transcripts: every one in tests/transcripts says what happens; what one can say wrong is an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actor.machine.state import STATES
from actor.testing import TranscriptError, check_transcript, run_transcript
from actor.testing.commands import COMMANDS
from events.catalogue import EVENTS

FOLDER = Path(__file__).parents[1] / "transcripts"
TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_says_what_happens(path: Path, transcript: Callable[[Path], None]) -> None:
    """Events in, effects out; --rewrite-transcripts writes it anew."""
    transcript(path)


def test_the_transcripts_tell_of_everything() -> None:
    """Each command is used, each state is met, and each event but a torn tail's happens in one of them."""
    lines = [line for path in TRANSCRIPTS for line in path.read_text("utf-8").splitlines()]
    assert {line.split()[0] for line in lines if line.strip()} >= set(COMMANDS)
    moves = [line for line in lines if " -> " in line]
    assert {line.rsplit(" ", maxsplit=1)[-1] for line in moves} == set(STATES)
    assert {line.split(":")[0] for line in moves} == set(EVENTS) - {"TailRepaired"}


def test_each_begins_with_what_it_is_about() -> None:
    """The first line is a comment: a ruling, an invariant, or a sentence."""
    assert all(path.read_text("utf-8").startswith("# ") for path in TRANSCRIPTS)


def test_a_difference_is_shown(tmp_path: Path) -> None:
    """As a diff of the two stories; a rewrite keeps commands and comments, and is the same the next time."""
    path = tmp_path / "story.txt"
    path.write_text("# A story.\n\nstart\nwindow 7\n----\nanything\n\n# Its end.\n\nposts\n----\n", "utf-8")
    with pytest.raises(TranscriptError) as caught:
        check_transcript(path)
    assert "-anything\n" in str(caught.value)
    assert "+WindowOpened: WaitingForWindow -> Scraping\n" in str(caught.value)
    assert "--rewrite-transcripts" in str(caught.value)
    check_transcript(path, rewrite=True)
    written = path.read_text("utf-8")
    assert written.startswith("# A story.\n\nstart\nwindow 7\n----\nJournalCreated: ")
    assert written.endswith("\n\n# Its end.\n\nposts\n----\nno post is without a verdict\n")
    check_transcript(path)
    check_transcript(path, rewrite=True)
    assert path.read_text("utf-8") == written


def test_a_refusal_is_part_of_the_story() -> None:
    """An event that the machine refuses changes nothing, and its reason stands in the transcript."""
    told = run_transcript("start\nrecovered\nposts\n----\n")
    assert told.endswith("refused: the API was not known to be unreachable\nno post is without a verdict\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start\nstrat\n----\n", "line 2: 'strat' is no command; known: start, stop"),
        ("start\n\nwindow 7\n----\n", "line 2: expected ---- behind the commands"),
        ("window\n----\n", "line 1: 'window': expected: window NUMBER"),
        ("window seven\n----\n", "line 1: 'window seven': "),
        ("start\nwindow 7\nscraped 1\nanalyzed 1 mood=good\n----\n", "line 4: .*mood"),
        ("start\nfailed\n----\n", "line 2: 'failed': no attempt is open; send first"),
        ("start\nscraped 1\n----\n", "line 2: .*no window is known"),
        ("start colour=red\n----\n", "line 1: .*colour"),
        ("start\ncrashed AnalyzePost:5\n----\n", "line 2: .*not in flight; these are: PollStatus"),
        ("start\nabandon 5\n----\n", "line 2: .*post 5 waits for no window"),
        ("start\nhold\n----\n", "line 2: .*a budget allows the search"),
        ("event Nothing {}\n----\n", "line 1: .*no event is named Nothing"),
        ('event ApiMoved {"url": 5}\n----\n', "line 1: .*ApiMoved"),
        ("event ApiMoved\n----\n", "line 1: .*expected: event NAME JSON"),
        ("start\nsend\n----\n", "line 2: .*no submission is wanted"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, words: str) -> None:
    """With the line, the command, and what was expected."""
    with pytest.raises(TranscriptError, match=words):
        run_transcript(text)
