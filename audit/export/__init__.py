"""``user-miner export``: a journal's records, posts or windows as flat rows for other programs. Reads only."""

from audit.export.command import ExportOrder, run_export
from audit.export.tables import TABLES, Table

__all__ = ["TABLES", "ExportOrder", "Table", "run_export"]
