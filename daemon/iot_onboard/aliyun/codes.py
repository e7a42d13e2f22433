"""The registration codes of the platform: what each means, whose move it is, and the cure."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Cause, Failure, Rejected, Throttled, Transient

_CONSOLE = "in the Alibaba Cloud IoT console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Explain one refusal that waiting does not mend."""

    meaning: str
    cure: str


REJECTIONS = {
    "460": Code(
        meaning="a parameter is empty, malformed or too many",
        cure="check product_key and device_name in the configuration",
    ),
    "6100": Code(
        meaning="the device was never registered with the product",
        cure=f"add this DeviceName to the product {_CONSOLE}, or correct device_name",
    ),
    "6204": Code(meaning="the device is disabled", cure=f"enable the device {_CONSOLE}"),
    "6250": Code(
        meaning="no such product in this region",
        cure="correct product_key or region in the configuration",
    ),
    "6288": Code(
        meaning="dynamic registration is switched off for the product",
        cure=f"switch dynamic registration on for the product {_CONSOLE}",
    ),
    "6289": Code(
        meaning="the device is already activated, and its secret is not here",
        cure=f"reset the device {_CONSOLE} (ResetThing), or give back its secret by device_secret_file",
    ),
    "6292": Code(
        meaning="the sign method is not supported",
        cure="set sign_method to hmacsha256 in the configuration",
    ),
    "6600": Code(
        meaning="the signature was refused: the product secret is not this product's",
        cure="put the right product secret into the product secret file",
    ),
}

PLATFORM_FAULTS = frozenset({"500", "400", "5005", "5244", "6203", "6450", "6760"})
THROTTLED = "429"


def failure_of(code: str, message: str, retry_after_s: float | None) -> Failure:
    """Return what a registration code asks for; `message` is the platform's own, shown for unknown codes alone."""
    if code in REJECTIONS:
        known = REJECTIONS[code]
        return Rejected(code=code, detail=known.meaning, cure=known.cure)
    if code == THROTTLED:
        return Throttled(detail="the platform asks to slow down", retry_after_s=retry_after_s, code=code)
    if code in PLATFORM_FAULTS:
        if retry_after_s is not None:
            return Throttled(detail="a fault of the platform", retry_after_s=retry_after_s, code=code)
        return Transient(cause=Cause.PLATFORM, detail="a fault of the platform", code=code)
    detail = f"the platform answered a code we do not know: {message}" if message else "a code we do not know"
    return Transient(cause=Cause.UNKNOWN_CODE, detail=detail, code=code, slow=True)
