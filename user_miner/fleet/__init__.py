"""Many hotkeys in one process."""
