"""Dynamic registration over HTTPS: the request, and how to read every possible answer."""

from __future__ import annotations

import json
import re
from datetime import datetime

from ..core.failures import Cause, Failure, OnboardError, Throttled, Transient
from ..core.http import HttpAnswer, Request
from ..core.identity import Credentials, Identity
from ..core.peer_text import MAX_SHOWN
from ..core.secret import KnownSecrets, Secret
from .codes import PLATFORM_FAULT, failure_of
from .signing import SignMethod, sign

_DEVICE_SECRET = re.compile(r"[!-~]{1,64}", re.ASCII)
_CODE = re.compile(r"-?[0-9]{1,12}", re.ASCII)


def registration_request(
    *, url: str, identity: Identity, product_secret: Secret, method: SignMethod, nonce: str
) -> Request:
    """Build the POST that asks for a device secret; `nonce` is a fresh string each time (vendor documentation)."""
    signed = {"deviceName": identity.device_name, "productKey": identity.product_key, "random": nonce}
    form = {**signed, "signMethod": method.value, "sign": sign(method, product_secret, signed)}
    return Request(url=url, form=tuple(form.items()))


def credentials_of(
    answer: HttpAnswer, identity: Identity, issued_at: datetime, known: KnownSecrets | None = None
) -> Credentials:
    """Read the device secret from an answer, or raise `OnboardError`.

    The JSON `code` decides, a number or a numeric string: the HTTP status of a failure is not documented. An object
    with the same key twice is refused. The product key and the device name in the answer must be those of the request.
    Of the body, only the platform's code and message enter an error, the message without the secrets in `known`.
    """
    envelope = _json_object(answer)
    code = _code(envelope.get("code"))
    if code is None:
        raise OnboardError(_unusable(answer, "an answer without a code"))
    if code != "200":
        message = _message(envelope, known or KnownSecrets())
        raise OnboardError(failure_of(code, message, answer.retry_after_s))
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise OnboardError(_unusable(answer, "a success without data"))
    if (data.get("productKey"), data.get("deviceName")) != (identity.product_key, identity.device_name):
        raise OnboardError(_unusable(answer, "the answer for another device"))
    secret = data.get("deviceSecret")
    if not isinstance(secret, str) or not _DEVICE_SECRET.fullmatch(secret):
        raise OnboardError(_unusable(answer, "a success without a usable device secret"))
    return Credentials(identity=identity, device_secret=Secret(secret), issued_at=issued_at)


def _json_object(answer: HttpAnswer) -> dict[str, object]:
    try:
        envelope = json.loads(answer.body, object_pairs_hook=_refuse_duplicate_keys)
    except (ValueError, RecursionError):
        # The parser's exception quotes the body, and the body may be a secret: not chained.
        raise OnboardError(_unusable(answer, "an answer that is not JSON")) from None
    if not isinstance(envelope, dict):
        raise OnboardError(_unusable(answer, "JSON that is not an object"))
    return envelope


def _refuse_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("one name with two values")
    return found


def _code(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    text = str(value) if isinstance(value, int) and abs(value) < 10**12 else value
    if isinstance(text, str) and _CODE.fullmatch(text.strip()):
        return text.strip()
    return None


def _message(envelope: dict[str, object], known: KnownSecrets) -> str:
    """Return the platform's message, without the known secrets and without a secret that stands in the same answer."""
    message, data = envelope.get("message"), envelope.get("data")
    echoed = data.get("deviceSecret") if isinstance(data, dict) else None
    if not isinstance(message, str):
        return ""
    if isinstance(echoed, str) and _DEVICE_SECRET.fullmatch(echoed):
        message = KnownSecrets(Secret(echoed)).shown(message, 10 * MAX_SHOWN)
    return known.shown(message, MAX_SHOWN)


def _unusable(answer: HttpAnswer, what: str) -> Failure:
    status = answer.status
    if status in {429, 503} and answer.retry_after_s is not None:
        return Throttled(detail=f"HTTP {status}", retry_after_s=answer.retry_after_s, code=str(status))
    if status == 429:
        return Throttled(detail="HTTP 429", code="429")
    if status >= 500:
        detail = f"HTTP {status}: {what}"
        return Transient(cause=Cause.PLATFORM, detail=detail, code=str(status), cure=PLATFORM_FAULT.cure)
    hint = "; a captive portal or a proxy may answer instead of the platform"
    return Transient(cause=Cause.ANSWER, detail=f"HTTP {status}: {what}{hint}", slow=True)
