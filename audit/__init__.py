"""Reads journals and never writes them: replay, verification, the diagram of the machine."""
