"""When two replies to the same question are the same, command by command.

Most must be equal to the byte. The exceptions, each with its rule: commands without an order are
compared as multisets, random ones by size and membership, SCAN and its like by the whole walk,
clocks within some seconds, and estimates (MEMORY USAGE, OBJECT FREQ) by kind. What differs because
redtool speaks Redis 7.2 and the peer is 7.0 stands in `VERSION_DIFFERENCES`, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

from .wire import Ask, Reply, Words

CLOCK_TOLERANCE_S = 20


@dataclass(frozen=True)
class VersionDifference:
    """Replies that may differ: to which commands, the peer's as a pattern, ours, and why."""

    commands: str
    theirs: str
    ours: str
    reason: str

    def covers(self, name: str, theirs: Reply, ours: Reply) -> bool:
        """Whether it explains this pair."""
        return bool(
            re.fullmatch(self.commands, name)
            and re.fullmatch(self.theirs, shown(theirs))
            and re.fullmatch(self.ours, shown(ours))
        )


VERSION_DIFFERENCES = [
    VersionDifference(
        "OBJECT ENCODING",
        r"\$hashtable",
        r"\$listpack",
        "7.2 packs small sets of texts into listpacks, 7.0 has no such encoding",
    ),
    VersionDifference(
        "OBJECT ENCODING",
        r"\$quicklist",
        r"\$listpack",
        "7.2 keeps a small list as a single listpack, 7.0 always as a quicklist",
    ),
    VersionDifference(
        "OBJECT ENCODING",
        r"\$raw",
        r"\$embstr",
        "the peer's PFCOUNT makes the string that it reads writable, and leaves it so",
    ),
    VersionDifference(
        "OBJECT ENCODING",
        r"\$skiplist",
        r"\$listpack",
        "the peer's SORT re-encodes the sorted set that it reads, and leaves it so",
    ),
    VersionDifference(
        "BITCOUNT|BITPOS",
        r":0|:-1|-WRONGTYPE .*",
        r"-ERR (syntax error|value is not an integer or out of range)",
        "7.2 reads all arguments before it looks at the key",
    ),
    VersionDifference(
        "SORT|SORT_RO",
        r"-ERR One or more scores can't be converted into double",
        r"\*.*",
        "7.0 believes an errno that an earlier command has left",
    ),
    VersionDifference(
        r"XPENDING|XINFO CONSUMERS|XGROUP \w+|XREADGROUP|XCLAIM|XAUTOCLAIM",
        r"-NOGROUP .*",
        r"-NOGROUP .*",
        "the peer's words end where a name has a NUL; what is no UTF-8 is replaced in ours",
    ),
    VersionDifference(
        "XREAD|XREADGROUP",
        r"-ERR Unbalanced XREAD list of streams.*",
        r"-ERR Unbalanced 'xread(group)?' list of streams.*",
        "7.2 says the command's name in quotes",
    ),
    VersionDifference(
        "XREAD",
        r"-ERR Invalid stream ID .*",
        r"null.*|(?s:[*%].*)|-WRONGTYPE .*",
        "`+`, the last message, is of 7.4, and what follows it is looked at",
    ),
    VersionDifference(
        "XGROUP CREATECONSUMER",
        r":1",
        r":0",
        "in 7.2 whoever reads or claims is a consumer from then on, in 7.0 who has got something",
    ),
    VersionDifference(
        "XSETID",
        r"-ERR The ID specified in XSETID is smaller than the target stream top item",
        r"-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        "7.2 looks at the largest deleted id too, and first",
    ),
    VersionDifference(
        "ZRANK|ZREVRANK",
        r"-ERR wrong number of arguments for '\w+' command",
        r"-ERR syntax error|[$*:].*|null.*",
        "7.2 added WITHSCORE, so a third word is not one too many",
    ),
]


def shown(reply: Reply) -> str:
    """A reply as a line of text, its kind first."""
    if reply.items:
        return f"{reply.kind}[{', '.join(shown(item) for item in reply.items)}]"
    if isinstance(reply.value, bytes):
        return reply.kind + reply.value.decode("utf-8", "backslashreplace")
    return f"{reply.kind}{reply.value}"


def number(reply: Reply) -> float | None:
    """A reply as a number, if it is one or the text of one."""
    try:
        value = float(reply.value)
    except (TypeError, ValueError):
        return None
    return None if isnan(value) else value


def equal(theirs: Reply, ours: Reply) -> bool:
    """Equal to the byte."""
    return theirs == ours


def equal_scores(theirs: Reply, ours: Reply) -> bool:
    """Equal, where a double may be printed with 17 digits (7.0) or in its shortest form (7.2)."""
    if theirs.items or ours.items:
        pairs = zip(theirs.items, ours.items, strict=False)
        sizes = theirs.kind == ours.kind and len(theirs.items) == len(ours.items)
        return sizes and all(equal_scores(*pair) for pair in pairs)
    if theirs == ours:
        return True
    value = number(theirs)
    return theirs.kind == ours.kind and value is not None and value == number(ours)


def sorted_items(reply: Reply, step: int = 1) -> Reply:
    """An array in an order of its own, `step` items staying together."""
    if not reply.items:
        return reply
    starts = range(0, len(reply.items), step)
    groups = sorted((reply.items[at : at + step] for at in starts), key=repr)
    return Reply(reply.kind, [item for group in groups for item in group])


def unordered(theirs: Reply, ours: Reply) -> bool:
    """The same items in any order."""
    return equal_scores(sorted_items(theirs), sorted_items(ours))


def unordered_pairs(theirs: Reply, ours: Reply) -> bool:
    """The same pairs (field and value) in any order."""
    return sorted_items(theirs, 2) == sorted_items(ours, 2)


def same_kind(theirs: Reply, ours: Reply) -> bool:
    """Both an integer, both a bulk string, or the same error or null."""
    if theirs.is_error or theirs.kind == "null":
        return theirs == ours
    return theirs.kind == ours.kind


def same_shape(theirs: Reply, ours: Reply) -> bool:
    """Arrays of the same sizes all the way down."""
    if theirs.is_error or theirs.kind == "null":
        return theirs == ours
    if theirs.kind != ours.kind or len(theirs.items) != len(ours.items):
        return False
    return all(same_shape(*pair) for pair in zip(theirs.items, ours.items, strict=True))


def near(theirs: Reply, ours: Reply, tolerance: float) -> bool:
    """Equal but for integers that a clock has moved on between the two questions."""
    if theirs.kind == ":" == ours.kind and min(theirs.value, ours.value) >= 0:
        return bool(abs(theirs.value - ours.value) <= tolerance)
    if not theirs.items:
        return theirs == ours
    if theirs.kind != ours.kind or len(theirs.items) != len(ours.items):
        return False
    return all(near(*pair, tolerance) for pair in zip(theirs.items, ours.items, strict=True))


def near_seconds(theirs: Reply, ours: Reply) -> bool:
    """A TTL."""
    return near(theirs, ours, CLOCK_TOLERANCE_S)


def near_milliseconds(theirs: Reply, ours: Reply) -> bool:
    """A PTTL, an idle time."""
    return near(theirs, ours, CLOCK_TOLERANCE_S * 1000)


def pairs_of(reply: Reply) -> dict[bytes, Reply]:
    """Names and values out of a map or a flat array."""
    values = reply.items
    return {values[at].value: values[at + 1] for at in range(0, len(values) - 1, 2)}


# What says how something is stored, and what 7.2 added to 7.0's answers.
STORAGE_FACTS = {b"radix-tree-keys", b"radix-tree-nodes"}
NEW_FACTS = {b"inactive", b"active-time"}


def plain_facts(reply: Reply) -> object:
    """XINFO's facts by name, without storage facts and newer ones; times are left out as well."""
    first = reply.items[0] if reply.items else None
    if first is None:
        return (reply.kind, reply.value)
    if first.kind != "$" or first.value not in FACT_NAMES:
        return [plain_facts(item) for item in reply.items]
    left_out = STORAGE_FACTS | NEW_FACTS | {b"idle"}
    facts = pairs_of(reply).items()
    return {name: plain_facts(value) for name, value in facts if name not in left_out}


# The first fact of each kind of XINFO answer: a stream, a group or consumer, and a FULL one's.
FACT_NAMES = {b"length", b"name"}


def same_facts(theirs: Reply, ours: Reply) -> bool:
    """The same facts in the same words."""
    return theirs.kind == ours.kind and plain_facts(theirs) == plain_facts(ours)


def leaves(reply: Reply) -> list[Reply]:
    """All replies that are not arrays, in order."""
    if reply.kind in "*~%":
        return [leaf for item in reply.items for leaf in leaves(item)]
    return [reply]


def random_pick(words: Words, theirs: Reply, ours: Reply, peer: Ask) -> bool:
    """As many as the peer picked, all from the key; all distinct if the count is positive."""
    if not same_shape(theirs, ours):
        return False
    if theirs.is_error or theirs.kind == "null":
        return True
    whole = {"SRANDMEMBER": [b"SMEMBERS"], "HRANDFIELD": [b"HGETALL"]}
    listing = whole.get(words[0].decode().upper(), [b"ZRANGE"])
    tail = [b"0", b"-1", b"WITHSCORES"] if listing == [b"ZRANGE"] else []
    known = {text(leaf) for leaf in leaves(peer([*listing, words[1], *tail]))}
    picked = leaves(ours)
    distinct = len(words) == 3 and not words[2].startswith(b"-")
    repeats = len(picked) - len({leaf.value for leaf in picked})
    return known.issuperset(map(text, picked)) and not (distinct and repeats)


def text(leaf: Reply) -> object:
    """A leaf's value, scores as numbers however they were printed."""
    value = number(leaf)
    return leaf.value if value is None else value


def walk(ask: Ask, words: Words, at: int) -> tuple[object, set[object]]:
    """A whole SCAN from the cursor at place `at`: an error's words, or all that was seen."""
    seen: set[object] = set()
    paired = words[0].upper() in (b"HSCAN", b"ZSCAN")
    for _ in range(100_000):
        reply = ask(words)
        if reply.is_error:
            return reply, seen
        cursor, found = reply.items
        parts = [text(item) for item in found.items]
        seen.update(zip(parts[::2], parts[1::2], strict=True) if paired else parts)
        if cursor.value == b"0":
            return None, seen
        words = [*words[:at], cursor.value, *words[at + 1 :]]
    raise AssertionError(f"the cursor of {words!r} never comes back to 0")


def same_walk(words: Words, peer: Ask, ours: Ask) -> bool:
    """The same elements over the whole walk, or the same error."""
    at = 1 if words[0].upper() == b"SCAN" else 2
    started = len(words) > at and words[at].strip() == b"0"
    if not started:
        theirs, mine = peer(words), ours(words)
        if at == 1 and mine.is_error and b"invalid cursor" in mine.value:
            # Cursors of SCAN are places that redtool gave out; others are refused, see the README.
            return True
        return theirs == mine if theirs.is_error else not mine.is_error
    return walk(peer, words, at) == walk(ours, words, at)


def same_sort(words: Words, theirs: Reply, ours: Reply, peer: Ask) -> bool:
    """In order; as a multiset without one (BY a constant) or with ties that are left open.

    Ties come from BY, and from ALPHA, which compares as C compares texts: up to a NUL.
    """
    upper = [word.upper() for word in words]
    loose = b"BY" in upper
    if not loose and b"ALPHA" in upper and not theirs.is_error:
        whole = peer([b"SORT_RO", words[1], b"BY", b"nosort"])
        loose = any(b"\0" in item.value for item in whole.items)
    if not loose:
        return theirs == ours
    return same_shape(theirs, ours) if b"LIMIT" in upper else unordered(theirs, ours)


def same_places(words: Words, theirs: Reply, ours: Reply, _: Ask) -> bool:
    """In order when one is asked for; a COUNT with ANY may pick others."""
    upper = [word.upper() for word in words]
    if b"ANY" in upper:
        return same_shape(theirs, ours)
    if {b"ASC", b"DESC", b"COUNT"} & set(upper):
        return equal_scores(theirs, ours)
    return unordered(theirs, ours)


Rule = Callable[[Reply, Reply], bool]
RULES: dict[str, Rule] = {
    **dict.fromkeys(["SMEMBERS", "SUNION", "SINTER", "SDIFF", "HKEYS", "HVALS", "KEYS"], unordered),
    "HGETALL": unordered_pairs,
    "RANDOMKEY": same_kind,
    **dict.fromkeys(["DUMP", "MEMORY USAGE", "OBJECT IDLETIME", "OBJECT REFCOUNT"], same_kind),
    "TTL": near_seconds,
    "PTTL": near_milliseconds,
    "XPENDING": near_milliseconds,
    **dict.fromkeys(["XINFO STREAM", "XINFO GROUPS", "XINFO CONSUMERS"], same_facts),
}
WordRule = Callable[[Words, Reply, Reply, Ask], bool]
WORD_RULES: dict[str, WordRule] = {
    "SORT_RO": same_sort,
    **dict.fromkeys(["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"], random_pick),
    **dict.fromkeys(["GEOSEARCH", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO"], same_places),
}
WALKS = {"SCAN", "SSCAN", "HSCAN", "ZSCAN"}


def rule_for(name: str) -> Rule:
    """The rule of a command that needs nothing but the two replies."""
    return RULES.get(name, equal_scores if name[0] == "Z" or name.startswith("GEO") else equal)


def difference(name: str, words: Words, peer: Ask, ours: Ask) -> str | None:
    """What differs in the answers to a question, or None."""
    if name in WALKS:
        return None if same_walk(words, peer, ours) else "the walks differ"
    if "LEX" in name and words[1].startswith(b"zset:"):
        # By name is unspecified where scores differ; only errors must be the same.
        theirs, mine = peer(words), ours(words)
        same = theirs == mine if theirs.is_error or mine.is_error else True
        return None if same else f"redis-server {shown(theirs)}, redtool {shown(mine)}"
    theirs, mine = peer(words), ours(words)
    if name in WORD_RULES:
        same = WORD_RULES[name](words, theirs, mine, peer)
    else:
        same = rule_for(name)(theirs, mine)
    if same or any(known.covers(name, theirs, mine) for known in VERSION_DIFFERENCES):
        return None
    return f"redis-server {shown(theirs)[:300]}\n    redtool      {shown(mine)[:300]}"
