"""Two JSON values compared field by field."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.differences import ABSENT, Difference, difference_fields, difference_lines, differences


def found(expected: object, actual: object) -> list[tuple[str, object, object]]:
    """The differences as tuples."""
    return [(d.path, d.expected, d.actual) for d in differences(expected, actual)]


def pending(post_id: str, score: float) -> dict[str, Any]:
    """What a state holds of a pending post, as far as it matters here."""
    return {"post": {"id": post_id}, "score": score}


@pytest.mark.parametrize(
    ("expected", "actual", "differing"),
    [
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": None}}, [("a.c", ABSENT, None)]),
        ({"a": {"b": 1, "c": None}}, {"a": {"b": 1}}, [("a.c", None, ABSENT)]),
        ({"window": None}, {"window": {"number": 3}}, [("window", None, {"number": 3})]),
        ({"tokens": {"a.b c": 0.5}}, {"tokens": {"a.b c": 0.4}}, [('tokens["a.b c"]', 0.5, 0.4)]),
        ({"n": 1}, {"n": 1.0}, [("n", 1, 1.0)]),
        ({"n": 1}, {"n": True}, [("n", 1, True)]),
        ("a", "b", [("", "a", "b")]),
        ([{"x": 1}, {"x": 1}], [{"x": 1}, {"x": 2}, {"x": 3}], [("[1].x", 1, 2), ("[2]", ABSENT, {"x": 3})]),
        ([[1, 2], [3]], [[1, 3]], [("[0][]", 2, ABSENT), ("[0][]", ABSENT, 3), ("[1]", [3], ABSENT)]),
        ([1, 1], [1], [("[1]", 1, ABSENT)]),
    ],
)
def test_a_difference_has_a_path_and_both_sides(
    expected: object, actual: object, differing: list[tuple[str, object, object]]
) -> None:
    """What one side lacks is ABSENT, which is not null; types count, for the digests of 1 and 1.0 differ."""
    assert [(path, repr(a), repr(b)) for path, a, b in found(expected, actual)] == [
        (path, repr(a), repr(b)) for path, a, b in differing
    ]


def test_posts_are_known_by_their_id() -> None:
    """The first of a queue leaves and another joins: those between show only what changed in themselves."""
    before = {"posts": [pending("1", 0.1), pending("2", 0.2), pending("3", 0.3)]}
    after = {"posts": [pending("2", 0.2), pending("3", 0.9), pending("4", 0.4)]}
    assert found(before, after) == [
        ("posts[id=1]", pending("1", 0.1), ABSENT),
        ("posts[id=3].score", 0.3, 0.9),
        ("posts[id=4]", ABSENT, pending("4", 0.4)),
    ]


def test_another_order_is_a_difference() -> None:
    """Of posts and of plain lists; only what is on both sides is told."""
    before, after = [pending("1", 0.1), pending("2", 0.2)], [pending("2", 0.2), pending("1", 0.1)]
    assert found({"posts": before}, {"posts": after}) == [("posts[] order", ["1", "2"], ["2", "1"])]
    assert found(["a", "b", "c"], ["c", "a"]) == [("[]", "b", ABSENT), ("[] order", ['"a"', '"c"'], ['"c"', '"a"'])]


def test_a_member_of_a_list_is_found_in_its_middle() -> None:
    """Ids of seen posts stand sorted; a new one is one difference."""
    assert found({"seen": {"20": ["1", "5"]}}, {"seen": {"20": ["1", "3", "5"]}}) == [("seen.20[]", ABSENT, "3")]


SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 0.5, "", "1", "x"])
KEYS = st.sampled_from(["id", "post", "a", "b.c"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(VALUES, VALUES)
def test_nothing_differs_exactly_where_the_json_is_equal(one: object, other: object) -> None:
    """No difference means the same JSON text, whatever the identities make of it, and the reverse."""
    assert differences(one, copy.deepcopy(one)) == ()
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (differences(one, other) == ()) is same


def test_lines_are_bounded_and_inert() -> None:
    """One line for each difference, whatever a post holds; beyond the limit they are counted."""
    hostile = "\x1b[31m\u202e\n" + "x" * 5_000
    lines = difference_lines(differences({hostile: 1, "a": hostile}, {"a": hostile + "y", "b": [hostile]}))
    assert [line[:2] for line in lines] == ["- ", "~ ", "+ "]
    assert all(line.isprintable() and len(line) < 600 for line in lines)
    assert 'x" → ' in lines[1], "both ends are shown, where they differ"
    many = differences({str(n): n for n in range(30)}, {})
    assert difference_lines(many, most=2) == ["- 0: 0", "- 1: 1", "… and 28 more differences"]


def test_a_tuple_is_a_list() -> None:
    """As it is in JSON: values of ours hold tuples."""
    assert found({"posts": (pending("1", 0.1),)}, {"posts": [pending("1", 0.1)]}) == []
    assert found([(1,)], [(2,)]) == [("[0][]", 1, ABSENT), ("[0][]", ABSENT, 2)]


def test_a_difference_as_json_leaves_out_the_side_that_is_not_there() -> None:
    """Null stays null."""
    assert difference_fields(Difference(path="a", expected=ABSENT, actual=None)) == {"path": "a", "actual": None}
    assert difference_fields(Difference(path="a", expected=1, actual=ABSENT), sides=("before", "after")) == {
        "path": "a",
        "before": 1,
    }
