"""The machine around us: clock, service manager, processes, accounts and terminal."""
