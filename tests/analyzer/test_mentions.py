"""Direct mentions: what names a subnet, and what only looks like it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import load_registry
from actor.analyzer.mentions import MentionFinder
from tests.patience import Stopwatch

REGISTRY = load_registry()
FINDER = MentionFinder(REGISTRY)


def _direct(text: str) -> set[int]:
    return {subnet.id for subnet in FINDER.find(text).direct}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("SN45 is live", {45}),
        ("sn45, sn-4 and #SN64!", {4, 45, 64}),
        ("sn 45", {45}),
        ("SN#45 sn_9", {9, 45}),
        ("SN45's emission", {45}),
        ("SN45-powered", {45}),
        ("(SN45)", {45}),
        ("SN04 is how some write it", {4}),
        ("subnet 45", {45}),
        ("subnet #45 / subnet-4 / subnet45 / #subnet64", {4, 45, 64}),
        ("Subnet no. 45, subnet number 4, subnet id 64", {4, 45, 64}),
        ("netuid 45 and netuid=4 and netuid: 64", {4, 45, 64}),
        ("subnets 4 and 45", {4, 45}),
        ("subnet 4 and 45", {4, 45}),
        ("subnets 1, 4 & 45 rock", {1, 4, 45}),
        ("Subnets: 1,4,45", {1, 4, 45}),
        ("subnets (1, 4, and #45)", {1, 4, 45}),
        ("subnet (64) and subnet: 4", {4, 64}),
        ("Subnets 4 und 45, subnets 1 y 2, subnets 3 et 5", {1, 2, 3, 4, 5, 45}),
        ("subnet 4 weekly numbers", {4}),
        ("SN1/SN2/SN3", {1, 2, 3}),
        ("SN4/45", {4, 45}),
        ("subnets 4 &amp; 45", {4, 45}),
        ("SNs 4 & 45", {4, 45}),
        ("SN4 and SN45", {4, 45}),
        ("SN4, SN45, 20% up", {4, 45}),
        ("SN0", {0}),
        ("$SN64", {64}),
        # decorated and invisible characters
        ("\U0001d5e6\U0001d5e1\U0001d7f0\U0001d7f1 and \uff33\uff2e\uff14", {4, 45}),
        ("S\u200bN4\u200d5", {45}),
        ("\u202esn45\u202c", {45}),
        ("SN4\ufe0f\u20e35\ufe0f\u20e3", {45}),
        ("🔥SN45🔥", {45}),
        ("サブネット4、SN45が", {45}),
    ],
)
def test_numbers_are_found(text: str, ids: set[int]) -> None:
    """Every way to write a subnet number is found."""
    assert _direct(text) == ids


@pytest.mark.parametrize(
    "text",
    [
        "SN450",
        "SN999 and subnet 500",
        "xSN45 SN45x aSN4_5",
        "SN4.5",
        "subnet 10.0.0.0/8",
        "subnet 10/24",
        "subnets 1-5",
        "subnet 1,024",
        "subnet 20% cheaper",
        "SN1987A exploded",
        "the 129 subnets",
        "45 subnets",
        "tsn 45",
        "$45 and #45",
        "SN² SN④",
        "our subnet 2 weeks ago",
        "the subnet 24 hours later",
        "a subnet (64 validators, 192 miners)",
        "our subnet: 64 GB of RAM",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    """What is not a whole, known subnet number names nothing."""
    assert _direct(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "SN4 and 5 others",
        "subnet 4 and 45 miners joined",
        "SN4, 45 reasons why",
        "SN4 and 45 reasons why",
        "SN4 & 45% more",
        "SN4 and 45k TAO",
        "SN4 + 45 TAO",
        "subnets 4 and 45 others",
        "SN4, 2025 was good",
        "SN4 and 45 days later",
        "SN4 and 45 new validators",
    ],
)
def test_counts_are_not_subnets(text: str) -> None:
    """A number that counts something does not continue a list of subnets."""
    assert _direct(text) == {4}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("hippius stores files", {75}),
        ("#Hippius @hippius $HIPPIUS", {75}),
        ("https://chutes.ai/app", {64}),
        ("@chutes_ai ships", {64}),
        ("τemplar", {3}),
        ("\u03a4EMPLAR", {3}),
        ("templar on bittensor", {3}),
        ("τargon", {4}),
        ("τaos", {79}),
        ("plaτform", {100}),
        ("Omega Any-to-Any", {21}),
        ("404-GEN and 404gen", {17}),
        ("talisman_ai, Talisman AI", {45}),
        ("chutes rocks $TAO", {64}),
        ("Chutes beats hippius", {64, 75}),
        ("#chutessubnet @sn64_chutes", {64}),
        ("zeus and gaia on subnet duty", {18, 57}),
        ("I like Score on Bittensor", {44}),
        ("Score is a Bittensor subnet", {44}),
        ("the score subnet", {44}),
        ("subnet Score", {44}),
        ("$TAO flows into $score", {44}),
        ("Chutes, Score & Ridges lead Bittensor", {44, 62, 64}),
        ("the root network pays TAO stakers", {0}),
        ("On Root you earn TAO", {0}),
        ("Score tracks the ball on Bittensor", {44}),
        ("#macrocosmos on SN13", {13}),
        ("biττensor with chutes", {64}),
        ("BittensorのChutesが", {64}),
    ],
)
def test_names_are_found(text: str, ids: set[int]) -> None:
    """Names count alone when nothing else bears them, and in context or as a name otherwise."""
    assert _direct(text) == ids


@pytest.mark.parametrize(
    "text",
    [
        "laundry chutes and ladders",
        "Knights Templar",
        "what a score in the match",
        "what a SCORE for bittensor",
        "bittensor is the brain of AI",
        "Bittensor Is The Brain Of AI",
        "swap your TAO on bittensor",
        "Swap your TAO now",
        "the root cause: TAO",
        "investing in TAO #investing #liquidity",
        "distributed training on bittensor",
        "gas fees on Bittensor EVM",
        "$TAO $IOTA $FET",
        "@zeus likes TAO",
        "https://example.com/chutes about TAO",
        "zeus.com and tao",
        "nova-like, TAO",
        "platform for TAO",
        "hippiusfan and xhippius",
        "Taos, New Mexico",
        "Swap fees are high, says this subnet",
        "in Nova Scotia with TAO",
        "the holy grail of Bittensor",
        "affine transformations for TAO",
        "Encore des chutes du TAO",
        "the apex of Bittensor",
        "hone your TAO skills",
    ],
)
def test_everyday_words_are_not(text: str) -> None:
    """A word in its everyday meaning, or as part of something else, is no mention."""
    assert _direct(text) == set()


def test_what_stays_open_is_a_hint() -> None:
    """An identifier that may or may not mean a subnet is handed on, and never both hint and mention."""
    found = FINDER.find("bittensor is the brain of AI, and SN44 has the best score")
    assert [subnet.name for subnet in found.hints] == ["brain"]
    assert [subnet.name for subnet in found.direct] == ["score"]


def test_a_word_that_several_subnets_may_mean_hints_at_each() -> None:
    """A company's name makes all of its subnets candidates and none of them certain."""
    found = FINDER.find("macrocosmos on Bittensor")
    assert [subnet.id for subnet in found.hints] == [1, 9, 13, 25]
    assert found.direct == ()


def test_somebody_else_s_name_is_not_even_a_hint() -> None:
    """A phrase that holds a name takes the name's words with it."""
    found = FINDER.find("the holy grail of Bittensor is not grail")
    assert ([subnet.name for subnet in found.direct], found.hints) == (["grail"], ())
    assert FINDER.find("the holy grail of Bittensor").hints == ()


def test_every_number_is_found_in_every_form() -> None:
    """Each subnet of the registry is found by its number, and by nothing of another number."""
    for subnet in REGISTRY.subnets:
        for form in ("SN{}", "sn {}", "subnet {}", "#subnet{}", "netuid {}"):
            assert _direct(f"look at {form.format(subnet.id)} today") == {subnet.id}


def test_every_name_in_context_is_found() -> None:
    """Each identifier that can be a mention names its subnet where it stands as a name."""
    for subnet in REGISTRY.subnets:
        for identifier in subnet.identifiers:
            if identifier.use not in {"hint", "other"}:
                text = f"bittensor's {identifier.text.title() if identifier.use == 'named' else identifier.text} ships"
                assert subnet.id in _direct(text), text


@settings(derandomize=True)
@given(st.text(max_size=400))
def test_any_text_is_survived(text: str) -> None:
    """No text raises, and ids come out once, in order and known."""
    found = FINDER.find(text)
    ids = [subnet.id for subnet in found.direct]
    assert ids == sorted(set(ids))
    assert not set(ids) & {subnet.id for subnet in found.hints}


@pytest.mark.parametrize(
    "text", ["sn1," * 10_000, "subnets " + "1, " * 20_000, "https://" * 10_000, "1 and " * 20_000, "τ" * 50_000]
)
def test_long_posts_take_no_long_time(text: str) -> None:
    """The pass is linear: no text makes it explode."""
    watch = Stopwatch()
    FINDER.find(text)
    assert watch.seconds() < 2
