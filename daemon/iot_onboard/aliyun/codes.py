"""The registration codes of the platform: what each means, who has to act, and the cure."""

from __future__ import annotations

from ..core.advice import HOURLY, SLOWLY, SOON, Advice, Responsible
from ..core.failures import Cause, Failure, Rejected, Throttled, Transient

_CONSOLE = "in the Alibaba Cloud IoT console"
# Where the pages are, by the vendor's documentation of 2026: the menus hang below an instance.
_INSTANCE = "open https://iot.console.aliyun.com, choose the region at the top and then the instance"
_RESTART = "`sudo systemctl restart iot-onboard` tries at once."
_NOTICED = "The service notices the change within seconds, and starts afresh by itself."

# Codes that waiting does not mend.
REJECTIONS = {
    "460": Advice(
        meaning="a parameter is empty, malformed or too many",
        cure="check product_key and device_name in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform could not make sense of what the gateway sent: most likely the product key or the "
        "device name is not one that it takes.",
        steps=(
            "`iot-onboard check-config` shows the product key and the device name that are used. Compare them, letter "
            f"by letter, with the console: {_INSTANCE}; Devices > Products, and Devices > Devices.",
            "Correct them with `sudo iot-onboard setup`, or in /etc/iot-onboard/config.yaml and conf.d/.",
            _NOTICED,
        ),
        then=HOURLY,
    ),
    "6100": Advice(
        meaning="the device was never registered with the product",
        cure=f"add this DeviceName to the product {_CONSOLE}, or correct device_name",
        responsible=Responsible.CONSOLE,
        explanation="The product has no device of this name: it was not added yet, it was deleted, or this gateway "
        "calls itself by another name than the console does.",
        steps=(
            f"Look for the device: {_INSTANCE}; Devices > Devices; choose the product, search for the DeviceName that "
            "the line in the journal names.",
            "Where it is missing: Add Device (or Batch Add), with exactly this DeviceName. The gateway then registers "
            "by itself.",
            "Where it is there under another name: correct device_name at the gateway with `sudo iot-onboard setup`.",
        ),
        then=HOURLY,
    ),
    "6204": Advice(
        meaning="the device is disabled",
        cure=f"enable the device {_CONSOLE}",
        responsible=Responsible.CONSOLE,
        explanation="Somebody switched this device off. The platform serves it again once it is enabled.",
        steps=(
            f"{_INSTANCE.capitalize()}; Devices > Devices; in the row of the device switch it to Enabled.",
            _RESTART,
        ),
        then=HOURLY,
    ),
    "6250": Advice(
        meaning="no such product in this region",
        cure="correct product_key or region in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform knows no product of this key where the gateway asked. Either the key has a slip of "
        "the pen, or the product lives in another region.",
        steps=(
            f"Find the product: {_INSTANCE}; Devices > Products shows the ProductKey.",
            "Correct product_key and region (for example ap-southeast-1) with `sudo iot-onboard setup`, or in "
            "/etc/iot-onboard/config.yaml and conf.d/.",
            _NOTICED,
        ),
        then=HOURLY,
    ),
    "6288": Advice(
        meaning="dynamic registration is switched off for the product",
        cure=f"switch dynamic registration on for the product {_CONSOLE}",
        responsible=Responsible.CONSOLE,
        explanation="Gateways of this product may not fetch a secret until an operator allows it. Devices that are "
        "activated already are not affected.",
        steps=(
            f"{_INSTANCE.capitalize()}; Devices > Products; View beside the product; switch Dynamic Registration on "
            "(the console may ask for a code by SMS).",
            "Nothing needs to be done at the gateway: it registers by itself. " + _RESTART,
        ),
        then=HOURLY,
    ),
    "6289": Advice(
        meaning="the device is already activated, and its secret is not here",
        cure=f"reset the device {_CONSOLE} (ResetThing), or give back its secret by device_secret_file",
        responsible=Responsible.CONSOLE,
        explanation="This DeviceName has logged in before, and after that the platform gives no further secret. The "
        "secret that it was given is not on this gateway: the SD card was replaced or wiped, the secret was kept in "
        "memory and went with the power, or another gateway has the same name.",
        steps=(
            "First make sure that no other gateway uses this DeviceName: two would throw each other out. And that the "
            "next secret is kept: `iot-onboard doctor` says (check state-persistent) whether the state directory is in "
            "memory.",
            "Either reset it: call ResetThing with the ProductKey and the DeviceName (and the IotInstanceId, where the "
            "instance has one), for example in the OpenAPI Explorer at https://api.alibabacloud.com, product Iot, "
            "version 2018-01-20. It allows one more registration; where the device has sub-devices it also deletes "
            "their topology. The gateway then registers by itself.",
            f"Or give the secret back: {_INSTANCE}; Devices > Devices; View beside the device; View beside "
            "DeviceSecret. Put it alone into /etc/iot-onboard/device-secret (mode 0600, owner root). " + _NOTICED,
        ),
        then=HOURLY,
    ),
    "6292": Advice(
        meaning="the sign method is not supported",
        cure="set sign_method to hmacsha256 in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform does not take the way in which the request was signed.",
        steps=(
            "Set `sign_method: hmacsha256` in /etc/iot-onboard/config.yaml, or remove the key: that is the default.",
            _NOTICED,
        ),
        then=HOURLY,
    ),
    "6600": Advice(
        meaning="the signature was refused: the product secret is not this product's",
        cure="put the right product secret into the product secret file",
        responsible=Responsible.GATEWAY,
        explanation="The request was signed with a product secret that does not belong to this product key. Either of "
        "the two is another product's, or the secret was copied incompletely.",
        steps=(
            f"Find the right one: {_INSTANCE}; Devices > Products; View beside the product; View beside ProductSecret.",
            "Write it with `sudo iot-onboard setup`, or alone into /etc/iot-onboard/product-secret (mode 0600, owner "
            "root).",
            _NOTICED,
        ),
        then=HOURLY,
    ),
}

PLATFORM_FAULTS = frozenset({"500", "400", "5005", "5244", "6203", "6450", "6760"})
PLATFORM_FAULT = Advice(
    meaning="a fault of the platform",
    cure="nothing here; after hours, ask Alibaba Cloud's support",
    responsible=Responsible.PLATFORM,
    explanation="The platform understood the request and failed by itself.",
    steps=(
        "Wait: the gateway tries again by itself.",
        "Where it lasts for hours, look at https://status.alibabacloud.com, or open a ticket with the code, the "
        "ProductKey and the DeviceName.",
    ),
    then=SOON,
)
THROTTLED = "429"
THROTTLING = Advice(
    meaning="the platform asks to slow down",
    cure="nothing here",
    responsible=Responsible.PLATFORM,
    explanation="Too many requests reached the platform, from this gateway or from the whole account. Many gateways "
    "that start together after a power cut are enough.",
    steps=(
        "Wait: the gateway does what the platform asks for, and comes through by itself.",
        "Where it lasts for hours, look for devices of the same account that are refused again and again.",
    ),
    then="by itself, when the platform said (an hour at most); where it did not say, in 1 to 5 minutes",
)
UNKNOWN = Advice(
    meaning="a code we do not know",
    cure="look the code up in the platform's documentation",
    responsible=Responsible.PLATFORM,
    explanation="The platform answered with a code that is not in our table. Nobody can say whether waiting mends it, "
    "so the gateway goes on trying, slowly.",
    steps=(
        "Look the code up in Alibaba Cloud's documentation of IoT Platform, or open a ticket there with the code, the "
        "ProductKey and the DeviceName.",
    ),
    then=SLOWLY,
)


def failure_of(code: str, message: str, retry_after_s: float | None) -> Failure:
    """Return what a registration code asks for; `message` is the platform's own, shown for unknown codes alone."""
    if code in REJECTIONS:
        known = REJECTIONS[code]
        return Rejected(code=code, detail=known.meaning, cure=known.cure)
    if code == THROTTLED:
        return Throttled(detail=f"{THROTTLING.meaning} (code {code})", retry_after_s=retry_after_s, code=code)
    if code in PLATFORM_FAULTS:
        detail = f"{PLATFORM_FAULT.meaning} (code {code})"
        if retry_after_s is not None:
            return Throttled(detail=detail, retry_after_s=retry_after_s, code=code)
        return Transient(cause=Cause.PLATFORM, detail=detail, code=code, cure=PLATFORM_FAULT.cure)
    detail = f"the platform answered a code we do not know: {message}" if message else UNKNOWN.meaning
    return Transient(cause=Cause.UNKNOWN_CODE, detail=f"{detail} (code {code})", code=code, slow=True)
