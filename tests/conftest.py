"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Time limits per example measure the neighbours on a shared machine, not the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Whoever builds the package looks for no new examples: the same few each time, against this release's libraries.
settings.register_profile("package", settings.get_profile("shared"), derandomize=True, max_examples=20)
settings.load_profile("shared")

# Whoever starts the tests in the background has them ignore it, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
