"""The test suite where tests like to fail: on a busy machine, a year from now, abroad, in another order.

    python -m benchmarks.campaign_hard [--runs N] [--only CONDITION ...] [--seed N] [-- PYTEST ARGUMENTS]

Each condition runs the whole suite, and the last one is all of them at once. Prints a table of the conditions, and of
what failed where; what pytest printed stays in a file for each run with a failure. Exit code 1 when anything failed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_LOOPS: Final = 4
_LOOP: Final = "import os\nours = os.getppid()\nwhile os.getppid() == ours: pass"  # it outlives no campaign
_YEAR_S: Final = 365 * 86_400
_TURKISH: Final = "tr_TR.UTF-8"  # where "I".lower() of a C library is no "i"
_PYTEST: Final = ("-n", "2", "--dist", "worksteal", "-q", "--tb=native")  # as `make test`
_LEFT_OUT: Final = (".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


@dataclass(slots=True)
class Suite:
    """How the suite is started; a condition changes it.

    Attributes:
        scratch: A folder that outlives no campaign.
        seed: Of what is random.
    """

    scratch: Path
    seed: int
    checkout: Path = ROOT
    prefix: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    loops: int = 0
    env: dict[str, str] = field(default_factory=dict)


def _busy(suite: Suite) -> None:
    """Four busy loops beside it."""
    suite.loops = _LOOPS


def _one_core(suite: Suite) -> None:
    """All of it on one core, the loops too."""
    suite.prefix = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))


def _next_year(suite: Suite) -> None:
    """The wall clock is a year ahead."""
    library = suite.scratch / "clock_ahead.so"
    if not library.exists():
        source = ROOT / "benchmarks" / "clock_ahead.c"
        command = ["cc", "-O2", "-shared", "-fPIC", f"-DAHEAD_S={_YEAR_S}", "-o", str(library), str(source)]
        subprocess.run(command, check=True)  # noqa: S603  (the compiler of this machine, on a file of this project)
    suite.env["LD_PRELOAD"] = str(library)


def _abroad(suite: Suite) -> None:
    """Far east of Greenwich, in Turkish."""
    locales = suite.scratch / "locales"
    if not locales.exists():
        locales.mkdir()
        command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(locales / _TURKISH)]
        subprocess.run(command, check=True)  # noqa: S603  (as above)
    suite.env |= {"TZ": "Pacific/Kiritimati", "LANG": _TURKISH, "LC_ALL": _TURKISH, "LOCPATH": str(locales)}


def _path_with_a_space(suite: Suite) -> None:
    """A fresh checkout there, with an environment of its own."""
    suite.checkout = suite.scratch / "a checkout" / "user miner"
    if suite.checkout.exists():
        return
    shutil.copytree(ROOT, suite.checkout, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    subprocess.run(["make", ".venv/.dev", f"PYTHON={sys.executable}"], cwd=suite.checkout, check=True)  # noqa: S603, S607
    if (ROOT / ".venv" / "pm2").exists():
        shutil.copytree(ROOT / ".venv" / "pm2", suite.checkout / ".venv" / "pm2", symlinks=True)


def _random_order(suite: Suite) -> None:
    """Every test before and after any other."""
    suite.flags = ("--random-order-bucket=global", f"--random-order-seed={suite.seed}")


_CONDITIONS: Final[dict[str, tuple[Callable[[Suite], None], ...]]] = {
    "busy": (_busy,),
    "one core": (_one_core,),
    "next year": (_next_year,),
    "abroad": (_abroad,),
    "path with a space": (_path_with_a_space,),
    "random order": (_random_order,),
}
_ALL: Final = "all at once"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run."""

    condition: str
    seed: int
    passed: int
    failed: tuple[str, ...]
    seconds: float
    log: Path


def _play(condition: str, seed: int, scratch: Path, more: Sequence[str]) -> Result:
    suite = Suite(scratch, seed)
    every = tuple(change for changes in _CONDITIONS.values() for change in changes)
    for change in every if condition == _ALL else _CONDITIONS[condition]:
        change(suite)
    log = scratch / f"{condition.replace(' ', '-')}-{seed}.log"
    command = [*suite.prefix, str(suite.checkout / ".venv" / "bin" / "pytest"), *_PYTEST, *suite.flags, *more]
    began_s = time.monotonic()
    with log.open("wb") as output, _loops(suite):
        code = subprocess.run(  # noqa: S603  (this project's own tests)
            command, cwd=suite.checkout, env=os.environ | suite.env, stdout=output, stderr=output, check=False
        ).returncode
    return _read(condition, seed, log, code, time.monotonic() - began_s)


def _read(condition: str, seed: int, log: Path, code: int, seconds: float) -> Result:
    text = log.read_text("utf-8", "replace")
    failed = tuple(re.findall(r"^(?:FAILED|ERROR) (\S+)", text, flags=re.MULTILINE))
    passed = re.findall(r"\b(\d+) passed\b", text)
    if code != 0 and not failed:
        failed = (f"pytest ended with code {code}",)
    return Result(condition, seed, int(passed[-1]) if passed else 0, failed, seconds, log)


@contextmanager
def _loops(suite: Suite) -> Iterator[None]:
    command = [*suite.prefix, sys.executable, "-c", _LOOP]
    with ExitStack() as stack:
        for _ in range(suite.loops):
            loop = stack.enter_context(subprocess.Popen(command))  # noqa: S603  (as above)
            stack.callback(loop.kill)
        yield


def _missing(conditions: Sequence[str]) -> list[str]:
    """What to install for these."""
    needs = {
        "one core": (shutil.which("taskset"), "util-linux"),
        "next year": (shutil.which("cc"), "gcc libc6-dev"),
        "abroad": (Path("/usr/share/i18n/locales/tr_TR").exists() and shutil.which("localedef"), "locales"),
    }
    return [package for name, (there, package) in needs.items() if {name, _ALL} & {*conditions} and not there]


def _table(results: Sequence[Result]) -> Iterator[str]:
    yield f"{'condition':<18}  {'seed':>6}  {'passed':>6}  {'failed':>6}  {'seconds':>7}"
    for one in results:
        yield f"{one.condition:<18}  {one.seed:>6}  {one.passed:>6}  {len(one.failed):>6}  {one.seconds:>7.0f}"


def main() -> int:
    """Run the suite under each condition."""
    names = [*_CONDITIONS, _ALL]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1, help="how often each condition is played")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="CONDITION", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=random.randrange(100_000), help="of the first run")  # noqa: S311
    options, more = parser.parse_known_args()
    if missing := _missing(options.only):
        print(f"install what these conditions need (Debian: apt-get install {' '.join(missing)}), as .ci/run does")
        return 2
    scratch = Path(tempfile.mkdtemp(prefix="user-miner-hard-"))
    results: list[Result] = []
    for run in range(options.runs):
        for condition in options.only:
            results.append(
                one := _play(condition, options.seed + run, scratch, [word for word in more if word != "--"])
            )
            print(f"  {condition}, seed {one.seed}: {one.passed} passed, {len(one.failed)} failed", flush=True)
            for test in one.failed:
                print(f"    {test}; see {one.log}", flush=True)
    for line in _table(results):
        print(line)
    broken = [one for one in results if one.failed]
    if not broken:
        shutil.rmtree(scratch)
    print(f"{len(results)} runs, {len(results) - len(broken)} of them without a failure")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
