"""The outside worlds: one file and one SDK for each, behind the Protocols of ``actor.ports``."""
