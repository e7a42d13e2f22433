"""Collect facts. Each module reads one source, changes nothing, and decides nothing."""
