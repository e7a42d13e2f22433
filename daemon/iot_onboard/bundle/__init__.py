"""`iot-onboard bundle`: one file for support, without any secret.

`members` lists the parts; `mask` masks what looks like a secret, and `core.masking` masks the known secrets in any
encoding; `known_secrets` finds those on this gateway; `gather` runs all that in parallel.
"""
