"""The daemon: one loop that joins the state machine and the world."""
