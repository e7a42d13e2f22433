"""How one occurrence of an event becomes a line: the sentence and the journal's fields. Pure."""

from __future__ import annotations

from datetime import datetime

from ..fast_start.fast_dataclasses import dataclass, replace
from .model import Context, Details, Entry, Event
from .table import TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Hold one line: a syslog priority, the sentence, and the journal's fields."""

    priority: int
    message: str
    message_id: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def line_of(event: Event, details: Details, context: Context, state: str) -> Line:
    """Return the line of an event."""
    entry = TABLE[event]
    return Line(
        priority=entry.priority,
        message=sentence(entry, details, context),
        message_id=entry.message_id,
        fields=journal_fields(event, details, context, state),
    )


def sentence(entry: Entry, details: Details, context: Context) -> str:
    """Return the line for the operator."""
    whom = details.about or context
    return entry.sentence.format(
        version=context.version,
        product_key=whom.product_key,
        device_name=whom.device_name,
        endpoint=context.endpoint,
        code=details.code or "-",
        detail=details.detail or "no detail",
        cure=details.cure or "see the log",
        hint=f" If it lasts: {details.cure}." if details.cure else "",
        reason=reason(details),
        attempt=details.attempt or 1,
        then=_then(details.next_try_s),
        hold_off=span(details.next_try_s or 0.0),
        duration=span((details.duration_ms or 0) / 1000),
        duration_ms=details.duration_ms or 0,
    )


def _then(next_try_s: float | None) -> str:
    if next_try_s is None:
        return "No further try."
    return f"Next try in {span(next_try_s)}." if next_try_s > 0 else "Trying now."


def what_happened(entry: Entry, details: Details, context: Context) -> str:
    """Return the line without the cure and the time of the next try, which stand elsewhere."""
    template = min((entry.sentence.partition(mark)[0] for mark in (" To do:", " {then}")), key=len)
    return sentence(replace(entry, sentence=template), details, context)


def reason(details: Details) -> str:
    """Return the code, if there is one, and its meaning."""
    code = f"code {details.code}" if (details.code or "").isdigit() else details.code
    return ": ".join(part for part in (code, details.detail) if part)


def journal_fields(event: Event, details: Details, context: Context, state: str) -> tuple[tuple[str, str], ...]:
    """Return the `IOT_` fields of the line; those without a value are left out.

    `IOT_GATEWAY` says through which gateway, if the line is about another device.
    """
    whom = details.about or context
    fields = {
        "IOT_EVENT": event.value,
        "IOT_STATE": state,
        "IOT_PRODUCT_KEY": whom.product_key or None,
        "IOT_DEVICE_NAME": whom.device_name or None,
        "IOT_GATEWAY": f"{context.product_key}.{context.device_name}" if context.other(details) is not None else None,
        "IOT_CODE": details.code,
        "IOT_CAUSE": details.cause or event.value,
        "IOT_ATTEMPT": details.attempt,
        "IOT_NEXT_TRY_S": None if details.next_try_s is None else round(details.next_try_s, 1),
        "IOT_ENDPOINT": context.endpoint or None,
        "IOT_DURATION_MS": details.duration_ms,
        "IOT_DNS_MS": details.timings.dns_ms,
        "IOT_TCP_MS": details.timings.tcp_ms,
        "IOT_TLS_MS": details.timings.tls_ms,
        "IOT_ANSWER_MS": details.timings.answer_ms,
    }
    return tuple((name, str(value)) for name, value in fields.items() if value is not None)


def span(seconds: float) -> str:
    """Write a length of time as a person would: `4 s`, `12 min`, `1 h 6 min`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def repeated(times: int, began: datetime, now: datetime) -> str:
    """Say how often something happened, and since when, in local time: `7 times since 14:02`."""
    since = f"since {began:%H:%M}" if began.date() == now.date() else f"since {began:%Y-%m-%d %H:%M}"
    return since if times == 1 else f"{times} times {since}"
