"""Sign the parameters of a request: HMAC over sorted names and values, in hexadecimal."""

from __future__ import annotations

import enum
import hmac
from collections.abc import Mapping

from ..core.secret import Secret


class SignMethod(enum.Enum):
    """Name the HMACs that the platform accepts; the value is the spelling in the protocol."""

    HMACMD5 = "hmacmd5"
    HMACSHA1 = "hmacsha1"
    HMACSHA256 = "hmacsha256"

    @property
    def digest(self) -> str:
        """Give the name that `hashlib` has for it."""
        return self.value.removeprefix("hmac")


def sign(method: SignMethod, key: Secret, parameters: Mapping[str, str]) -> str:
    """Return the lower-case hex HMAC of the parameters, sorted by name, each name followed by its value.

    UTF-8, no separator, raw values: form-encoding comes after (vendor documentation). Every byte gives two digits, also
    a byte below 16.
    """
    text = "".join(name + parameters[name] for name in sorted(parameters))
    return hmac.new(key.reveal().encode(), text.encode(), method.digest).hexdigest()
