"""Mutants of the daemon, one at a time, against the tests that promise to notice: docs/decisions/0034."""
