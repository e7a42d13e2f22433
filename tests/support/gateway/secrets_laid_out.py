"""A gateway's files with a secret in every place that may hold one."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.bundle.places import Places, places_of
from iot_onboard.config.files import read_documents
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


def stored(secret: str) -> bytes:
    return encode(Credentials(identity=IDENTITY, device_secret=Secret(secret)))


def laid_out(directory: Path) -> tuple[Path, Places]:
    """Lay secrets out wherever a gateway may have some."""
    etc, credentials = directory / "etc/iot-onboard", directory / "state/credentials"
    (etc / "conf.d").mkdir(parents=True)
    credentials.mkdir(parents=True)
    files = {
        etc / "product-secret": b"pr0ductS3cret\n",
        etc / "device-secret": b"d3viceByHand\n",
        etc / "product-secret.dpkg-old": b"pr0ductBefore\n",
        etc / "config.yaml.bak": b"product_secret: wr0ngPlace\n",
        etc / "conf.d/proxy.yaml": b"proxy: http://gw:hunter%402@127.0.0.1:9\n",
        directory / "elsewhere": b"c0nfigured\n",
        directory / "run/credentials/iot-onboard.service/product-secret": b"handedOut1",
        directory / "etc/credstore/device-secret": b"cr3dstore1",
        directory / "boot/firmware/iot-onboard.yaml": b"product_secret: fr0mTheCard\n",
        directory / "etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
        credentials / f"{IDENTITY}.json": stored("st0redNow1"),
        credentials / f"{IDENTITY}.json.1": stored("st0redBef0re"),
        credentials / f"{IDENTITY}.json.forgotten-1": stored('f0rg"otten\\'),
        credentials / f"{IDENTITY}.json.corrupt-1": stored("c0rruptCutOff")[: -len(stored("x")) // 3],
        credentials / f"{IDENTITY}.json.corrupt-2": b"\0\0 rubbish wh0leRubbish1 rubbish",
        credentials / "other.device.json": stored("an0ther1"),
    }
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
    (etc / "config.yaml").write_text(
        f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nproduct_secret_file: {directory}/elsewhere\n"
        f"state_dir: {directory}/state\nruntime_dir: {directory}/runtime\n"
    )
    return etc / "config.yaml", places_of(read_documents(etc / "config.yaml")[0])


SECRETS = {
    "pr0ductS3cret",
    "d3viceByHand",
    "pr0ductBefore",
    "wr0ngPlace",
    "hunter@2",
    "hunter%402",
    "c0nfigured",
    "handedOut1",
    "cr3dstore1",
    "fr0mTheCard",
    "0123456789abcdef0123456789abcdef",
    "st0redNow1",
    "st0redBef0re",
    'f0rg"otten\\',
    "c0rruptCutOff",
    "wh0leRubbish1",
    "an0ther1",
}
