"""Entries and truths brought to one form, in which equal meaning is equality.

Order of sets, hashes and sorted sets is gone, scores are doubles, and what a server version did not
say (an old stream's counters, a 5.0 consumer's exact times) is taken out of both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redtool import Entry

from .fixtures import unpacked

TYPES = {"string", "list", "set", "hash", "zset", "stream"}
STREAM_FACTS = ["length", "last_id", "first_id", "max_deleted_id", "entries_added"]

Form = dict[str, Any]


def true_group(group: dict[str, Any]) -> Form:
    """A consumer group as the truth tells it."""
    exact = group["pel_time"] == "exact"
    form: Form = {"last_delivered_id": group["last_delivered_id"]}
    if "entries_read" in group:
        form["entries_read"] = group["entries_read"]
    form["pel"] = {
        entry_id: (unpacked(consumer), at_ms if exact else None, count)
        for entry_id, consumer, at_ms, count in group["pel"]
    }
    form["consumers"] = {unpacked(one["name"]): true_consumer(one) for one in group["consumers"]}
    return form


def true_consumer(consumer: dict[str, Any]) -> Form:
    """A consumer as the truth tells it; -1 is how it says that nothing was ever read."""
    form: Form = {"pel": {pending[0] for pending in consumer["pel"]}}
    if "seen_time_ms" in consumer:
        form["seen_time_ms"] = consumer["seen_time_ms"]
    if "active_time_ms" in consumer:
        active_ms = consumer["active_time_ms"]
        form["active_time_ms"] = None if active_ms == -1 else active_ms
    return form


def true_stream(value: dict[str, Any]) -> Form:
    """A stream as the truth tells it."""
    form: Form = {fact: value[fact] for fact in STREAM_FACTS if fact in value}
    form["entries"] = [(i, [unpacked(part) for part in parts]) for i, parts in value["entries"]]
    form["groups"] = {unpacked(group["name"]): true_group(group) for group in value["groups"]}
    return form


TRUE_VALUES: dict[str, Callable[[Any], Any]] = {
    "string": unpacked,
    "list": lambda value: [unpacked(element) for element in value],
    "set": lambda value: {unpacked(member) for member in value},
    "hash": lambda value: {unpacked(field): unpacked(text) for field, text in value},
    "zset": lambda value: {unpacked(member): float(score) for member, score in value},
    "stream": true_stream,
}


def true_value(kind: str, value: Any) -> Any:
    """A value as the truth tells it; of a module only whose it is."""
    reader = TRUE_VALUES.get(kind)
    return reader(value) if reader else kind


def truth_form(record: dict[str, Any]) -> Form:
    """A key's truth."""
    kind = record["type"]
    form: Form = {"type": kind if kind in TYPES else "module"}
    form["value"] = true_value(kind, record["value"])
    form["expire_at_ms"] = record["expire_ms"]
    if kind == "hash":
        expiries = record.get("field_expire_ms", [])
        form["field_expire_ms"] = {unpacked(field): at_ms for field, at_ms in expiries}
    return form


def entry_value(kind: str, value: Any, truth: Any) -> Any:
    """An entry's value; what a stream's truth does not say is left out."""
    if kind == "zset":
        return dict(value)
    if kind == "module":
        return value["module"]
    return entry_stream(value, truth) if kind == "stream" else value


def entry_stream(value: dict[str, Any], truth: Form) -> Form:
    """A stream as redtool tells it."""
    form: Form = {fact: value[fact] for fact in STREAM_FACTS if fact in truth}
    form["entries"] = [(entry_id, list(parts)) for entry_id, parts in value["entries"]]
    groups = {group["name"]: group for group in value["groups"]}
    known = truth["groups"]
    form["groups"] = {name: entry_group(groups[name], known.get(name, {})) for name in groups}
    return form


def entry_group(group: dict[str, Any], truth: Form) -> Form:
    """A consumer group as redtool tells it."""
    form: Form = {"last_delivered_id": group["last_delivered_id"]}
    if "entries_read" in truth:
        form["entries_read"] = group["entries_read"]
    exact = any(at_ms is not None for _, at_ms, _ in truth.get("pel", {}).values())
    form["pel"] = {
        entry_id: (consumer, at_ms if exact else None, count)
        for entry_id, consumer, at_ms, count in group["pel"]
    }
    known = truth.get("consumers", {})
    form["consumers"] = {
        one["name"]: entry_consumer(one, known.get(one["name"], {})) for one in group["consumers"]
    }
    return form


def entry_consumer(consumer: dict[str, Any], truth: Form) -> Form:
    """A consumer as redtool tells it."""
    form: Form = {"pel": set(consumer["pel"])}
    return form | {at: consumer[at] for at in ("seen_time_ms", "active_time_ms") if at in truth}


def entry_form(entry: Entry, truth: Form) -> Form:
    """An entry, in as much detail as its truth has."""
    form: Form = {"type": entry.type, "expire_at_ms": entry.expire_at_ms}
    form["value"] = entry.value
    if entry.type == truth["type"]:
        form["value"] = entry_value(entry.type, entry.value, truth["value"])
    if entry.type == "hash":
        form["field_expire_ms"] = entry.field_expire_ms or {}
    return form
