"""``user-miner doctor``: looks at everything that a miner needs, and says of each what to do about it.

It only looks. It writes nothing but the archive that it is asked for, takes no lock, signs nothing, and asks nothing
that costs money unless it is told to.
"""
