"""Options that several verbs have, each written once, and the values that are read out of them."""

from __future__ import annotations

from redtool.cli.rows import Option, integer, text
from redtool.times import clock, duration_ms, ttl_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from redtool.cli.rows import Values
    from redtool.filters import Filters
    from redtool.transforms import Transforms

    Parse = Callable[[str], Any]

database = integer(0, 2**31 - 1)


def duration(word: str) -> int:
    """Checked here, so that a bad one is a usage error."""
    return duration_ms(word)


def ttl(word: str) -> str:
    """A range of times to live: checked here, handed on as it was written."""
    ttl_range(word)
    return word


def type_name(word: str) -> str:
    """One of Redis' types."""
    from redtool.filters import TYPES

    if word not in TYPES:
        raise ValueError(f"{word!r} is none of {', '.join(TYPES)}")
    return word


def pair(word: str) -> tuple[str, str]:
    """A name and its value."""
    name, equals, value = word.partition("=")
    if not (name and equals):
        raise ValueError(f"{word!r} is not NAME=VALUE")
    return name, value


def sample(word: str) -> tuple[int, int]:
    """A fraction of all keys."""
    from redtool.filters import fraction

    return fraction(word)


def slots(word: str) -> tuple[int, int]:
    """A range of cluster slots."""
    from redtool.filters import slots

    return slots(word)


def bucket(word: str) -> tuple[int, int]:
    """One of N buckets."""
    from redtool.filters import bucket

    return bucket(word)


def _filter(name: str, flag: str, metavar: str, help: str, parse: Parse = text) -> Option:
    return Option(name, (flag,), help, metavar=metavar, many=True, panel="Filters", parse=parse)


FILTERS = (
    _filter("keys", "--key", "GLOB", "Keys that match, as KEYS does (repeatable)."),
    _filter("regex", "--regex", "RE", "Keys in which it is found (repeatable)."),
    _filter("types", "--type", "TYPE", "string, list, set, zset, …", parse=type_name),
    _filter("dbs", "--db", "N", "Databases (repeatable).", parse=database),
    Option(
        "ttl",
        ("--ttl",),
        "none, any, or time left: <1h, >7d, 1h..7d.",
        metavar="RANGE",
        parse=ttl,
        panel="Filters",
    ),
    _filter("exclude_keys", "--exclude", "GLOB", "Leave out keys that match."),
    _filter("exclude_regex", "--exclude-regex", "RE", "Leave out keys in which it is found."),
    _filter("exclude_types", "--exclude-type", "TYPE", "Leave out a type.", parse=type_name),
    _filter("exclude_dbs", "--exclude-db", "N", "Leave out a database.", parse=database),
    Option(
        "sample",
        ("--sample",),
        "A fraction of the keys, by their names: 1%, 0.5%, 1/100.",
        metavar="PART",
        parse=sample,
        panel="Filters",
    ),
    Option(
        "seed",
        ("--seed",),
        "Another seed samples other keys.",
        metavar="N",
        parse=integer(0, 2**64 - 1),
        default="0",
        panel="Filters",
    ),
    _filter("slots", "--slot", "A-B", "Redis Cluster slots: 0-5460 (repeatable).", parse=slots),
    Option(
        "bucket",
        ("--bucket",),
        "The K-th of N parts of the keys, by their names.",
        metavar="K/N",
        parse=bucket,
        panel="Filters",
    ),
)


def _by(name: str) -> Parse:
    """A parser of `redtool.transforms`, which is imported when there is something to parse."""

    def parse(word: str) -> Any:
        from redtool import transforms

        return getattr(transforms, name)(word)

    return parse


def _checked(name: str) -> Parse:
    """Checked here, so that a bad one is a usage error; handed on as it was written."""

    def parse(word: str) -> str:
        _by(name)(word)
        return word

    return parse


def _change(
    name: str, metavar: str, help: str, parse: Parse = text, *, many: bool = False
) -> Option:
    flag = f"--{name.replace('_', '-')}"
    return Option(name, (flag,), help, metavar=metavar, many=many, panel="Transforms", parse=parse)


TRANSFORMS = (
    _change("map", "SCRIPT", "A Python file whose map(entry) gives what becomes of each; slow."),
    _change(
        "rename",
        "OLD=NEW",
        "Prefixes of keys: old:=new: (repeatable; the first that fits).",
        _checked("prefix_pair"),
        many=True,
    ),
    _change(
        "rename_regex",
        "RE=>REPL",
        "What is found in keys; $1 is a group (repeatable; the first found).",
        _checked("regex_pair"),
        many=True,
    ),
    _change("map_db", "A=B", "Database A goes into B (repeatable).", _by("db_pair"), many=True),
    _change("ttl_shift", "TIME", "Move expiries, of hash fields too: +1h, -30m.", _by("shift_ms")),
    Option("ttl_drop", ("--ttl-drop",), "Nothing expires any more.", panel="Transforms"),
    _change("ttl_set", "WHEN", "Every key expires then: 7d, 2026-01-31T12:00Z.", _by("moment_ms")),
    _change("ttl_default", "WHEN", "Keys without an expiry expire then.", _by("moment_ms")),
    _change(
        "mask",
        "WHAT",
        "Other letters and digits in values, keys or all; values=user:* of some (repeatable).",
        _checked("mask_scope"),
        many=True,
    ),
    _change("mask_keys", "PARTS", "Of keys, only parts with digits, or with a match: digits, RE."),
    _change("mask_key", "SECRET", "Mask as in every run with this secret; @FILE holds it."),
)
# For verbs whose target can hold everything but what a mask cannot do.
UNMASKED = Option(
    "lossy", ("--lossy",), "Leave out what cannot be masked, counted.", panel="Transforms"
)

JSON = Option("json", ("--json",), "Print the result as JSON on stdout.", panel="Output")
QUIET = Option("quiet", ("--quiet", "-q"), "No progress, no account.", panel="Output")
OUTPUT = (JSON, QUIET)

NO_CHECKSUM = Option("no_checksum", ("--no-checksum",), "Do not check the source's CRC-64.")
FORCE = Option("force", ("--force", "-f"), "Replace the target when it is there already.")

REPORT = Option(
    "report", ("--report",), "Write the result as JSON there, also when it fails.", metavar="FILE"
)
DEAD_LETTERS = Option(
    "dead_letters",
    ("--dead-letter",),
    "Set damaged entries aside there and go on; the exit status is 2 all the same.",
    metavar="FILE",
)
CLOCK = Option(
    "clock",
    ("--clock",),
    "What time it is: now, dump (when it was taken), an ISO time.",
    metavar="TIME",
    parse=clock,
    default="now",
)
DATABASES = Option(
    "databases",
    ("--databases",),
    "How many databases there are.",
    metavar="N",
    parse=integer(1, 2**31 - 1),
    default="16",
)
REPLY_FORM = (
    Option("raw", ("--raw",), "The bytes of a reply, also on a terminal.", panel="Output"),
    Option("no_raw", ("--no-raw",), "For people, also in a pipe.", panel="Output"),
    Option("resp3", ("--resp3", "-3"), "Ask for RESP3's types.", panel="Output"),
)
TUNING = Option(
    "tuning",
    ("--option",),
    "Tune the store: block_size=16KB (repeatable).",
    metavar="NAME=VALUE",
    many=True,
    parse=pair,
)
MOVING = (FORCE, NO_CHECKSUM, DEAD_LETTERS, REPORT, TUNING)

DUMP_TARGET = (
    Option(
        "rdb_version",
        ("--rdb-version",),
        "Write this version of the format: 6 to 12, or 80 [that of the source].",
        metavar="N",
        parse=integer(1, 999),
        panel="RDB target",
    ),
    Option(
        "for_server",
        ("--for",),
        "Write what this server can load: redis-6.2, valkey-8, …",
        metavar="SERVER",
        panel="RDB target",
    ),
    Option(
        "lossy", ("--lossy",), "Leave out what the target cannot hold, counted.", panel="RDB target"
    ),
    Option("no_compress", ("--no-compress",), "Do not compress strings.", panel="RDB target"),
)

TEXT = (
    Option(
        "replace",
        ("--replace",),
        "Commands (resp, restore) replace keys that are there.",
        panel="Text target",
    ),
    Option(
        "elements", ("--elements",), "CSV has a row an element, not a key.", panel="Text target"
    ),
    Option(
        "template",
        ("--template",),
        "A line of keys: '{db} {key} {type} {encoding} {ttl} {expire_at_ms} {elements} {bytes}'"
        " [{key}].",
        metavar="TEXT",
        panel="Text target",
    ),
)

TABLE_TARGET = (
    Option(
        "create",
        ("--create",),
        "Make the table unless it is there, billed by request.",
        panel="DynamoDB target",
    ),
    Option(
        "capacity",
        ("--capacity",),
        "Make it with so many read and write units instead.",
        metavar="READ,WRITE",
        panel="DynamoDB target",
    ),
    Option(
        "native_ttl",
        ("--native-ttl",),
        "Let DynamoDB remove what has expired.",
        panel="DynamoDB target",
    ),
    Option(
        "max_wcu",
        ("--max-wcu",),
        "Use at most so many write capacity units a second.",
        metavar="UNITS",
        parse=integer(1, 10**9),
        panel="DynamoDB target",
    ),
)

MOVED = (
    "0 all is done",
    "2 trouble: bad usage, bad input, keys that failed; the target is as it was before, "
    "unless only single keys failed",
    "130 interrupted, 143 terminated; the target is as it was before",
)


def filters(values: Values) -> Filters:
    """The filters out of a verb's values."""
    from redtool.filters import Filters

    return Filters(**{option.name: values[option.name] for option in FILTERS})


def transforms(values: Values) -> Transforms:
    """The transforms out of a verb's values."""
    from redtool.transforms import Transforms

    return Transforms(**{option.name: values[option.name] for option in TRANSFORMS})
