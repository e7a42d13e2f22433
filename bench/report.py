"""Write what was measured: a table and a chart, into docs/."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path

from .contenders import Contender, version
from .figures import Figures

_BUDGET_FILL, _FILLS = "#555", {"daemon": "#1a7f5a", "bare": "#9aa5b1", "vendor": "#d9822b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Say how one figure is shown: its name, unit, factor from what was measured, digits, and budget."""

    key: str
    title: str
    unit: str
    factor: float = 1.0
    digits: int = 0
    budget: str = ""


ROWS = (
    Row(
        key="start_s", title="start to CONNACK, the secret on disk", unit="ms", factor=1000, budget="≤ 1.25 of the bare"
    ),
    Row(key="start_cpu_s", title="… processor time of it", unit="ms", factor=1000),
    Row(key="first_boot_s", title="first boot to CONNACK, registration included", unit="ms", factor=1000),
    Row(
        key="first_boot_trips",
        title="first boot at 300 ms a round trip, as their count",
        unit="",
        digits=1,
        budget="≤ 5",
    ),
    Row(key="pss_kb", title="memory online (PSS)", unit="MB", factor=1 / 1024, digits=1, budget="≤ 1.15 of the bare"),
    Row(key="private_kb", title="memory online (private)", unit="MB", factor=1 / 1024, digits=1),
    Row(key="threads", title="threads online", unit=""),
    Row(key="open_files", title="open files online", unit=""),
    Row(key="wakeups_minute", title="wake-ups a minute, online and idle", unit="", digits=1, budget="≤ 4"),
    Row(key="cpu_ms_minute", title="processor time a minute, online and idle", unit="ms", digits=2),
    Row(key="wire_bytes_hour", title="bytes on the wire an hour, online and idle", unit=""),
    Row(key="written_bytes_hour", title="bytes written to disk an hour, online and idle", unit="", budget="0"),
    Row(key="stop_online_s", title="SIGTERM to exit, online", unit="ms", factor=1000, budget="≤ 500"),
    Row(key="stop_waiting_s", title="SIGTERM to exit, waiting", unit="ms", factor=1000, budget="≤ 500"),
    Row(key="stop_blocked_s", title="SIGTERM to exit, blocked", unit="ms", factor=1000, budget="≤ 500"),
    Row(key="route_back_s", title="route back to CONNECT", unit="s", digits=2, budget="≤ 1"),
    Row(key="dead_link_keepalives", title="dead link noticed after, in keep-alives", unit="", digits=2),
    Row(key="arm64_cpu_s", title="start on an emulated arm64, processor time", unit="ms", factor=1000),
    Row(key="arm64_pythons", title="… in starts of Python alone", unit="", digits=1),
    Row(key="refused_attempts", title="logins in the first minute at a broker that refuses", unit=""),
)
_CHART = ("start_s", "start_cpu_s", "pss_kb", "wakeups_minute", "cpu_ms_minute", "dead_link_keepalives")
_HEAD = """# Performance

What iot-onboard costs a gateway, compared with the *bare Paho script* (`bench/bare_paho.py`: the smallest Python
program that logs in and stays connected) and with the vendor's own client. `make bench` measures all three in one run,
in turn or at the same time, against the same sandbox in a network of its own, and writes this page. Do not edit it by
hand.

![chart](performance.svg)

"""
_NOTES = """
## How to read it

- Each figure is the median of its repetitions; the number of repetitions is in brackets. A ratio compares with the bare
  script in the same run. For starts it is the median of the ratios of neighbouring starts.
- All programs run on Debian's interpreter, byte-compiled, without the extra modules that a development machine loads at
  every start of Python. The daemon and the bare script use the same Paho. The vendor's client has the newest Paho that
  it works with.
- Names come from a hosts file, so no figure includes a round trip of name look-up. The proxy that delays by 300 ms
  counts a TCP handshake as one round trip, and also each flight of TLS and each question with its answer.
- The bare script and the vendor's client have no handler for SIGTERM. They end at once, without the DISCONNECT that the
  daemon sends and waits for.
- The vendor's client gets the sandbox's certificate by `config_mqtt(cadata=…)`. Its registration address is fixed, so
  the platform's real names resolve to the sandbox.
- The emulated arm64 is QEMU in user mode, in Debian 13 with Debian's Paho. The figure is this machine's processor time.
  Most of it is the translation of instructions that run for the first time, so it says nothing about a board's speed,
  and little about loops. Only the ratios are roughly valid for a board: to the bare script, and to `python3 -S -c
  pass`, which is easy to time on a board. Instructions are not counted, because Debian's emulator has no plugin for it.
  Memory and wake-ups of a board are not measured.
- Bytes on the wire are those of TCP connections with their IP and TCP headers, in both directions.
- Bytes written are what the kernel counted for a disk (`write_bytes`). The runtime directory is in memory, as on a
  gateway.

## What limits it

- A start costs more than the bare script's because of its 97 modules of our own (15 to 20 ms of processor time
  on the development machine, of which 4 ms depend on their number) and JSON. It costs less because it does not import
  the parts of Paho that it never uses (`docs/decisions/0011`). We tried to import Paho during the first dial: on a busy
  machine no gain could be shown, so we left it out.
- Memory: the same, in both directions.
- A first boot takes four round trips: TCP, TLS, and question and answer for the registration, and question and answer
  for the login. The earlier steps of the login run at the same time. Fewer round trips would need a TLS handshake
  without a round trip, which is impossible at a first contact.
- The first connection of a process cannot resume a TLS session, because none is kept on disk. Later connections resume
  one with Python 3.13.1 or later, which halves the bytes and the processor time of a reconnect (`docs/decisions/0012`).
  With TLS 1.3 this saves no round trip.
- The first boot imports `requests`, which takes longer than everything else in it. The vendor's client uses the
  standard library there.
"""


def write(docs: Path, figures: Figures, contenders: Sequence[Contender], *, today: date, quick: bool) -> None:
    """Write `performance.md` and `performance.svg`."""
    docs.joinpath("performance.svg").write_text(chart(figures, contenders))
    head = _HEAD + _setting(contenders, today=today, quick=quick)
    docs.joinpath("performance.md").write_text(head + table(figures, contenders) + _NOTES)


def table(figures: Figures, contenders: Sequence[Contender]) -> str:
    """Return the figures as a table in Markdown."""
    names = " | ".join(contender.title for contender in contenders)
    lines = [f"| figure | {names} | ratio | budget |", f"|---|{'---:|' * len(contenders)}---:|---|"]
    for row in ROWS:
        cells = " | ".join(_cell(figures, row, contender.name) for contender in contenders)
        ratio = figures.ratio(row.key, "daemon", "bare")
        lines.append(f"| {row.title} | {cells} | {'' if ratio is None else f'{ratio:.2f}'} | {row.budget} |")
    return "\n".join(lines) + "\n"


def chart(figures: Figures, contenders: Sequence[Contender]) -> str:
    """Return bars, each as a multiple of the bare script's, in SVG."""
    rows = [row for row in ROWS if row.key in _CHART and figures.median(row.key, "bare")]
    bar, gap, left, unit, most = 14, 18, 330, 150, 3.0
    height = len(rows) * (bar * len(contenders) + gap) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}"',
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, contender in enumerate(contenders):
        x = left + number * 160
        parts.append(f'<rect x="{x}" y="12" width="12" height="12" fill="{_FILLS[contender.name]}"/>')
        parts.append(f'<text x="{x + 18}" y="22">{escape(contender.title)}</text>')
    y = 44
    for row in rows:
        parts.append(f'<text x="{left - 8}" y="{y + bar + 4}" text-anchor="end">{escape(row.title)}</text>')
        base = figures.median(row.key, "bare") or 1.0
        for contender in contenders:
            value = figures.median(row.key, contender.name)
            if value is not None:
                width = max(1.0, min(most, value / base) * unit)
                parts.append(
                    f'<rect x="{left}" y="{y}" width="{width:.0f}" height="{bar - 2}" fill="{_FILLS[contender.name]}"/>'
                )
                shown = f"{_shown(row, value)} (ratio {value / base:.2f})"
                parts.append(f'<text x="{left + width + 6:.0f}" y="{y + bar - 4}">{escape(shown)}</text>')
            y += bar
        y += gap
    line = f'x1="{left + unit}" x2="{left + unit}" y1="34" y2="{y - gap}"'
    parts.append(f'<line {line} stroke="{_BUDGET_FILL}" stroke-dasharray="3 3"/></svg>')
    return "\n".join(parts) + "\n"


def _cell(figures: Figures, row: Row, name: str) -> str:
    value = figures.median(row.key, name)
    return "-" if value is None else f"{_shown(row, value)} ({len(figures.values(row.key, name))})"


def _shown(row: Row, value: float) -> str:
    return f"{value * row.factor:.{row.digits}f} {row.unit}".strip()


def _setting(contenders: Sequence[Contender], *, today: date, quick: bool) -> str:
    daemon, vendor = contenders[0], contenders[-1]
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return (
        f"Measured on {today.isoformat()}{' in quick mode, with few repetitions' if quick else ''}: {cpu}, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"Paho {version(daemon, 'paho-mqtt')}; the vendor's client aliyun-iot-linkkit "
        f"{version(vendor, 'aliyun-iot-linkkit')} with Paho {version(vendor, 'paho-mqtt')}.\n\n"
    )
