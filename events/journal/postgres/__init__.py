"""Journals in PostgreSQL, for those that outlive a machine. Loaded only where a URL names one."""
