"""What the product writes, as functions that another process can be told to call."""

from __future__ import annotations

import os
from pathlib import Path

from iot_onboard.config.hardware import read_hardware
from iot_onboard.config.identity_rules import facts_of
from iot_onboard.config.naming import decision_of
from iot_onboard.config.problems import MissingFact
from iot_onboard.core.failures import OnboardError, StoreFailure
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials import Store

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw:1@x.y")


def credentials(secret: str) -> Credentials:
    return Credentials(identity=IDENTITY, device_secret=Secret(secret))


def use_store(action: str, directory: Path, secret: str = "") -> dict[str, object]:
    """Save, load or forget; return what came of it, or the fault."""
    try:
        return _use(action, Store(directory, IDENTITY), secret)
    except OnboardError as error:
        if not isinstance(error.failure, StoreFailure):
            raise
        return {"fault": error.failure.fault.name, "detail": error.failure.detail, "temporary": error.failure.temporary}


def _use(action: str, store: Store, secret: str) -> dict[str, object]:
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


METERS = tuple(Identity(product_key="a1subsubsub", device_name=f"meter.{number}") for number in (1, 2))


def save_subdevices(directory: Path, *secrets: str) -> None:
    """Store the secrets of the meters, in one go."""
    from iot_onboard.disk.credentials import save_subdevices

    save_subdevices(
        directory,
        [
            Credentials(identity=meter, device_secret=Secret(secret))
            for meter, secret in zip(METERS, secrets, strict=True)
        ],
    )


def give_identity(
    etc: Path, device_name: str, *, product_secret: str = "", device_secret: str = "", **values: str
) -> None:
    """Provision a gateway, as `setup` does; `values` are further keys of the configuration."""
    # Imported here: a process that looks after its calls one by one would wait for it each time.
    from iot_onboard.provisioning.apply import provision
    from iot_onboard.provisioning.plan import ProvisioningRequest

    request = ProvisioningRequest(
        values={"product_key": "a1b2c3d4e5f", "device_name": device_name, **values},
        product_secret=Secret(product_secret) if product_secret else None,
        device_secret=Secret(device_secret) if device_secret else None,
    )
    provision(etc / "config.yaml", request)


def take_boot_file(boot: Path, etc: Path) -> list[str]:
    """Do what `import-boot-file` does at a boot; return the names of what it told."""
    from iot_onboard.provisioning import boot_partition
    from iot_onboard.provisioning.boot_import import BootImport

    announced: list[str] = []
    for path in boot_partition.find([boot]):
        BootImport(
            path, etc / "config.yaml", lambda config: config.device_name, lambda event, *_: announced.append(event.name)
        ).run()
    return announced


def update_drop_in_of_credentials(root: Path) -> None:
    """Start the service without a credential; `bin` below the root has programs in systemd's place."""
    from iot_onboard.service.credential_recovery import update_drop_in

    os.environ["PATH"] = f"{root}/bin:{os.environ['PATH']}"
    update_drop_in(root, failed=True)


def remember_connects(runtime_dir: Path, *stamps: float) -> None:
    from iot_onboard.core.backoff import Budget
    from iot_onboard.reporting.runtime_files import BudgetLog

    BudgetLog(runtime_dir).write(Budget(connects=stamps))


def is_alone_with_lock(lock: Path, other: Path) -> bool:
    """Say whether `other`, which another process keeps there while it has the lock, is gone once we have it."""
    from iot_onboard.disk.lock_file import lock_file

    with lock_file(lock, 20):
        return not other.exists()


def set_aside(path: Path) -> str:
    from iot_onboard.disk.files import set_aside

    return str(set_aside(path, "old"))


def write_durably(path: Path, data: bytes) -> str | None:
    from iot_onboard.disk.files import write_durably

    try:
        write_durably(path, data, 0o600)
    except OSError as error:
        return error.strerror
    return None


def first_mac(root: Path) -> str | None:
    return next((address for _, address in facts_of(read_hardware(root)).macs), None)


def name_of(state_dir: Path, root: Path) -> str:
    """Return the device name by the host's, or why there is none."""
    try:
        return decision_of("{hostname}", IDENTITY.product_key, state_dir, root).device_name
    except MissingFact as fact:
        return str(fact)


def remember_name(state_dir: Path, device_name: str) -> None:
    from iot_onboard.config.identity_memory import Remembered
    from iot_onboard.config.naming import remember

    state_dir.mkdir(exist_ok=True)
    product_key = IDENTITY.product_key
    remember(state_dir, Remembered(product_key=product_key, device_name=device_name, template="{mac}", board=None))


def write_again_after_a_kill(path: Path) -> bool:
    """Have one process killed between its rename and the sync, and another one that finds its work done."""
    from iot_onboard.disk.files import write_if_changed

    beside = path.with_name("killed")
    beside.write_bytes(b"new")
    beside.chmod(0o644)
    beside.rename(path)
    return write_if_changed(path, b"new", 0o644)
