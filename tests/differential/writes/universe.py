"""Few keys, so that commands meet wrong types, existing values and expiries; values of every kind.

A key's name says what is mostly in it: a maker asks for a key of its kind and gets another now
and then. The pools of members are small too, so that commands hit.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.differential.data import NOT_QUITE_NUMBERS, NUMBERS, STRANGE, Known
from tests.differential.questions import Maker
from tests.differential.wire import Words

KEYS = {
    "string": [b"str:1", b"str:2", b"bits:1"],
    "hll": [b"hll:1", b"hll:2"],
    "list": [b"list:1", b"list:2"],
    "set": [b"set:1", b"set:2"],
    "hash": [b"hash:1", b"hash:2"],
    "zset": [b"zset:1", b"zset:2"],
    "lex": [b"lex:1"],
    "geo": [b"geo:1", b"geo:2"],
    "stream": [b"stream:1", b"stream:2"],
}
GROUPS = [b"group:0", b"group:1", b"group:2"]
IDS = [b"1-1", b"2-0", b"5-5", b"100-0", b"1000000-0", b"1000001-1", b"1000000-7", b"1000100-2"]
# Past a packed element's limit, at it, at an embedded string's (44), and past a list node's.
LENGTHS = [44, 45, 64, 65, 200, 3000, 9000]
SCORES = [b"0", b"1", b"-1", b"1.5", b"0.1", b"inf", b"-inf", b"1e20", b"3.25", b"-7", b"1e-5"]
SCORES += [b"+inf", b"9007199254740993", b"-0", b"1e400"]
BAD_SCORES = [b"nan", b"x", b"", b"1 ", b"(1"]
FLOATS = [b"0", b"1", b"-1.5", b"0.1", b"3.0e3", b"1e-7", b"5", b"10.25", b"-3"]
BAD_FLOATS = [b"inf", b"nan", b"x", b"", b" 1", b"1e5000", b"-inf", b"1e400"]
# So far from now that no run sees the moment pass.
FAR_MS = 4_102_444_800_000


def pool() -> list[bytes]:
    """Members, fields and elements: texts, integers of each width, strange ones, long ones."""
    texts = [b"m%d" % at for at in range(12)]
    numbers = [b"%d" % at for at in range(-2, 6)] + [b"40000", b"-3000000000", NUMBERS[-1]]
    # An element that has a NUL is like no other up to it: SORT ALPHA compares that far.
    odd = [word for word in STRANGE if b"\0" not in word] + [b"nul\0inside"]
    return texts + numbers + odd + NOT_QUITE_NUMBERS[:5] + [b"L" * 64, b"L" * 65]


class WriteMaker(Maker):
    """Words for writes to the universe."""

    def __init__(self, rng: Random, payloads: list[bytes]) -> None:
        known = Known()
        known.keys.update(KEYS)
        known.parts = {key: pool() for keys in KEYS.values() for key in keys}
        for kind, parts in {"stream": IDS, "geo": [b"place:%d" % at for at in range(8)]}.items():
            known.parts.update(dict.fromkeys(KEYS[kind], parts))
        super().__init__(known, rng)
        self.payloads = payloads

    def chance(self, chance: float) -> bool:
        """True so often."""
        return self.rng.random() < chance

    def value(self) -> bytes:
        """What a string, element or field may hold."""
        chance = self.rng.random()
        if chance < 0.35:
            return self.pick(pool())
        if chance < 0.6:
            return b"%d" % self.rng.randint(-1000, 1000)
        if chance < 0.75:
            return self.pick(NUMBERS + NOT_QUITE_NUMBERS + STRANGE)
        if chance < 0.85:
            return self.rng.randbytes(self.rng.randrange(12))
        if chance < 0.93:
            return b"text %d" % self.rng.randrange(10**6)
        return self.pick([b"z", b"7", b"\xe9"]) * self.rng.choice(LENGTHS)

    def members(self, key: bytes) -> Words:
        """A few members; now and then so many that the packed forms end."""
        if self.chance(0.03):
            return self.bulk(self.rng.choice([120, 129, 500, 515]))
        return [self.part(key) for _ in range(self.rng.randint(1, 5))]

    def bulk(self, count: int) -> Words:
        """Many distinct members."""
        form = self.pick([b"%d", b"bulk:%d", b"9999999%d"])
        return [form % at for at in range(count)]

    def integer(self) -> bytes:
        """An increment: small, at an edge, or not an integer."""
        chance = self.rng.random()
        if chance < 0.7:
            return b"%d" % self.rng.randint(-100, 100)
        return self.pick(NUMBERS if chance < 0.93 else NOT_QUITE_NUMBERS)

    def fraction(self) -> bytes:
        """An increment with a fraction, or not a number at all."""
        return self.good(FLOATS, BAD_FLOATS)

    def score(self) -> bytes:
        """A score, or not one."""
        if self.chance(0.3):
            return b"%d" % self.rng.randint(-20, 20)
        return self.good(SCORES, BAD_SCORES) if self.chance(0.5) else self.pick(SCORES[:5])

    def index(self) -> bytes:
        """A place in a list or string from either end."""
        return self.number(-20, 20)

    def expiry(self, unit: bytes) -> bytes:
        """A number of seconds or milliseconds that is far ahead, or a wrong one."""
        far = {b"EX": 10_000, b"PX": 10_000_000, b"EXAT": FAR_MS // 1000, b"PXAT": FAR_MS}
        right = [b"%d" % (far[unit.upper()] + at) for at in (0, 1, 1000)]
        wrong = [b"0", b"-1", b"x", b"", b"9223372036854775807", b"1.5", b"-9223372036854775808"]
        return self.good(right, wrong)

    def expiry_option(self) -> Words:
        """EX and its like, and its number."""
        unit = self.pick([b"EX", b"PX", b"EXAT", b"PXAT", b"ex"])
        return [unit, self.expiry(unit)]

    def other(self, key: bytes) -> bytes:
        """A key of the same kind most of the time."""
        for keys in KEYS.values():
            if key in keys and self.chance(0.8):
                return self.pick(keys)
        return self.key()

    def some(self, *options: Words, chance: float = 0.3) -> Words:
        """Each of the options so often, in any order."""
        chosen = [option for option in options if self.chance(chance)]
        self.rng.shuffle(chosen)
        return [word for option in chosen for word in option]


Write = Callable[[WriteMaker], Words]
WRITES: dict[str, Write] = {}


def write(*names: str) -> Callable[[Write], Write]:
    """Register the maker of some commands' arguments."""

    def register(made: Write) -> Write:
        for name in names:
            WRITES[name] = made
        return made

    return register
