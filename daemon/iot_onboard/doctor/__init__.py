"""`iot-onboard doctor`: look at everything a gateway needs, change nothing, and say what is wrong and what mends it.

`probes` bring facts, each from one corner of the world; `checks` are the pure functions that turn facts into a finding.
`table` joins them, a line a check; `runner` runs them side by side, and cuts off what hangs.
"""
