"""A post's words: where they begin and end, what stands around them, and that every way to cut them is the same."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer.words import Words, fold


@settings(derandomize=True)
@given(st.text(max_size=200) | st.text(st.characters(max_codepoint=127), max_size=200))
def test_words_and_gaps_make_the_post(text: str) -> None:
    """Put together again they are the folded text, but for subnet numbers, which are blanked at the same length."""
    words, folded = Words(text), fold(text)
    whole = "".join(f"{words.before(at)}{words.written(at)}" for at in range(len(words.lowered)))
    if words.lowered:
        whole += words.after(len(words.lowered) - 1)
        assert len(whole) == len(folded)
        assert [words.written(at).lower() for at in range(len(words.lowered))] == words.lowered
        assert words.numbers or whole == folded
    assert words.numbers or words.lowered == re.findall(r"\w+", folded.lower())


@settings(derandomize=True)
@given(st.text(max_size=200))
def test_folding_keeps_its_length_when_lowered(text: str) -> None:
    """So that a place in the lowered text is the same place in the text; folding twice changes nothing more."""
    folded = fold(text)
    assert len(folded.lower()) == len(folded)
    assert fold(folded.replace("&", "")) == folded.replace("&", "")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain text", "plain text"),
        ("\uff33\uff2e\uff14\uff15", "SN45"),
        ("S\u200bN\u00ad4\u202e5\ufe0f", "SN45"),
        ("it\u2019s \u201cfine\u201d \u2013 really\u2026", 'it\'s "fine" - really.'),
        ("🔥SN45🔥", "*SN45*"),
        ("Bittensorの未来", "Bittensor   "),
        ("4 &amp; 45 &lt; 64", "4 & 45 < 64"),
        ("τ and é stay", "τ and é stay"),
        ("\u0130stanbul", "Istanbul"),
    ],
)
def test_a_post_is_read_as_the_eye_reads_it(text: str, folded: str) -> None:
    """Decorated letters and printers' marks are plain, emoji a mark, what is invisible gone."""
    assert fold(text) == folded


def test_a_number_of_a_subnet_is_one_word() -> None:
    """However it is written, and as many as it names."""
    words = Words("Subnets 4 and 45: Score")
    assert words.numbers == [4, 45]
    assert words.lowered == ["_" * 16, "score"]
    assert words.is_capital(0)
    assert words.opens_sentence(1)


def test_addresses_are_known() -> None:
    """A word is part of an address or it is not, wherever the address stands."""
    words = Words("chutes at https://x.com/chutes and WWW.chutes.example, chutes")
    inside = [words.is_in_address(at) for at, word in enumerate(words.lowered) if word == "chutes"]
    assert inside == [False, True, True, False]
