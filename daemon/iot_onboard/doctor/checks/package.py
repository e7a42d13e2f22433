"""Judge what is installed: our files, the modules we stand on, and that they compute right. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...aliyun.signing import SignMethod, sign
from ...core.secret import Secret
from ...fast_start.fast_dataclasses import dataclass
from ..model import Finding, fail, ok, skipped, warn

_REINSTALL = "sudo apt-get install --reinstall iot-onboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Hold what one signature has to be; its key is published, and no secret."""

    name: str
    method: SignMethod
    key: str
    parameters: Mapping[str, str]
    sign: str


# Vendor documents and logs; tests/vectors/vectors.json has them all, with their sources.
VECTORS = (
    Vector(
        name="the vendor's run log",
        method=SignMethod.HMACSHA256,
        key="ffFnFlKQW3HYjjPR",
        parameters={"productKey": "a1ExpAkj9Hi", "deviceName": "Example_dyn1", "random": "7y4Jg5xdKCy9W2i"},
        sign="d3b560d5be0c9c19749470e85d912b65685fa4b20edcbd179ccfe98fcca23d5e",
    ),
    Vector(
        name="the vendor's manual",
        method=SignMethod.HMACSHA1,
        key="secret",
        parameters={"clientId": "12345", "deviceName": "device", "productKey": "pk", "timestamp": "789"},
        sign="fafd82a3d602b37fb0fa8b7892f24a477f851a14",
    ),
    Vector(
        name="the vendor's rule with MD5",
        method=SignMethod.HMACMD5,
        key="0123456789abcdef",
        parameters={"productKey": "a1b2c3d4e5f", "deviceName": "deviceName1234", "random": "567345"},
        sign="cc52e7c6a16347f7eeb994c236996e36",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """Hold a Python module that we stand on; `version` is `None` where it cannot be imported."""

    name: str
    package: str
    version: tuple[int, ...] | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """Hold what dpkg says of our package's files; `changed` are those that are not as shipped."""

    installed: bool = False
    changed: tuple[str, ...] = ()
    trouble: str = ""


def signing(method: SignMethod | None) -> Finding:
    """Judge whether signatures come out right, above all by the configured method."""
    for vector in VECTORS:
        try:
            made = sign(vector.method, Secret(vector.key), vector.parameters)
        except ValueError:
            # An OpenSSL in FIPS mode has no MD5.
            if vector.method is method:
                sentence = f"This system does not offer {vector.method.value}, which sign_method asks for."
                return fail(sentence, "set sign_method: hmacsha256")
            continue
        if made != vector.sign:
            return fail(f"A signature comes out wrong ({vector.name}, {vector.method.value}).", _REINSTALL)
    return ok(f"{len(VECTORS)} signatures known from the vendor come out right.")


def modules(facts: tuple[Module, ...]) -> Finding:
    """Judge whether what we import is there, and not older or newer than what we were tried with."""
    missing = next((module for module in facts if module.version is None), None)
    if missing is not None:
        sentence = f"The Python module {missing.name} cannot be imported."
        return fail(sentence, f"sudo apt-get install --reinstall {missing.package}")
    paho = next((module for module in facts if module.name == "paho.mqtt"), None)
    if paho is not None and paho.version and not (1, 6, 1) <= paho.version < (3,):
        sentence = f"Paho {paho.text} is not one that this program was tried with (1.6.1 to 2.x)."
        return warn(sentence, "sudo apt-get install --reinstall python3-paho-mqtt")
    return ok(f"{', '.join(f'{module.name} {module.text}'.strip() for module in facts)}.")


def files(facts: PackageFacts) -> Finding:
    """Judge whether our files are those of the package; what an operator may change is not counted."""
    if not facts.installed:
        return skipped(f"Not installed as a package{f': {facts.trouble}' if facts.trouble else ''}.")
    if facts.trouble:
        return skipped(f"dpkg does not say: {facts.trouble}.")
    if facts.changed:
        sentence = f"{len(facts.changed)} file(s) of the package are not as shipped, such as {facts.changed[0]}."
        return warn(sentence, _REINSTALL)
    return ok("Every file of the package is as shipped.")
