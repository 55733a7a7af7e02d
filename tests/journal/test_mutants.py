"""The tests of this folder would have caught the mistakes that other logs made: each is put into a copy of our code.

A mutant runs in a process of its own, whose ``events`` is the changed copy. The same checks pass on an unchanged copy.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.journal.mutants import MUTANTS, Mutant
from tests.patience import GIVE_UP_S

ROOT = Path(__file__).parents[2]
NOT_A_FINDING = (
    "AttributeError",
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "SyntaxError",
    "UnboundLocalError",
)
RUN = """
import importlib, sys
from pathlib import Path
place, root = map(Path, sys.argv[1:3])
sys.path[:0] = [str(place), str(root)]
import events.journal
assert Path(events.__file__).is_relative_to(place), events.__file__
from tests.journal import kit, mutants
for index in map(int, sys.argv[3:]):
    mutant = mutants.MUTANTS[index]
    module, _, name = mutant.check.partition(":")
    check = getattr(importlib.import_module("tests.journal." + module), name)
    case = {key: getattr(kit, value) if key == "error" else value for key, value in mutant.case.items()}
    if "tmp_path" in check.__code__.co_varnames[: check.__code__.co_argcount]:
        case["tmp_path"] = place / str(index)
        case["tmp_path"].mkdir()
    try:
        check(**case)
    except BaseException as error:
        print(index, type(error).__name__, str(error)[:300].replace("\\n", " "))
    else:
        print(index, "passed")
"""


def _copy(place: Path) -> Path:
    """Our package, compiled files included: they stay valid for whatever is not changed."""
    shutil.copytree(ROOT / "events", place / "events")
    return place / "events" / "journal"


def _run(place: Path, indices: Sequence[int]) -> dict[int, str]:
    command = [sys.executable, "-c", RUN, str(place), str(ROOT), *map(str, indices)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=place, timeout=GIVE_UP_S)
    assert done.returncode == 0, done.stderr
    answers = [line.partition(" ") for line in done.stdout.splitlines()]
    return {int(index): answer for index, _, answer in answers}


def _apply(package: Path, mutant: Mutant) -> None:
    path = package / mutant.module
    source = path.read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1, f"{mutant.old!r} stands {source.count(mutant.old)} times in {mutant.module}"
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")


@pytest.mark.parametrize("index", range(len(MUTANTS)), ids=[mutant.name.replace(" ", "-") for mutant in MUTANTS])
def test_the_mistake_is_caught(tmp_path: Path, index: int) -> None:
    """By the check that is named beside it, and by its judgement, not because the mutant cannot run."""
    _apply(_copy(tmp_path), MUTANTS[index])
    answer = _run(tmp_path, [index])[index]
    assert answer != "passed", f"{MUTANTS[index].check} does not notice it"
    assert not answer.startswith(NOT_A_FINDING), answer


def test_the_checks_pass_without_a_mistake(tmp_path: Path) -> None:
    """Else they would catch anything."""
    _copy(tmp_path)
    answers = _run(tmp_path, range(len(MUTANTS)))
    assert answers == dict.fromkeys(range(len(MUTANTS)), "passed")
