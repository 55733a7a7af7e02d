"""An answer on record holds for every post of the same text: nobody pays for it again."""

from __future__ import annotations

from actor.machine import content_sha256, encode_state, norm_text, wanted
from actor.machine.posts import ANSWER_HOURS
from events import effects as ef
from events.codec import canonical_json
from tests.kit import Drive, analysis_failed, analyzed

TEXT = "SN45 keeps   shipping"
DIGEST = content_sha256(norm_text(TEXT))


def asked(drive: Drive) -> list[str]:
    """The posts whose analysis is wanted now."""
    return [effect.post_id for effect in wanted(drive.state) if isinstance(effect, ef.AnalyzePost)]


def test_one_post_of_each_text_is_asked_about_at_a_time() -> None:
    """The others wait for its answer (I3)."""
    drive = Drive().start().window(812).scraped(1, 2, content=TEXT)
    assert asked(drive) == ["1"]
    drive.on(analyzed("1", content_sha256=DIGEST))
    assert asked(drive) == ["2"]


def test_a_failure_holds_for_nobody() -> None:
    """The next post of the text is asked about."""
    drive = Drive().start().window(812).scraped(1, 2, content=TEXT)
    drive.on(analysis_failed("1"))
    assert asked(drive) == ["2"]
    assert drive.state.answer(DIGEST) is None


def test_an_answer_is_remembered_with_what_it_depends_on() -> None:
    """Model and rules stand beside it; a reused one does not take its place."""
    drive = Drive().start().window(812).scraped(1, 2, content=TEXT)
    drive.on(analyzed("1", content_sha256=DIGEST, model="a"))
    drive.on(analyzed("2", content_sha256=DIGEST, model="a", calls=0, reused_from="1"))
    known = drive.state.answer(DIGEST)
    assert known is not None
    assert (known.post_id, known.model, known.prompt_version, known.sentiment) == ("1", "a", "1", 0.5)


def test_the_newest_answer_about_a_text_holds() -> None:
    """Where another model was asked in a later hour, what that one said is what the next post of the text gets."""
    drive = Drive().start().window(812).scraped(1, content=TEXT)
    drive.on(analyzed("1", content_sha256=DIGEST, model="old"))
    drive.accept_all().window(813).scraped(2, content=TEXT)
    drive.on(analyzed("2", content_sha256=DIGEST, model="new"), after_s=3_600)
    known = drive.state.answer(DIGEST)
    assert known is not None
    assert (known.model, known.post_id) == ("new", "2")


def test_another_list_of_subnets_asks_again() -> None:
    """What the LLM said of other candidates does not hold any more; the same list keeps what was paid for."""
    drive = Drive().start().window(812).scraped(1, content=TEXT)
    drive.on(analyzed("1", content_sha256=DIGEST))
    drive.start()
    assert drive.state.answer(DIGEST) is not None
    drive.start(subnets_sha256="5" * 64)
    assert drive.state.answer(DIGEST) is None


def test_answers_are_kept_for_days_not_for_ever() -> None:
    """So a state stays small through years."""
    drive = Drive().start()
    for number in range(1, ANSWER_HOURS + 2):
        drive.window(812 + number).scraped(number)
        drive.on(analyzed(str(number), content_sha256=f"{number:064x}"), after_s=3_600)
        drive.accept_all()
    assert len(drive.state.answers) == ANSWER_HOURS
    assert drive.state.answer(f"{1:064x}") is None
    assert drive.state.answer(f"{ANSWER_HOURS + 1:064x}") is not None


def test_answers_that_were_encoded_before_are_written_as_ever() -> None:
    """Hour by hour and within one, in other states too; numbers of hours are sorted as texts, like every key."""
    drive = Drive()
    drive.at_ms = 3_600_000 * 997
    states = [drive.start().state]
    for number in range(1, 12):
        drive.window(812 + number).scraped(number)
        drive.on(analyzed(str(number), content_sha256=f"{number % 8:064x}"), after_s=1_200)
        states.append(drive.accept_all().state)
    assert [*states[-1].answers] == [997, 998, 999, 1000]
    for state in (*states, *reversed(states)):
        assert encode_state(state) == canonical_json(state)
