"""What a journal tells of its costs. Reads only."""
