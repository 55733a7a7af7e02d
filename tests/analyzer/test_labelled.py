"""Labelled posts: their format, what the labels mean, and how every mistake in a file is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from actor.analyzer import load_registry
from actor.analyzer.labelled import LabelError, LabelledPost, load_labelled

REGISTRY = load_registry()
GOOD: dict[str, Any] = {"text": "SN4", "direct": ["targon"], "sentiment": "neutral"}


def _load(tmp_path: Path, *lines: object) -> list[LabelledPost]:
    path = tmp_path / "posts.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return load_labelled(path, REGISTRY)


def test_a_post_is_read_with_its_line(tmp_path: Path) -> None:
    """Blank lines count as lines; subnets stand by name or number."""
    full = {**GOOD, "kind": "mixed", "direct": ["SN4", "45"], "discussed": {"vidaio": 0.7}}
    one, two = _load(tmp_path, GOOD, "", full, "")
    assert (one.line, one.kind, one.tokens) == (1, "", {"targon": 1.0})
    assert one.direct == frozenset({"targon"})
    assert (two.line, two.kind, two.sentiment) == (3, "mixed", "neutral")
    assert two.tokens == {"talisman_ai": 1.0, "targon": 1.0, "vidaio": 0.7}
    assert list(two.tokens) == ["talisman_ai", "targon", "vidaio"]


def test_expected_tokens_are_at_most_ten(tmp_path: Path) -> None:
    """Labels may name more; what the contract gives is cut as an analysis is."""
    (post,) = _load(tmp_path, {**GOOD, "direct": [str(number) for number in range(1, 13)]})
    assert len(post.direct) == 12
    assert len(post.tokens) == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "expected an object"),
        ({"text": "x"}, "expected an object"),
        ({**GOOD, "note": "x"}, "expected an object"),
        ({**GOOD, "text": 1}, "text and kind must be strings"),
        ({**GOOD, "kind": None}, "text and kind must be strings"),
        ({**GOOD, "sentiment": "happy"}, "sentiment is 'happy', expected one of very_bullish"),
        ({**GOOD, "sentiment": []}, "sentiment is []"),
        ({**GOOD, "direct": "targon"}, "direct must be a list"),
        ({**GOOD, "direct": ["nobody"]}, "there is no subnet 'nobody'"),
        ({**GOOD, "direct": [4]}, "there is no subnet 4"),
        ({**GOOD, "discussed": []}, "discussed must be an object"),
        ({**GOOD, "discussed": {"vidaio": 1.0}}, "discussed holds 1.0, expected one of 0.7, 0.4, 0.2"),
        ({**GOOD, "discussed": {"vidaio": "0.7"}}, "discussed holds '0.7'"),
        ({**GOOD, "discussed": {"SN4": 0.4}}, "targon is both direct and discussed"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: object, said: str) -> None:
    """File, line and what was expected, in one line."""
    with pytest.raises(LabelError) as caught:
        _load(tmp_path, GOOD, line)
    assert str(caught.value).startswith(f"{tmp_path / 'posts.jsonl'}:2: ")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_without_posts_is_named(tmp_path: Path) -> None:
    """Nothing there, a folder, nothing in it, and bytes that are no text."""
    (tmp_path / "bytes").write_bytes(b'{"text": "\xff"}')
    (tmp_path / "empty").write_text("\n\n")
    for name, said in (
        ("none", "No such file"),
        (".", "Is a directory"),
        ("bytes", "UTF-8"),
        ("empty", "holds no post"),
    ):
        with pytest.raises(LabelError, match=said):
            load_labelled(tmp_path / name, REGISTRY)
