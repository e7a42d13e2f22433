"""Do one thing with a store, between two system calls that mark it in a trace."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from iot_onboard.core.failures import OnboardError, StoreFailure
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials import Store

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw:1@x.y")
BEGIN, END = "/the-store-begins", "/the-store-ends"


def credentials(secret: str) -> Credentials:
    return Credentials(identity=IDENTITY, device_secret=Secret(secret))


def act(action: str, store: Store, secret: str) -> dict[str, object]:
    if action == "save":
        store.save(credentials(secret))
        return {}
    if action == "forget":
        return {"aside": str(store.forget())}
    found = store.load()
    return {
        "secret": found.credentials.device_secret.reveal() if found.credentials else None,
        "recovered": found.recovered,
        "set_aside": found.set_aside,
        "writable": found.writable,
        "detail": found.detail,
    }


def mark(name: str) -> None:
    with contextlib.suppress(OSError):
        Path(name).unlink()


def main() -> None:
    action, directory, secret = sys.argv[1:]
    store = Store(Path(directory), IDENTITY)
    mark(BEGIN)
    try:
        answer = act(action, store, secret)
    except OnboardError as error:
        if not isinstance(error.failure, StoreFailure):
            raise
        answer = {"fault": error.failure.fault.name, "detail": error.failure.detail}
    mark(END)
    os.write(1, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
