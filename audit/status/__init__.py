"""What a journal and the process that holds it tell of the present. Reads only."""
