"""The names of our systemd units."""

from __future__ import annotations

SERVICE = "iot-onboard.service"
IMPORT = "iot-onboard-import.service"
CREDENTIALS = "iot-onboard-credentials.service"
