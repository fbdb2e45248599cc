"""When two replies to the same write are the same: the rules for reads, and these."""

from __future__ import annotations

from tests.differential.compare import CLOCK_TOLERANCE_S as TOLERANCE_S
from tests.differential.compare import (
    VERSION_DIFFERENCES,
    Rule,
    equal,
    equal_scores,
    near,
    near_milliseconds,
    near_seconds,
    plain_facts,
    rule_for,
    same_kind,
    same_places,
    same_shape,
    shown,
)
from tests.differential.wire import Reply, Words

# Names whose second word says what is done.
CONTAINERS = {"OBJECT", "XINFO", "XGROUP", "DEBUG", "MEMORY", "SCRIPT", "CONFIG", "CLIENT"}


def name_of(words: Words) -> str:
    """A command's name, with its subcommand where it has some, in capitals."""
    name = words[0].decode("latin-1").upper()
    if name in CONTAINERS and len(words) > 1:
        return f"{name} {words[1].decode('latin-1').upper()}"
    return name


def moments_rounded(fact: object) -> object:
    """Facts in which the moments of the last hours are one moment."""
    if isinstance(fact, dict):
        return {name: moments_rounded(each) for name, each in fact.items()}
    if isinstance(fact, list):
        return [moments_rounded(each) for each in fact]
    kind, value = fact if isinstance(fact, tuple) else (None, None)
    recent = kind == ":" and isinstance(value, int) and 1_750_000_000_000 < value < 4 * 10**12
    return "a moment" if recent else fact


def told_alike(fact: object) -> object:
    """Facts without what the versions tell differently. 7.2 makes a consumer of whoever reads or
    claims, 7.0 of who has got something: so without consumers that hold nothing, and their number.
    And 7.2 knows no lag where a deletion hides it."""
    if isinstance(fact, dict):
        kept = {name: told_alike(each) for name, each in fact.items() if name != b"lag"}
        return {name: each for name, each in kept.items() if not is_count(name, each)}
    if isinstance(fact, list):
        fact = [told_alike(each) for each in fact if not is_idle_consumer(each)]
    return NOTHING if fact == [] else fact


# An empty array, as facts have it.
NOTHING: tuple[str, list[object]] = ("*", [])


def is_count(name: object, fact: object) -> bool:
    """Whether this is the number of a group's consumers."""
    return name == b"consumers" and isinstance(fact, tuple) and fact != NOTHING


def is_idle_consumer(fact: object) -> bool:
    """Whether these are the facts of a consumer, not of a group, that holds nothing."""
    if not isinstance(fact, dict) or b"last-delivered-id" in fact:
        return False
    return (":", 0) in (fact.get(b"pel-count"), fact.get(b"pending"))


def same_facts(theirs: Reply, ours: Reply) -> bool:
    """XINFO's facts, where both sides' clocks moved on."""
    if theirs.is_error or ours.is_error:
        return theirs == ours
    facts = [told_alike(moments_rounded(plain_facts(reply))) for reply in (theirs, ours)]
    return facts[0] == facts[1]


def same_pending(theirs: Reply, ours: Reply) -> bool:
    """XPENDING: the summary as it is, entries but for their idle times."""
    entries = list(zip(theirs.items, ours.items, strict=False))
    if not entries or any(len(pair[0].items) != 4 for pair in entries):
        return theirs == ours
    same = len(theirs.items) == len(ours.items)
    return same and all(same_pending_entry(*pair) for pair in entries)


def same_pending_entry(theirs: Reply, ours: Reply) -> bool:
    """ID, consumer, idle time, deliveries."""
    a, b = theirs.items, ours.items
    if len(a) != len(b):
        return False
    return [*a[:2], a[3]] == [*b[:2], b[3]] and near(a[2], b[2], TOLERANCE_S * 1000)


def no_random_key(theirs: Reply, ours: Reply) -> bool:
    """RANDOMKEY's: another is as good."""
    return theirs.kind == ours.kind


RULES: dict[str, Rule] = {
    "RANDOMKEY": no_random_key,
    "EXPIRETIME": near_seconds,
    "PEXPIRETIME": near_milliseconds,
    "XPENDING": same_pending,
    **dict.fromkeys(["XINFO STREAM", "XINFO GROUPS", "XINFO CONSUMERS"], same_facts),
    **dict.fromkeys(["BZPOPMIN", "BZPOPMAX", "BZMPOP"], equal_scores),
    **dict.fromkeys(["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "SPOP"], same_shape),
    "EVAL": equal,
    "OBJECT REFCOUNT": same_kind,
}
PLACES = {"GEOSEARCH", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO", "GEORADIUS", "GEORADIUSBYMEMBER"}


def never_asked(words: Words) -> Reply:
    """What stands for the peer where a rule needs no more from it."""
    raise AssertionError(f"this rule asks nothing: {words!r}")


def same(words: Words, theirs: Reply, ours: Reply) -> bool:
    """Whether the replies to a command are the same, or differ as versions do."""
    if theirs == ours:
        return True
    name = name_of(words)
    if name in PLACES:
        alike = same_places(words, theirs, ours, never_asked)
    else:
        alike = (RULES.get(name) or rule_for(name))(theirs, ours)
    return alike or known(name, theirs, ours)


def known(name: str, theirs: Reply, ours: Reply) -> bool:
    """Whether a difference of the versions explains it."""
    return any(difference.covers(name, theirs, ours) for difference in VERSION_DIFFERENCES)


def told(theirs: Reply, ours: Reply) -> str:
    """Both replies, to be read."""
    return f"redis-server {shown(theirs)[:400]}\nredtool      {shown(ours)[:400]}"
