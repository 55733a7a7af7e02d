"""norm_text and its digest."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine import content_sha256, norm_text


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("a\r\nb\rc\nd", "a b c d"),
        ("  a \t\u00a0 b\u3000c  ", "a b c"),
        ("", ""),
        (" \n ", ""),
        ("zero\u200bwidth stays", "zero\u200bwidth stays"),
    ],
)
def test_the_contract_s_normalization(raw: str, normalized: str) -> None:
    """NFC, one space for every run of whitespace, trimmed (contract, norm_text)."""
    assert norm_text(raw) == normalized


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    """Validators normalize again, so the function is idempotent."""
    assert norm_text(norm_text(text)) == norm_text(text)


def test_the_digest_is_sha256_of_utf8() -> None:
    """Anyone can recompute the digest that a record holds."""
    assert content_sha256("τao") == hashlib.sha256("τao".encode()).hexdigest()
