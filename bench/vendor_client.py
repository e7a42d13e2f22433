"""The vendor's own client, used as its manual shows: with a device secret, or with the product's to register first.

vendor_client.py PRODUCT_KEY DEVICE_NAME device|product SECRET_FILE HOST PORT CA_FILE KEEPALIVE_S
"""

import sys
import time
from pathlib import Path

from linkkit import linkkit

product_key, device_name, kind, secret_file, host, port, ca_file, keepalive_s = sys.argv[1:]
secret = Path(secret_file).read_text().strip()
client = linkkit.LinkKit(
    host_name="cn-shanghai",
    product_key=product_key,
    device_name=device_name,
    device_secret=secret if kind == "device" else "",
    product_secret=secret if kind == "product" else "",
)
# It would trust its own copy of the platform's root alone: the sandbox has another.
client.config_mqtt(
    endpoint=host, port=int(port), cadata=Path(ca_file).read_text(), keep_alive=int(keepalive_s), secure="TLS"
)
client.on_connect = lambda _, code, *__: print("online" if code == 0 else "refused", flush=True)
client.on_disconnect = lambda *_: print("lost", flush=True)
client.on_device_dynamic_register = lambda *_: None
client.connect_async()
# What its examples do: the client has threads of its own.
while True:
    time.sleep(3600)
