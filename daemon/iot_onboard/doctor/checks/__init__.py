"""Turn facts into findings. Pure: each function takes the facts of a probe, and says the state and the fix."""
