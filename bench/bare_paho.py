"""The bare Paho script: the least Python program that logs in with a device secret over TLS and stays.

bare_paho.py PRODUCT_KEY DEVICE_NAME SECRET_FILE HOST PORT CA_FILE KEEPALIVE_S
"""

import hashlib
import hmac
import sys
from pathlib import Path

import paho.mqtt.client as mqtt

product_key, device_name, secret_file, host, port, ca_file, keepalive_s = sys.argv[1:]
client_id = f"{product_key}.{device_name}"
secret = Path(secret_file).read_bytes().strip()
signed = f"clientId{client_id}deviceName{device_name}productKey{product_key}".encode()

version = {"callback_api_version": mqtt.CallbackAPIVersion.VERSION2} if hasattr(mqtt, "CallbackAPIVersion") else {}
client = mqtt.Client(client_id=f"{client_id}|securemode=2,signmethod=hmacsha256|", **version)
client.username_pw_set(f"{device_name}&{product_key}", hmac.new(secret, signed, hashlib.sha256).hexdigest())
client.tls_set(ca_certs=ca_file)
client.on_connect = lambda *answer: print("online" if answer[3] == 0 else "refused", flush=True)
client.on_disconnect = lambda *_: print("lost", flush=True)
client.connect(host, int(port), keepalive=int(keepalive_s))
client.loop_forever()
