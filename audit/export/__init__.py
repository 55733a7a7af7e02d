"""Parts of ``user-miner export``: the tables, and the ways to write them."""

from audit.export.columns import Column
from audit.export.tables import TABLES, Table

__all__ = ["TABLES", "Column", "Table"]
