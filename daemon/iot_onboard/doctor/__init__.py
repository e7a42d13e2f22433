"""`iot-onboard doctor`: check everything that a gateway needs, change nothing, and say what is wrong and how to fix it.

`probes` collect facts, each from one source; `checks` has the pure functions that turn facts into findings. `table`
joins them, one row for each check; `runner` runs them in parallel, and abandons a probe that hangs.
"""
