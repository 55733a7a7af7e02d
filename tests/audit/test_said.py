"""Every field of a bundle, told otherwise in every way there is: refused, or named among what is only said."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from actor.edges.hotkey import is_signed_by
from audit.dispute import check_bundle
from audit.dispute.said import said_fields
from events.catalogue import EVENTS
from tests.audit.dispute_kit import MINER_S_WORD, at, leaves, resealed, spoiled
from tests.audit.liars import World, world
from tests.audit.test_liars import Page, judged, page  # noqa: F401  (a fixture)
from tests.docs.kit import ROOT

pytestmark = pytest.mark.slow

Data = dict[str, Any]
PLACES = 4
BUNDLES = 4


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("world"), 21)


def name_of(path: tuple[str | int, ...]) -> str:
    return ".".join(key for key in path if isinstance(key, str))


def fields_of(data: Data, random: Random) -> Iterator[tuple[str | int, ...]]:
    """Of each name a few places, drawn; and lists that may be empty."""
    named: dict[str, list[tuple[str | int, ...]]] = {}
    for path in leaves(data):
        named.setdefault(name_of(path), []).append(path)
    for paths in named.values():
        yield from random.sample(paths, min(PLACES, len(paths)))
    yield ("search", "post", "edits")


def values(data: Data, others: list[Data], path: tuple[str | int, ...], random: Random) -> Iterator[Any]:
    """Other values for a field: near ones, far ones, those that it has elsewhere, and other spellings."""
    value, name = at(data, path), path[-1]
    elsewhere = [at(other, way) for other in others for way in leaves(other) if name_of(way) == name_of(path)]
    yield from random.sample(elsewhere, min(3, len(elsewhere)))
    if name == "edits":
        yield from (["4711"], [])
    elif isinstance(value, int):
        yield from (value + 1, value - 1, 0, 1, 2, 3, 10**9)
        yield from {int(found) for found in re.findall(r'\\"window\\":(\d+)', json.dumps(data["records"]))}
    elif isinstance(value, str):
        yield at(spoiled(data, path), path)
        yield from ("", value.upper(), f" {value}", value.replace(" ", "  "), unicodedata.normalize("NFD", value))
        if name == "event":
            yield from EVENTS
        if name == "at":
            yield "2020-02-02T02:02:02.020Z"
    elif value is None:
        yield from (1, "0" * 64)


def told_otherwise(data: Data, path: tuple[str | int, ...], value: Any) -> Data:
    data = copy.deepcopy(data)
    at(data, path[:-1])[path[-1]] = value
    return data


def is_proven(data: Data) -> bool:
    return check_bundle(resealed(data), is_signed_by).ok


def drawn(there: World) -> list[Data]:
    """Bundles that differ in what their records tell: sent or not, each verdict, with others left out or not."""
    kinds: dict[tuple[Any, ...], Data] = {}
    proven = (data for bundles in there.bundles for data in bundles.values() if is_proven(data))
    for data in proven:
        events = {json.loads(record["line"])["event"] for record in data["records"]}
        ends = events & {
            "SubmissionStarted",
            "SubmissionAccepted",
            "SubmissionRejected",
            "PostAbandoned",
            "RateLimited",
        }
        kinds.setdefault((*sorted(ends), bool(data["left_out"])), data)
    sent = [data for kind, data in kinds.items() if "SubmissionStarted" in kind]
    unsent = [data for kind, data in kinds.items() if "SubmissionStarted" not in kind]
    return [*sent[:BUNDLES], *unsent[:BUNDLES]]


def test_every_field_is_covered_or_named(there: World, page: Page) -> None:  # noqa: F811  (the fixture)
    """By the tool and by the documented checker alike; and no field is named that is covered after all."""
    random = Random(45)  # noqa: S311  (a test's draw)
    everywhere = [*there.bundles[0].values(), *there.bundles[1].values()]
    changeable: dict[bool, set[str]] = {True: set(), False: set()}
    judgements = 0
    for data in drawn(there):
        for path in fields_of(data, random):
            for value in values(data, random.sample(everywhere, 3), path, random):
                if path == ("sha256",) or (type(value), value) == (type(at(data, path)), at(data, path)):
                    continue
                report = judged(told_otherwise(data, path, value), page, f"{data['post_id']}: {path} {value!r}")
                judgements += 1
                if report.ok:
                    assert name_of(path) in report.only_said, f"{path}: {at(data, path)!r} was told as {value!r}"
                    changeable[report.sent].add(name_of(path))
    assert judgements > 1_000
    assert "search.window" in changeable[True] | changeable[False], "where records open several windows"
    for sent, found in changeable.items():
        assert found | {"search.window"} == {*said_fields(sent=sent)}, "what is named can be told otherwise"


@pytest.mark.parametrize("sent", [True, False])
def test_the_document_names_them(sent: bool) -> None:  # noqa: FBT001  (a parameter)
    """Each of them under "What it does not prove"."""
    text = (ROOT / "docs" / "operators" / "disputes.md").read_text("utf-8")
    section = text.partition("## What it does not prove")[2].partition("\n## ")[0]
    missing = [name for name in said_fields(sent=sent) if f"`{name.rpartition('.')[2]}`" not in section]
    assert missing == []


def test_what_is_changed_elsewhere_is_among_them() -> None:
    """The list that other tests of bundles go by."""
    assert {name.removesuffix(".*") for name in MINER_S_WORD} <= {*said_fields(sent=True)}
