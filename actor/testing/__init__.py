"""The testing kit: recorded journals as scenarios, actors on a clock of their own, and what to assert about them."""
