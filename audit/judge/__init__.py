"""Judges a journal by the rules: findings, accounting of the windows, uptime and sums."""
