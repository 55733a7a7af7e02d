"""What a running miner tells of itself over HTTP: metrics for Prometheus, and whether it is alive and ready.

Off unless METRICS_PORT is set; what serving needs is imported only then. Nothing here decides, writes a journal, or is
waited for by the miner.
"""
