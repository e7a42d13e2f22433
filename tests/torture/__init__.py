"""Attacks on the promises of the design: `make torture` runs them all and prints one table."""
