"""`iot-onboard bundle`: one file for whoever helps from afar, and nothing in it that has to be kept secret.

`members` lists what goes in; `mask` covers what looks like a secret, and `core.masking` covers the known ones, which
`known_secrets` finds on this gateway, in whatever form they stand; `gather` runs all that side by side.
"""
