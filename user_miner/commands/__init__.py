"""What the commands of ``user_miner.cli`` do, one file each. Composition only: no rule of the miner stands here."""
