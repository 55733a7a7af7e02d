"""What the commands of ``actor.cli`` do, one file each. Composition only: no rule of the miner stands here."""
