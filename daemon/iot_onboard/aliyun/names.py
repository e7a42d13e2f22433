"""What the platform takes as a product key and as a device name."""

from __future__ import annotations

import re

_PRODUCT_KEY = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
_DEVICE_NAME = re.compile(r"[A-Za-z0-9\-_@.:]{4,32}", re.ASCII)


def product_key_problem(product_key: str) -> str | None:
    """Say what is wrong with a product key, or `None`.

    11 characters typically, 20 at most (vendor SDK source).
    """
    if _PRODUCT_KEY.fullmatch(product_key):
        return None
    if len(product_key) > 20:
        return f"has {len(product_key)} characters; 20 is the most"
    return "may hold letters and digits only" if product_key else "is empty"


def device_name_problem(device_name: str) -> str | None:
    """Say what is wrong with a device name, or `None`.

    4 to 32 characters out of letters, digits and `-_@.:` (vendor documentation).
    """
    if _DEVICE_NAME.fullmatch(device_name):
        return None
    if not 4 <= len(device_name) <= 32:
        return f"has {len(device_name)} characters; the platform takes 4 to 32"
    bad = next(c for c in device_name if not _DEVICE_NAME.fullmatch(c * 4))
    return f"holds the character {bad!r}; the platform takes letters, digits and - _ @ . :"
