"""What looks like a secret is covered, and lines keep their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.bundle.mask import MASK, mask_configuration, mask_text
from support.tree import ROOT

SHIPPED = ROOT / "config" / "config.yaml"
C = MASK

CONFIGURATION = [
    ("product_secret: ffFnFlKQW3HYjjPR", f"product_secret: {C}"),
    ("product_secret:ffFnFlKQW3HYjjPR", f"product_secret:{C}"),
    ("  Product-Secret = 'with blanks in it'  # why", f"  Product-Secret = {C}"),
    ('"device_secret": "abc",', f'"device_secret": {C}'),
    ("# product secret: abc", f"# product secret: {C}"),
    ("# the old one was ffFnFlKQW3HYjjPR", f"# the old one was {C}"),
    ("password: x", f"password: {C}"),
    ("{product_key: a1, product_secret: hunter22}", f"{{product_key: a1, product_secret: {C}}}"),
    ("proxy: http://gw:p%40ss@proxy.example:3128", f"proxy: http://gw:{C}@proxy.example:3128"),
    ("proxy: 'http://gw:p@ss/w@proxy.example:3128'", f"proxy: 'http://gw:{C}@proxy.example:3128'"),
    ("proxy: http://gw@proxy.example:3128", None),
    ("product_secret_file: /etc/iot-onboard/product-secret", None),
    ("device_secret_file: null", None),
    ("device_secret_file:", None),
    ("product_key: a1b2c3d4e5f", None),
    ("device_name: 100000001234abcd", None),
    ("device_name: gw # ffFnFlKQW3HYjjPR", f"device_name: gw # {C}"),
    ("instance_id: iot-060a0abc", None),
    ("mqtt: {host: a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com, port: 8883}", None),
    ("tls: {ca_file: /etc/ssl/a1b2c3d4e5f6a7b8c9d0.pem}", None),
    ("sign_method: hmacsha256", None),
]  # fmt: skip

TEXT = [
    ("https_proxy=http://gw:hunter2@proxy.example", f"https_proxy=http://gw:{C}@proxy.example"),
    ('{"deviceSecret":"s3cr3t","x":1}', f'{{"deviceSecret":"{C}","x":1}}'),
    (r"body {\"deviceSecret\": \"s3cr3t\"}", rf"body {{\"deviceSecret\": \"{C}\"}}"),
    ("Proxy-Authorization: Basic dXNlcjpwYXNz", f"Proxy-Authorization: Basic {C}"),
    ("SetCredential=product-secret:hunter2", f"SetCredential={C}"),
    ('Environment="MQTT_PASSWORD=hunter2"', f'Environment="MQTT_PASSWORD={C}"'),
    ("LoadCredential=product-secret:/etc/iot-onboard/product-secret", None),
    ("SetCredential=product-secret:", None),
    ("CREDENTIALS_DIRECTORY=/run/credentials/iot-onboard.service", None),
    ("The product secret file /etc/iot-onboard/product-secret can be read by other users.", None),
    ("config.yaml:3: device_secret_file: cannot be read", None),
    ("IOT_EVENT=secret-found", None),
    ("Registration refused, code 6600: the signature was refused: the product secret is not this product's.", None),
    ("inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0", None),
    ("MESSAGE_ID=d731f41fca3b4ec79091a37f94064faf", None),
]


@pytest.mark.parametrize(("line", "masked"), CONFIGURATION, ids=lambda value: str(value)[:30])
def test_a_line_of_configuration(line: str, masked: str | None) -> None:
    """A value behind a telling name, a password in an address, and what has the shape of a secret."""
    assert mask_configuration(line).text == (line if masked is None else masked)


@pytest.mark.parametrize(("line", "masked"), TEXT, ids=lambda value: str(value)[:30])
def test_a_line_of_anything(line: str, masked: str | None) -> None:
    """In foreign words, what stands behind a telling name and in addresses; the daemon's own lines stay whole."""
    assert mask_text(line) == (line if masked is None else masked)


def test_what_was_covered_is_known() -> None:
    """It may stand elsewhere too; what stands in every example is no secret."""
    text = (
        "product_secret: 'two words' # why\nproxy: http://u:p%40ss@h:1\n# ffFnFlKQW3HYjjPR\n# http://user:password@h\n"
    )
    assert set(mask_configuration(text).covered) == {"two words", "p%40ss", "ffFnFlKQW3HYjjPR"}


def test_a_block_belongs_to_its_key() -> None:
    """A value may stand on the lines below."""
    text = "a: 1\nproduct_secret: |\n  line one\n\n   line two\nregion: x\n"
    masked = mask_configuration(text)
    assert masked.text == f"a: 1\nproduct_secret: |\n  {C}\n\n   {C}\nregion: x\n"
    assert set(masked.covered) == {"line one", "line two"}


def test_the_shipped_configuration_stays_readable() -> None:
    """Nothing in it is secret but the example of a password."""
    text = SHIPPED.read_text()
    assert mask_configuration(text).text == text.replace("user:password@", f"user:{C}@")
    assert mask_configuration(text).covered == ()


@given(st.text(max_size=300))
def test_lines_keep_their_numbers(text: str) -> None:
    """What the daemon says of line 7 is on line 7, whatever the file holds."""
    assert mask_configuration(text).text.count("\n") == text.count("\n")
    assert mask_text(text).count("\n") == text.count("\n")


@given(
    st.sampled_from(["product_secret", "device_secret", "password", "my-token", "Secret"]),
    st.sampled_from([": ", ":", " = ", ":   "]),
    st.text([c for c in map(chr, range(33, 127)) if c not in "#'\"/~|>"], min_size=6, max_size=64),
)
def test_a_named_secret_is_covered(key: str, sign: str, secret: str) -> None:
    """Whatever it looks like, and it is known from then on."""
    masked = mask_configuration(f"region: x\n{key}{sign}{secret}\nlog_level: info\n")
    if secret.lower() not in {"[secret]", "password", "secret"} and not secret.endswith(":"):
        assert secret not in masked.text.splitlines()[1].removeprefix(f"{key}{sign}")
        assert secret in masked.covered


@pytest.mark.timeout(30)
@pytest.mark.parametrize("part", ["a", "a.b-", "secret", "secret ", "://", "://a:", " -", "Aa1", '\\"'])
def test_a_long_line_takes_no_minutes(part: str) -> None:
    """A journal may hold anything, and a bundle has to be made all the same."""
    line = part * (100_000 // len(part))
    mask_text(line)
    mask_configuration(line)
