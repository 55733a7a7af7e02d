"""Parts of ``user-miner export``: the tables, and the ways to write them."""

from audit.exporting.columns import Column
from audit.exporting.tables import TABLES, Table

__all__ = ["TABLES", "Column", "Table"]
