"""The machine: clock, service manager, processes, accounts and terminal."""
