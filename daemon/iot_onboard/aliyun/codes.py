"""The registration codes of the platform: what each means, who has to act, and the cure."""

from __future__ import annotations

from ..core.advice import HOURLY, SLOWLY, SOON, Advice, Responsible
from ..core.failures import Cause, Failure, Rejected, Throttled, Transient

_CONSOLE = "in the Alibaba Cloud IoT console"
# The places of the pages, from the vendor's documentation of 2026: the menus belong to an instance.
_INSTANCE = "open https://iot.console.aliyun.com, choose the region at the top and then the instance"
_RESTART = "`sudo systemctl restart iot-onboard` retries at once."
_NOTICED = "The service notices the change within seconds and restarts by itself."

# Codes that waiting does not fix.
REJECTIONS = {
    "460": Advice(
        meaning="a parameter is empty, malformed or too many",
        cure="check product_key and device_name in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform did not accept the data of the request. Most likely the product key or the device "
        "name is not valid.",
        steps=(
            "`iot-onboard check-config` shows the product key and the device name in use. Compare them, letter by "
            f"letter, with the console: {_INSTANCE}; Devices > Products, and Devices > Devices.",
            "Correct them with `sudo iot-onboard setup`, or in /etc/iot-onboard/config.yaml and conf.d/.",
            _NOTICED,
        ),
        then=HOURLY,
    ),
    "6100": Advice(
        meaning="the product has no device with this DeviceName",
        cure=f"add this DeviceName to the product {_CONSOLE}, or correct device_name",
        responsible=Responsible.CONSOLE,
        explanation="The product has no device with this name. The device was not added yet, it was deleted, or this "
        "gateway uses another name than the console.",
        steps=(
            f"Look for the device: {_INSTANCE}; Devices > Devices; choose the product, and search for the DeviceName "
            "in the line of the journal.",
            "If it is missing: Add Device (or Batch Add), with exactly this DeviceName. The gateway then registers "
            "by itself.",
            "If it exists under another name, correct device_name on the gateway with `sudo iot-onboard setup`.",
        ),
        then=HOURLY,
    ),
    "6204": Advice(
        meaning="the device is disabled",
        cure=f"enable the device {_CONSOLE}",
        responsible=Responsible.CONSOLE,
        explanation="Someone disabled this device. The platform accepts it again when it is enabled.",
        steps=(
            f"{_INSTANCE.capitalize()}; Devices > Devices; in the row of the device switch it to Enabled.",
            _RESTART,
        ),
        then=HOURLY,
    ),
    "6250": Advice(
        meaning="the product does not exist in this region",
        cure="correct product_key or region in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform has no product with this key in the region that the gateway used. The key has a "
        "typing error, or the product is in another region.",
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
        explanation="Gateways of this product cannot get a secret until an operator allows it. Devices that are "
        "already activated are not affected.",
        steps=(
            f"{_INSTANCE.capitalize()}; Devices > Products; View next to the product; switch Dynamic Registration on "
            "(the console may ask for a code by SMS).",
            "No action is needed on the gateway: it registers by itself. " + _RESTART,
        ),
        then=HOURLY,
    ),
    "6289": Advice(
        meaning="the device is already activated, and its secret is not on this gateway",
        cure=f"reset the device {_CONSOLE} (ResetThing), or provide its secret by device_secret_file",
        responsible=Responsible.CONSOLE,
        explanation="This DeviceName has logged in before. After a login the platform gives no other secret. This "
        "gateway does not have the secret that the platform gave. Possible reasons: the SD card was replaced or "
        "erased, the secret was only in memory and a power cut deleted it, or another gateway has the same name.",
        steps=(
            "First make sure that no other gateway uses this DeviceName: the two would disconnect each other again "
            "and again. Also make sure that this gateway can keep the next secret: `iot-onboard doctor` shows "
            "(state-persistent) whether the state directory is in memory.",
            "Either reset the device: call ResetThing with the ProductKey and the DeviceName (and the IotInstanceId, "
            "if the instance has one), for example in the OpenAPI Explorer at https://api.alibabacloud.com, product "
            "Iot, version 2018-01-20. A reset allows one more registration. If the device has sub-devices, a reset "
            "also deletes their topology. The gateway then registers by itself.",
            f"Or give the gateway its secret: {_INSTANCE}; Devices > Devices; View next to the device; View next to "
            "DeviceSecret. Put only the secret into /etc/iot-onboard/device-secret (mode 0600, owner root). "
            + _NOTICED,
        ),
        then=HOURLY,
    ),
    "6292": Advice(
        meaning="the sign method is not supported",
        cure="set sign_method to hmacsha256 in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The platform does not support the method that signed the request.",
        steps=(
            "Set `sign_method: hmacsha256` in /etc/iot-onboard/config.yaml, or remove the key: that is the default.",
            _NOTICED,
        ),
        then=HOURLY,
    ),
    "6600": Advice(
        meaning="the signature was refused: the product secret does not belong to this product",
        cure="put the right product secret into the product secret file",
        responsible=Responsible.GATEWAY,
        explanation="The request was signed with a product secret that does not belong to this product key. One of "
        "the two belongs to another product, or the secret was not copied completely.",
        steps=(
            f"Find the right secret: {_INSTANCE}; Devices > Products; View next to the product; View next to "
            "ProductSecret.",
            "Write it with `sudo iot-onboard setup`, or put only the secret into /etc/iot-onboard/product-secret "
            "(mode 0600, owner root).",
            _NOTICED,
        ),
        then=HOURLY,
    ),
}

PLATFORM_FAULTS = frozenset({"500", "400", "5005", "5244", "6203", "6450", "6760"})
PLATFORM_FAULT = Advice(
    meaning="a fault of the platform",
    cure="no action is needed here; after some hours, ask Alibaba Cloud's support",
    responsible=Responsible.PLATFORM,
    explanation="The platform understood the request, and then failed internally.",
    steps=(
        "Wait: the gateway retries by itself.",
        "If it lasts for hours, look at https://status.alibabacloud.com, or open a ticket with the code, the "
        "ProductKey and the DeviceName.",
    ),
    then=SOON,
)
THROTTLED = "429"
THROTTLING = Advice(
    meaning="the platform asks the gateway to slow down",
    cure="no action is needed here",
    responsible=Responsible.PLATFORM,
    explanation="The platform got too many requests, from this gateway or from the whole account. Many gateways that "
    "start together after a power cut are enough.",
    steps=(
        "Wait: the gateway waits as the platform asks, and then registers by itself.",
        "If it lasts for hours, look for devices of the same account that are refused again and again.",
    ),
    then="the gateway retries after the time that the platform gave (at most an hour); if it gave none, in 1 to 5 "
    "minutes",
)
UNKNOWN = Advice(
    meaning="the code is unknown to this program",
    cure="search for the code in the platform's documentation",
    responsible=Responsible.PLATFORM,
    explanation="The platform answered with a code that is not in this program's table. It is not known whether "
    "waiting helps, so the gateway retries slowly.",
    steps=(
        "Search for the code in Alibaba Cloud's documentation of IoT Platform, or open a ticket there with the code, "
        "the ProductKey and the DeviceName.",
    ),
    then=SLOWLY,
)


def failure_of(code: str, message: str, retry_after_s: float | None) -> Failure:
    """Return the failure for a registration code; `message` is the platform's own, used for unknown codes only."""
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
    detail = f"the platform answered with an unknown code: {message}" if message else UNKNOWN.meaning
    return Transient(cause=Cause.UNKNOWN_CODE, detail=f"{detail} (code {code})", code=code, slow=True)
