"""What the platform knows, in SQLite: products, devices, faults in force, and what was seen."""

from __future__ import annotations

import secrets
import sqlite3
import string
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS product (
    product_key TEXT PRIMARY KEY, product_secret TEXT NOT NULL, dynamic_registration INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS device (
    product_key TEXT NOT NULL, device_name TEXT NOT NULL, device_secret TEXT,
    enabled INTEGER NOT NULL DEFAULT 1, activated INTEGER NOT NULL DEFAULT 0, online INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (product_key, device_name));
CREATE TABLE IF NOT EXISTS fault (name TEXT PRIMARY KEY, value TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS kick (id INTEGER PRIMARY KEY, product_key TEXT NOT NULL, device_name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, leg TEXT NOT NULL, product_key TEXT NOT NULL,
    device_name TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL);
"""
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Hold one device as the platform knows it."""

    product_key: str
    device_name: str
    device_secret: str | None
    enabled: bool
    activated: bool


class Devices:
    """Read and change the platform's memory; safe from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)

    def _run(self, query: str, *values: object) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._database.execute(query, values).fetchall()]

    def add_product(self, product_key: str, product_secret: str, *, dynamic_registration: bool) -> None:
        """Create a product or change its switch."""
        query = "INSERT OR REPLACE INTO product VALUES (?, ?, ?)"
        self._run(query, product_key, product_secret, int(dynamic_registration))

    def product(self, product_key: str) -> tuple[str, bool] | None:
        """Return the product secret and the dynamic-registration switch, or `None`."""
        rows = self._run("SELECT * FROM product WHERE product_key = ?", product_key)
        return (rows[0]["product_secret"], bool(rows[0]["dynamic_registration"])) if rows else None

    def add_device(self, product_key: str, device_name: str) -> None:
        """Pre-register a device."""
        query = "INSERT OR IGNORE INTO device (product_key, device_name) VALUES (?, ?)"
        self._run(query, product_key, device_name)

    def device(self, product_key: str, device_name: str) -> Device | None:
        """Return a device, or `None`."""
        query = "SELECT * FROM device WHERE product_key = ? AND device_name = ?"
        for row in self._run(query, product_key, device_name):
            return Device(
                product_key=product_key,
                device_name=device_name,
                device_secret=row["device_secret"],
                enabled=bool(row["enabled"]),
                activated=bool(row["activated"]),
            )
        return None

    def issue_secret(self, product_key: str, device_name: str) -> str:
        """Give the device a new secret; the last one given out is the valid one."""
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(32))
        self.change(product_key, device_name, device_secret=secret)
        return secret

    def change(self, product_key: str, device_name: str, **columns: object) -> None:
        """Set columns of a device."""
        names = ", ".join(f"{name} = ?" for name in columns)  # names are this module's own
        query = f"UPDATE device SET {names} WHERE product_key = ? AND device_name = ?"  # noqa: S608
        self._run(query, *columns.values(), product_key, device_name)

    def delete(self, product_key: str, device_name: str) -> None:
        """Forget a device."""
        self._run("DELETE FROM device WHERE product_key = ? AND device_name = ?", product_key, device_name)

    def all_offline(self) -> None:
        """Note that nobody is connected: the server has just started."""
        self._run("UPDATE device SET online = 0")

    def set_fault(self, name: str, value: str, seconds: float) -> None:
        """Put a fault in force for a time."""
        self._run("INSERT OR REPLACE INTO fault VALUES (?, ?, ?)", name, value, time.time() + seconds)

    def fault(self, name: str) -> str | None:
        """Return the value of a fault that is in force."""
        rows = self._run("SELECT value FROM fault WHERE name = ? AND until > ?", name, time.time())
        return str(rows[0]["value"]) if rows else None

    def order_kick(self, product_key: str, device_name: str) -> None:
        """Ask the server to end a device's connection."""
        self._run("INSERT INTO kick (product_key, device_name) VALUES (?, ?)", product_key, device_name)

    def take_kicks(self) -> list[tuple[str, str]]:
        """Return and forget the orders."""
        with self._lock:
            rows = self._run("SELECT * FROM kick")
            for row in rows:
                self._run("DELETE FROM kick WHERE id = ?", row["id"])
        return [(row["product_key"], row["device_name"]) for row in rows]

    def see(self, leg: str, product_key: str, device_name: str, what: str, detail: str = "") -> None:
        """Note what happened, for tests and for `list`."""
        query = "INSERT INTO seen (at, leg, product_key, device_name, what, detail) VALUES (?, ?, ?, ?, ?, ?)"
        self._run(query, time.time(), leg, product_key, device_name, what, detail)

    def seen(self) -> list[dict[str, Any]]:
        """Return the last thousand things that happened, oldest first."""
        return self._run("SELECT * FROM seen ORDER BY id DESC LIMIT 1000")[::-1]

    def rows(self) -> list[dict[str, Any]]:
        """Return all devices as the table has them."""
        return self._run("SELECT * FROM device ORDER BY product_key, device_name")
