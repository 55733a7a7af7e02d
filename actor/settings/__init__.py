"""Settings: their names, types and defaults, where their values come from, and which may change while it runs."""
