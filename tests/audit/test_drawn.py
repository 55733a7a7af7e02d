"""Rule ``secrets``: what is drawn at random is found wherever it stands; a word or a row of one letter is none."""

from __future__ import annotations

import json
import string
from random import Random

import pytest

from audit.judge.audit import Audit
from audit.rules.exposure import NoSecrets
from events.codec import changed
from tests.audit.broken import Story
from tests.kit import rejected

WORDS = (
    "A" * 60,
    "A" * 4_000,
    "A" * 30 + "b" * 40,
    "A" * 18 + "0" * 20,
    "Bearer authentication is required",
    "bearer authorization-header-missing",
    "Bearer ....................",
    "sk-" + "1" * 40,
    "sk-0000-0000-0000-0000-0000",
    "0" * 128,
    "ab" * 64,
    "X-Auth-Signature: malformed",
    "x-auth-message:must-be-text",
    "X-AUTH-SIGNATURE header missing or invalid",
)


def found_in(message: str) -> tuple[str, ...]:
    """What the rule finds where the API answers with this message."""
    story = Story()
    story.start()
    story.wait(5).window(70)
    story.search(1).analyze(1.0)
    story.on(changed(rejected(story.send()), reason=message, answer=json.dumps({"detail": message})), after_s=0.02)
    audit = Audit([NoSecrets])
    for record in story.records:
        audit.take(record)
    return tuple(finding.found for finding in audit.report().findings)


@pytest.mark.parametrize("message", WORDS, ids=range(len(WORDS)))
def test_what_is_not_drawn_is_no_secret(message: str) -> None:
    """Whatever it stands behind."""
    assert found_in(message) == ()


@pytest.mark.parametrize("seed", range(30))
def test_what_is_drawn_is_a_secret(seed: int) -> None:
    """Of each kind that an operator has, in reason and answer."""
    random = Random(seed)  # noqa: S311  (a test's draw)
    letters = string.ascii_letters + string.digits

    def drawn(length: int, of: str = letters) -> str:
        return "".join(random.choice(of) for _ in range(length)) + "7"

    for kind, message in {
        "a bearer token": f"refused: Bearer {drawn(40)}",
        "a token of X": f"token {'A' * 22}{drawn(80)}",
        "an API key": f"{random.choice(['sk', 'cpk', 'gsk'])}-{drawn(32)}",
        "a signature": f"got {drawn(127, '0123456789abcdef')}",
        "a signed header": f"X-Auth-Signature: {drawn(60)}",
        "a signed message": f"talisman-ai-auth:{random.randrange(10**9, 2 * 10**9)}",
    }.items():
        assert found_in(message) == tuple(f"{where} holds what looks like {kind}" for where in ("reason", "answer"))
