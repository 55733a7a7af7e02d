"""Python and packages against what this build asks for."""

from __future__ import annotations

import platform

from tests.doctor.kit import exactly
from user_miner.doctor.machine import installed_version, package_checks, python_check, software_checks


def test_this_installation_is_fine() -> None:
    """The tests run with what the project asks for."""
    python, packages = software_checks()
    assert exactly(python, "ok", platform.python_version())
    assert exactly(packages, "ok", "user-miner")


def test_an_old_python() -> None:
    """What is there, what is needed, and what to install."""
    assert exactly(python_check(">=3.11", "3.10.14"), "failure", "3.10.14, needed >=3.11", "install Python 3.11")
    assert python_check(">=3.11", "3.14.0rc1").level == "ok"


def test_packages_that_are_missing_or_of_another_version() -> None:
    """A line for each; extras and other systems' packages are not asked for."""
    required = [
        "httpx>=999",
        "no-such-package-here>=1",
        "msgspec>=0.1",
        "no-such-extra>=1; extra == 'parquet'",
        "no-such-system>=1; sys_platform == 'win32'",
    ]
    old, missing = package_checks(required, installed_version)
    assert exactly(old, "failure", f"httpx is {installed_version('httpx')}, needed >=999", "install")
    assert exactly(missing, "failure", "no-such-package-here is not installed, needed >=1", "install")
    (fine,) = package_checks(["httpx", "msgspec>=0.1"], installed_version)
    assert exactly(fine, "ok", "the 2 packages")
