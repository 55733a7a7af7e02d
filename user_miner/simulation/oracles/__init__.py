"""The oracles: I1 to I9 and what else was promised, held against the world's own ledger.

``Oracles.watch`` goes into `user_miner.simulation.simulate`; ``Oracles.end`` judges what came out of it.
"""

from user_miner.simulation.oracles.judge import Judge, Oracles, judged

__all__ = ["Judge", "Oracles", "judged"]
