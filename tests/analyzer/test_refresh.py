"""A refresh: what the chain may change of the registry, what it may not, and names that try to be more than names."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Identifier, Registry, Subnet, load_registry
from actor.analyzer.mentions import MentionFinder
from actor.analyzer.refresh import ChainSubnet, Change, clean_name, refreshed
from actor.analyzer.registry_file import registry_text

LONG_AGO, MADE, LATER, TODAY = date(2024, 1, 1), date(2025, 12, 1), date(2026, 3, 1), date(2026, 11, 22)


def _subnet(number: int, name: str, *functions: str, **identifiers: str) -> Subnet:
    own = tuple(Identifier(text=text, use=use) for text, use in identifiers.items())  # type: ignore[arg-type]
    return Subnet(id=number, name=name, identifiers=own, functions=functions)


BASE = Registry(
    (
        _subnet(0, "root", "staking on root", root="named"),
        _subnet(1, "one", "counting", "adding", uno="alone"),
        _subnet(2, "two", "doubling", dos="context"),
        _subnet(3, "sn3"),
    ),
    MADE,
)


def _refresh(*found: tuple[int, str, date | None], base: Registry = BASE) -> tuple[Registry, list[Change]]:
    chain = [ChainSubnet(id=number, name=name, registered=day) for number, name, day in found]
    registry, changes = refreshed(base, chain, TODAY)
    return registry, list(changes)


def test_the_same_names_change_nothing_but_the_day() -> None:
    """Names that the chain writes in capitals and with spaces are the same names."""
    registry, changes = _refresh((0, "Root", None), (1, "ONE", LONG_AGO), (2, " Two ", None), (3, "Unknown", None))
    assert changes == []
    assert registry == Registry(BASE.subnets, TODAY)


def test_a_renamed_subnet_keeps_what_is_known_of_it() -> None:
    """Functions and identifiers stay, and the new name is one more."""
    registry, changes = _refresh((1, "Uno Prime", LONG_AGO), (2, "two", None), (3, "", None))
    assert changes == [Change(id=1, what="renamed", before="one", after="uno_prime")]
    one = registry.by_id[1]
    assert (one.name, one.functions) == ("uno_prime", ("counting", "adding"))
    assert [(known.text, known.use) for known in one.identifiers] == [("uno", "alone"), ("uno prime", "context")]


def test_another_subnet_under_an_old_number_inherits_nothing() -> None:
    """A number given away since the list was made is another subnet, whether or not it has a name."""
    registry, changes = _refresh((1, "Newcomer", LATER), (2, "", LATER), (3, "sn3", LATER))
    assert [(change.id, change.what, change.after) for change in changes] == [
        (1, "replaced", "newcomer"),
        (2, "replaced", "sn2"),
    ]
    assert registry.by_id[1] == _subnet(1, "newcomer", newcomer="named")
    assert registry.by_id[2] == _subnet(2, "sn2")


def test_a_name_that_comes_back_is_the_same_subnet() -> None:
    """An owner who registers anew under the same name goes on."""
    registry, changes = _refresh((1, "One", LATER), (2, "two", None), (3, "", None))
    assert (registry.by_id[1], changes) == (BASE.by_id[1], [])


def test_a_missing_name_does_not_erase_a_known_one() -> None:
    """A subnet without an identity on the chain keeps the name it is known by."""
    registry, changes = _refresh((1, "", None), (2, "unknown", LONG_AGO), (3, "\u202e\u200b ", None))
    assert ([subnet.name for subnet in registry.subnets], changes) == (["root", "one", "two", "sn3"], [])


def test_new_numbers_come_and_old_ones_go() -> None:
    """Root stays, whatever the chain lists."""
    registry, changes = _refresh((1, "one", None), (130, "Hundred Thirty", LATER), (131, "", LATER))
    assert [subnet.id for subnet in registry.subnets] == [0, 1, 130, 131]
    assert [(change.id, change.what) for change in changes] == [(2, "gone"), (3, "gone"), (130, "new"), (131, "new")]
    assert registry.by_id[131].name == "sn131"
    assert registry.by_id[130].identifiers == (Identifier(text="hundred thirty", use="context"),)


def test_names_are_unique_and_their_bearers_keep_them() -> None:
    """Who takes another's name gets it with a number; a name that is another's number is none."""
    registry, _ = _refresh(
        (1, "two", LONG_AGO), (2, "Two", None), (3, "twO", None), (4, "SN 2", None), (5, "sn1", LATER)
    )
    assert [subnet.name for subnet in registry.subnets] == ["root", "two_sn1", "two", "two_sn3", "sn4", "sn5"]
    assert registry.by_id[4].identifiers == registry.by_id[5].identifiers == ()


@pytest.mark.parametrize("name", ["Bittensor", "TAO", "Agents", "AI", "a", "The Network", "Miner", "alpha"])
def test_an_everyday_word_is_never_a_mention_by_its_own_choice(name: str) -> None:
    """A subnet that calls itself by everybody's word is found by its number only."""
    registry, _ = _refresh((4, name, LATER))
    finder = MentionFinder(registry)
    assert finder.find(f"I like {name} on Bittensor").direct == ()
    assert [subnet.id for subnet in finder.find("SN4").direct] == [4]


def test_a_new_single_word_counts_as_a_name_only() -> None:
    """What the list does not know it takes for an ordinary word."""
    finder = MentionFinder(_refresh((4, "Lantern", LATER))[0])
    assert [subnet.id for subnet in finder.find("staked on Lantern, TAO holders know").direct] == [4]
    assert finder.find("a lantern in the TAO dark").direct == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Web Agents - Autoppia", "web_agents_-_autoppia"),
        ("404—GEN", "404—gen"),
        ("\u03a4emplar", "τemplar"),
        ("  for\tsale (burn to uid1)\n", "for_sale_(burn_to_uid1)"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("l\u202eeft\u200b", "left"),
        ("e\u0301", "é"),
        ("", ""),
        ("___", ""),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_are_cleaned(text: str, name: str) -> None:
    """Lower case, one line, nothing invisible, not too long."""
    assert clean_name(text) == name


_DAYS = st.sampled_from([None, LONG_AGO, LATER])
_FOUND = st.lists(
    st.tuples(st.integers(-2, 1100) | st.integers(0, 5), st.text(max_size=90) | st.sampled_from(["two", "SN1"]), _DAYS),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one[0],
)


@settings(derandomize=True)
@given(_FOUND)
def test_any_chain_gives_a_registry_that_can_be_used(found: list[tuple[int, str, date | None]]) -> None:
    """Whatever owners call themselves, the result is whole, unique, printable, and a second refresh changes nothing."""
    registry, _ = _refresh(*found)
    text = registry_text(registry)
    assert text.replace("\n", "").isprintable()
    again, changes = refreshed(
        registry, [ChainSubnet(id=number, name=name, registered=None) for number, name, _ in found], TODAY
    )
    assert (again, changes) == (registry, ())


def test_the_built_in_names_survive_a_chain_that_says_the_same() -> None:
    """The built-in list is a list of the chain's names: a refresh from its own names changes nothing."""
    built_in = load_registry()
    found = [
        ChainSubnet(id=subnet.id, name=subnet.name.replace("_", " ").upper(), registered=LONG_AGO)
        for subnet in built_in.subnets
    ]
    registry, changes = refreshed(built_in, found, TODAY)
    assert changes == ()
    assert registry.subnets == built_in.subnets
