"""The program: the command line, what its commands do, the doctor, the simulation and the maker of fixtures."""
