"""Every rule broken by hand, idea by idea."""

from __future__ import annotations

from tests.audit import breaks_of_carrying, breaks_of_keeping, breaks_of_searching, breaks_of_sending
from tests.audit.breaking import BREAKS, Break

__all__ = ["BREAKS", "Break", "breaks_of_carrying", "breaks_of_keeping", "breaks_of_searching", "breaks_of_sending"]

if len({(case.rule, case.name) for case in BREAKS}) != len(BREAKS):
    raise ValueError("two breaks share a name")
