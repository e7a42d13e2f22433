"""The service's own user."""

from __future__ import annotations

from iot_onboard.system.accounts import service_group
from support.process.unprivileged import unprivileged


def test_only_root_gives_away() -> None:
    """Nobody else tries, and without the user there is nobody to give to."""
    assert service_group("no-such-user") == -1
    with unprivileged():
        assert service_group("nobody") == -1
