"""What the platform knows, in SQLite: products, devices, faults in force, and what was seen."""

from __future__ import annotations

import json
import os
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
    device_name TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
    code INTEGER, facts TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS subscription (
    product_key TEXT NOT NULL, device_name TEXT NOT NULL, topic TEXT NOT NULL,
    PRIMARY KEY (product_key, device_name, topic));
CREATE TABLE IF NOT EXISTS counter (
    product_key TEXT NOT NULL, device_name TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (product_key, device_name, name));
"""
# The table's first shape lacked these.
_LATER_COLUMNS = {"code": "INTEGER", "facts": "TEXT NOT NULL DEFAULT '{}'"}
_MOST_SEEN = 10_000
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
        # It holds every secret: 0600 from the start; SQLite gives its side files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)
        present = {row["name"] for row in self._run("PRAGMA table_info(seen)")}
        for column in _LATER_COLUMNS.keys() - present:
            self._run(f"ALTER TABLE seen ADD COLUMN {column} {_LATER_COLUMNS[column]}")

    def _run(self, query: str, *values: object) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._database.execute(query, values).fetchall()]

    def _change(self, query: str, *values: object) -> int:
        with self._lock:
            return self._database.execute(query, values).rowcount

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

    def issue_secret(self, product_key: str, device_name: str) -> str | None:
        """Give the device a new secret, the only valid one from now on; `None` if it may not have one any more.

        One statement decides and writes, so that a login under way and a registration cannot both win.
        """
        secret = new_secret()
        query = """UPDATE device SET device_secret = ?
            WHERE product_key = ? AND device_name = ? AND activated = 0 AND enabled = 1"""
        return secret if self._change(query, secret, product_key, device_name) else None

    def log_in(self, device: Device) -> bool:
        """Activate the device and note it online, if its secret is still the one that was checked."""
        query = """UPDATE device SET activated = 1, online = 1
            WHERE product_key = ? AND device_name = ? AND enabled = 1 AND device_secret = ?"""
        return bool(self._change(query, device.product_key, device.device_name, device.device_secret))

    def change(self, product_key: str, device_name: str, **columns: object) -> None:
        """Set columns of a device."""
        names = ", ".join(f"{name} = ?" for name in columns)  # names are this module's own
        query = f"UPDATE device SET {names} WHERE product_key = ? AND device_name = ?"  # noqa: S608 - see above
        self._run(query, *columns.values(), product_key, device_name)

    def delete(self, product_key: str, device_name: str) -> None:
        """Forget a device."""
        self._run("DELETE FROM device WHERE product_key = ? AND device_name = ?", product_key, device_name)

    def subscribe(self, product_key: str, device_name: str, topic: str, most: int) -> bool:
        """Note a subscription; say whether it is there now, which it is not where it would be one too many."""
        mine = (product_key, device_name)
        query = """INSERT OR IGNORE INTO subscription SELECT ?, ?, ? WHERE
            (SELECT count(*) FROM subscription WHERE product_key = ? AND device_name = ?) < ?"""
        self._run(query, *mine, topic, *mine, most)
        query = "SELECT topic FROM subscription WHERE product_key = ? AND device_name = ? AND topic = ?"
        return bool(self._run(query, *mine, topic))

    def unsubscribe(self, product_key: str, device_name: str, topic: str) -> None:
        """Forget one subscription."""
        query = "DELETE FROM subscription WHERE product_key = ? AND device_name = ? AND topic = ?"
        self._run(query, product_key, device_name, topic)

    def forget_subscriptions(self, product_key: str, device_name: str) -> None:
        """Forget all of a device's: its session starts anew."""
        self._run("DELETE FROM subscription WHERE product_key = ? AND device_name = ?", product_key, device_name)

    def is_served(self) -> bool:
        """Say whether a server said lately that it lives."""
        return self.fault("served") is not None

    def start_over(self) -> None:
        """Note that nobody is connected and that no order is open: the server has just started."""
        self._run("UPDATE device SET online = 0")
        self._run("DELETE FROM kick")

    def set_fault(self, name: str, value: str, seconds: float) -> None:
        """Put a fault in force for a time."""
        self._run("INSERT OR REPLACE INTO fault VALUES (?, ?, ?)", name, value, time.time() + seconds)

    def fault(self, name: str) -> str | None:
        """Return the value of a fault that is in force."""
        rows = self._run("SELECT value FROM fault WHERE name = ? AND until > ?", name, time.time())
        return str(rows[0]["value"]) if rows else None

    def order_kick(self, product_key: str, device_name: str) -> int:
        """Ask the server to end a device's connection; return the order's number."""
        query = "INSERT INTO kick (product_key, device_name) VALUES (?, ?)"
        with self._lock:
            return int(self._database.execute(query, (product_key, device_name)).lastrowid or 0)

    def is_open(self, order: int) -> bool:
        """Say whether the server has not taken an order yet."""
        return bool(self._run("SELECT id FROM kick WHERE id = ?", order))

    def kicks(self) -> list[tuple[int, str, str]]:
        """Return the open orders: number, product key, device name."""
        return [(row["id"], row["product_key"], row["device_name"]) for row in self._run("SELECT * FROM kick")]

    def close_order(self, order: int) -> None:
        """Forget an order that was carried out."""
        self._run("DELETE FROM kick WHERE id = ?", order)

    def see(
        self,
        leg: str,
        product_key: str,
        device_name: str,
        what: str,
        detail: str = "",
        *,
        code: int | None = None,
        **facts: object,
    ) -> None:
        """Note what happened, for tests and for `list`; the oldest of more than 10,000 rows are dropped."""
        query = """INSERT INTO seen (at, leg, product_key, device_name, what, detail, code, facts)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
        with self._lock:
            self._run(query, time.time(), leg, product_key, device_name, what, detail, code, json.dumps(facts))
            self._run("DELETE FROM seen WHERE id <= (SELECT max(id) FROM seen) - ?", _MOST_SEEN)

    def count(self, name: str, product_key: str = "", device_name: str = "") -> None:
        """Add one to a counter, of the whole server or of one device."""
        query = "INSERT INTO counter VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET value = value + 1"
        self._run(query, product_key, device_name, name)

    def counters(self, product_key: str = "", device_name: str = "") -> dict[str, int]:
        """Return the counters that are not zero."""
        query = "SELECT name, value FROM counter WHERE product_key = ? AND device_name = ?"
        return {row["name"]: row["value"] for row in self._run(query, product_key, device_name)}

    def seen(self) -> list[dict[str, Any]]:
        """Return the last thousand things that happened, oldest first."""
        rows = self._run("SELECT * FROM seen ORDER BY id DESC LIMIT 1000")[::-1]
        return [{**row, **json.loads(row.pop("facts"))} for row in rows]

    def products(self) -> list[dict[str, Any]]:
        """Return all products, without their secrets."""
        return self._run("SELECT product_key, dynamic_registration FROM product ORDER BY product_key")

    def rows(self) -> list[dict[str, Any]]:
        """Return all devices as the table has them."""
        return self._run("SELECT * FROM device ORDER BY product_key, device_name")


def new_secret() -> str:
    """Make a device secret: 32 letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))
