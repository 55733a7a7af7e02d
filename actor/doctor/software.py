"""Python and the installed packages, against what this build asks for."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Final

from actor.doctor.check import Check, failure, ok

__all__ = ["installed_version", "package_checks", "python_check", "software_checks"]

_NAME: Final = "user-miner"


def software_checks() -> list[Check]:
    """What this build's own metadata says, held against this interpreter."""
    return [
        python_check(str(metadata(_NAME)["Requires-Python"]), platform.python_version()),
        *package_checks(requires(_NAME) or (), installed_version),
    ]


def python_check(required: str, found: str) -> Check:
    """A version of Python against the specifier that it has to meet."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  (loaded when first needed)

    if SpecifierSet(required).contains(found, prereleases=True):
        return ok("python", f"{found}, needed {required}")
    fix = f"install Python {required.lstrip('>=')} or newer, and user-miner with it"
    return failure("python", f"{found}, needed {required}", fix)


def installed_version(name: str) -> str | None:
    """The version of an installed package, None when there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def package_checks(required: Sequence[str], version_of: Callable[[str], str | None]) -> list[Check]:
    """A line for each package that is missing or of another version than this build was tested with."""
    from packaging.requirements import Requirement  # noqa: PLC0415  (loaded when first needed)

    wrong: list[Check] = []
    right = 0
    for requirement in map(Requirement, required):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = version_of(requirement.name)
        if found is not None and requirement.specifier.contains(found, prereleases=True):
            right += 1
            continue
        state = "is not installed" if found is None else f"is {found}"
        fix = "install it again from its checkout, with what it needs (docs/operating.md#install)"
        wrong.append(failure("packages", f"{requirement.name} {state}, needed {requirement.specifier}", fix))
    return wrong or [ok("packages", f"user-miner {version(_NAME)} and the {right} packages that it needs")]
