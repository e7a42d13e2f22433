"""Turn facts into findings. Pure: each function takes what a probe brought, and says how it is and what mends it."""
