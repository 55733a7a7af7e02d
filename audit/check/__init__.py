"""Compares a journal with this build's machine, record by record: what was decided then, and what this build decides.

Pure and reading only: records and cached folds in, divergences out. ``audit.check`` is the command in front of it.
"""

from audit.check.checker import Checked, Checker
from audit.check.divergence import Divergence, Kind, Uncompared
from audit.check.journal import CheckOutcome, check_journal

__all__ = ["CheckOutcome", "Checked", "Checker", "Divergence", "Kind", "Uncompared", "check_journal"]
