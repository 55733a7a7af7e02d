"""Every order of events in a small world, tried to the end with the machine that runs: no draw, no sample."""
