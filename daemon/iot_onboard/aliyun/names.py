"""Which product keys and device names the platform accepts."""

from __future__ import annotations

from string import ascii_letters, digits

# Sets and not patterns: every start checks both names, and compiling a pattern takes longer than everything else here.
_PRODUCT_KEY = frozenset(ascii_letters + digits)
_DEVICE_NAME = _PRODUCT_KEY | frozenset("-_@.:")


def product_key_problem(product_key: str) -> str | None:
    """Say what is wrong with a product key, or `None`.

    11 characters typically, 20 at most (vendor SDK source).
    """
    if 1 <= len(product_key) <= 20 and _PRODUCT_KEY.issuperset(product_key):
        return None
    if len(product_key) > 20:
        return f"has {len(product_key)} characters; at most 20 are allowed"
    return "may hold letters and digits only" if product_key else "is empty"


def device_name_problem(device_name: str) -> str | None:
    """Say what is wrong with a device name, or `None`.

    4 to 32 characters: letters, digits and `-_@.:` (vendor documentation).
    """
    if not 4 <= len(device_name) <= 32:
        return f"has {len(device_name)} characters; the platform allows 4 to 32"
    bad = next((c for c in device_name if c not in _DEVICE_NAME), None)
    if bad is None:
        return None
    return f"holds the character {bad!r}; the platform allows letters, digits and - _ @ . :"
