"""What happened, and how it is kept: the catalogue of events, effects as data, and the journal."""
