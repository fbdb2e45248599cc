"""Commands that are judged one at a time, since their replies are not known by their words.

Some choose: SPOP, SRANDMEMBER, XADD with `*`. Each is judged by whether it could have chosen so,
and then both sides are set to the same state. Some leave open what they answer: a SCAN's cursors,
the order of names among unequal scores; those are walked to the end or left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.differential.compare import difference, same_shape
from tests.differential.wire import Ask, Reply, Words

from .judge import name_of, same, told

PICKS = {"SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"}
WALKS = {"SCAN", "SSCAN", "HSCAN", "ZSCAN"}


@dataclass
class Sides:
    """Both servers as something to ask."""

    peer: Ask
    ours: Ask

    def both(self, words: Words) -> tuple[Reply, Reply]:
        """The replies to one command."""
        return self.peer(words), self.ours(words)


def by_name(words: Words) -> bool:
    """Whether members are taken by name."""
    return "LEX" in name_of(words) or b"BYLEX" in (word.upper() for word in words)


def takes_the_moment(words: Words) -> bool:
    """An XADD that makes its ID out of the time."""
    return name_of(words) == "XADD" and b"*" in words


def judged_apart(words: Words) -> bool:
    """Whether a command is one of these."""
    name = name_of(words)
    apart = PICKS | WALKS | {"SPOP", "SORT_RO", "SORT"}
    return name in apart or takes_the_moment(words) or by_name(words)


def judge_apart(words: Words, sides: Sides) -> str | None:
    """What differs, both sides being in the same state afterwards; or None."""
    name = name_of(words)
    if name == "SPOP":
        return judge_pop(words, sides)
    if takes_the_moment(words):
        return judge_moment(words, sides)
    if by_name(words) and not has_equal_scores(words, sides):
        return None
    if name in PICKS | WALKS | {"SORT_RO"}:
        return difference(name, words, sides.peer, sides.ours)
    if name == "SORT" and b"STORE" not in (word.upper() for word in words):
        return difference("SORT_RO", [b"SORT", *words[1:]], sides.peer, sides.ours)
    theirs, ours = sides.both(words)
    return None if same(words, theirs, ours) else told(theirs, ours)


def has_equal_scores(words: Words, sides: Sides) -> bool:
    """Whether the sorted sets named have one score each: else what is found is left open."""
    for key in words[1:3]:
        listed = sides.peer([b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])
        if listed.is_error or not listed.items:
            continue
        flat = [leaf for item in listed.items for leaf in (item.items or [item])]
        if len({leaf.value for leaf in flat[1::2]}) > 1:
            return False
    return True


def values_of(reply: Reply) -> set[bytes]:
    """What an array holds, or the one value that a reply is."""
    if reply.kind == "null":
        return set()
    return {item.value for item in reply.items} if reply.kind in "*~" else {reply.value}


def judge_pop(words: Words, sides: Sides) -> str | None:
    """SPOP: as many of the set's members, none twice; then the peer's choice on both sides."""
    before = values_of(sides.peer([b"SMEMBERS", words[1]])) if len(words) > 1 else set()
    theirs, ours = sides.both(words)
    if theirs.is_error or ours.is_error:
        return None if same(words, theirs, ours) else told(theirs, ours)
    chosen, mine = values_of(theirs), values_of(ours)
    distinct = not ours.items or len(mine) == len(ours.items)
    if not same_shape(theirs, ours) or not mine <= before or not distinct:
        return told(theirs, ours)
    if chosen != mine:
        set_members(words[1], sorted(before - chosen), sides)
    return None


def set_members(key: bytes, members: list[bytes], sides: Sides) -> None:
    """The same set on both sides, whatever its form was before; its expiry stays."""
    expire_at_ms = sides.peer([b"PEXPIRETIME", key]).value
    for side in (sides.peer, sides.ours):
        side([b"DEL", key])
        side([b"SADD", key, *members])
        if expire_at_ms > 0:
            side([b"PEXPIREAT", key, b"%d" % expire_at_ms])


def judge_moment(words: Words, sides: Sides) -> str | None:
    """XADD with `*`: an ID of either side's clock, then away with the stream."""
    theirs, ours = sides.both(words)
    alike = theirs == ours if theirs.is_error or theirs.kind == "null" else theirs.kind == ours.kind
    if len(words) > 1 and not theirs.is_error:
        sides.both([b"DEL", words[1]])
    return None if alike else told(theirs, ours)
