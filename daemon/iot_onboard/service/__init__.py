"""The daemon: one loop that connects the state machine and the adapters."""
