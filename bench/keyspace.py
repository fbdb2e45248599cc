"""The production-like keyspace of the bench: which keys, how many of each kind, and what they hold.

Everything comes from one seeded generator, so two builds hold the same data (their order on disk is
redis-server's own). `commands(keys)` yields the RESP bytes that build it, in batches.

Shares of the keys: 45 % sessions (JSON strings with a TTL), 20 % counters, 12 % hashes, 6 % lists,
6 % sorted sets, 4 % sets, 4 % sets of integers, 3 % streams (every third with consumer groups), and
per half million keys one giant of each collection type with 100,000 elements.
Session keys are `session:` and twelve digits, which is what redis-benchmark's `__rand_int__` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from peer import encode as command

# TTLs end between 2096 and 2112: no key expires while a bench runs, whichever year it runs in.
EXPIRY_BASE_MS = 4_000_000_000_000
EXPIRY_SPREAD_MS = 500_000_000_000
STREAM_BASE_MS = 1_700_000_000_000
BATCH_BYTES = 1 << 20

FIRST_NAMES = [
    "ada",
    "linus",
    "grace",
    "alan",
    "barbara",
    "edsger",
    "donald",
    "margaret",
    "ken",
    "dennis",
    "radia",
    "leslie",
]
LAST_NAMES = [
    "ng",
    "okafor",
    "silva",
    "kowalski",
    "tanaka",
    "haddad",
    "jensen",
    "rossi",
    "novak",
    "murphy",
    "costa",
    "ali",
]
CITIES = [
    "Lagos",
    "Lisbon",
    "Osaka",
    "Krakow",
    "Nairobi",
    "Lima",
    "Oslo",
    "Pune",
    "Quito",
    "Austin",
    "Tunis",
    "Hanoi",
]
ROLES = ["viewer", "editor", "admin", "billing", "support", "beta"]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "okhttp/4.12.0",
]
PATHS = ["/", "/cart", "/search?q=lamp", "/orders/last", "/account/settings", "/p/88213", "/help"]
EVENTS = ["click", "view", "purchase", "refund", "login", "logout"]

Maker = Callable[[Random, int], bytes]


def session_count(keys: int) -> int:
    """How many session keys a keyspace of `keys` has: they are numbered from 0 without a gap."""
    return keys * 45 // 100


def person(rng: Random) -> tuple[str, str]:
    """A first and a last name."""
    return rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)


def session_json(rng: Random) -> str:
    """A web session: random tokens that do not compress beside field names and texts that do."""
    first, last = person(rng)
    items = ",".join(
        f'{{"sku":"{rng.getrandbits(40):010x}","qty":{rng.randint(1, 5)},'
        f'"price":{rng.randint(100, 99999) / 100}}}'
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 4)))
    )
    return (
        f'{{"sid":"{rng.getrandbits(128):032x}","user":{{"id":{rng.getrandbits(28)},'
        f'"name":"{first.title()} {last.title()}","email":"{first}.{last}{rng.getrandbits(16)}'
        f'@example.com","role":"{rng.choice(ROLES)}"}},"ip":"10.{rng.getrandbits(8)}.'
        f'{rng.getrandbits(8)}.{rng.getrandbits(8)}","seen":{STREAM_BASE_MS + rng.getrandbits(33)},'
        f'"ua":"{rng.choice(AGENTS)}","path":"{rng.choice(PATHS)}",'
        f'"csrf":"{rng.getrandbits(64):016x}","cart":[{items}]}}'
    )


def session(rng: Random, number: int) -> bytes:
    """A JSON session with an absolute expiry."""
    expire_at_ms = EXPIRY_BASE_MS + int(rng.random() * EXPIRY_SPREAD_MS)
    return command("SET", f"session:{number:012d}", session_json(rng), "PXAT", expire_at_ms)


def counter(rng: Random, number: int) -> bytes:
    """An integer of any size: most small, some beyond 32 bits."""
    return command("SET", f"counter:{number:012d}", rng.getrandbits(rng.choice((6, 13, 20, 40))))


def profile(rng: Random, number: int) -> bytes:
    """A user's hash of 5 to 12 fields, a fifth of them with a TTL."""
    first, last = person(rng)
    fields: list[str | int] = [
        *("name", f"{first.title()} {last.title()}", "city", rng.choice(CITIES)),
        *("email", f"{first}.{last}{rng.getrandbits(20)}@example.com"),
        *("logins", rng.getrandbits(12), "created", STREAM_BASE_MS // 1000 + rng.getrandbits(24)),
    ]
    for extra in range(rng.randint(0, 7)):
        fields += [f"pref:{extra}", f"{rng.choice(ROLES)}-{rng.getrandbits(48):012x}"]
    made = command("HSET", f"user:{number:012d}", *fields)
    if number % 5 == 0:
        expire_at_ms = EXPIRY_BASE_MS + int(rng.random() * EXPIRY_SPREAD_MS)
        made += command("PEXPIREAT", f"user:{number:012d}", expire_at_ms)
    return made


def job(rng: Random) -> str:
    """One queued job."""
    return f'{{"job":"{rng.choice(EVENTS)}","id":{rng.getrandbits(40)},"try":{rng.randint(0, 3)}}}'


def queue(rng: Random, number: int) -> bytes:
    """A list of 2 to 16 jobs."""
    jobs = [job(rng) for _ in range(rng.randint(2, 16))]
    return command("RPUSH", f"queue:{number:012d}", *jobs)


def board(rng: Random, number: int) -> bytes:
    """A leaderboard of 4 to 30 players, integer scores and fractions mixed."""
    pairs: list[str | int] = []
    for _ in range(rng.randint(4, 30)):
        score = rng.getrandbits(20)
        pairs += [score if score & 3 else f"{score / 64}", f"player:{rng.getrandbits(24)}"]
    return command("ZADD", f"board:{number:012d}", *pairs)


def tags(rng: Random, number: int) -> bytes:
    """A set of 3 to 30 short strings."""
    members = [f"tag:{rng.getrandbits(20):x}" for _ in range(rng.randint(3, 30))]
    return command("SADD", f"tags:{number:012d}", *members)


def follows(rng: Random, number: int) -> bytes:
    """A set of 5 to 120 integers, kept as an intset."""
    bits = rng.choice((14, 30, 40))
    members = [rng.getrandbits(bits) for _ in range(rng.randint(5, 120))]
    return command("SADD", f"follows:{number:012d}", *members)


def stream_entry(key: str, rng: Random, at_ms: int) -> bytes:
    """One event with an explicit ID, so that the stream does not depend on the clock."""
    fields = ("kind", rng.choice(EVENTS), "user", rng.getrandbits(24), "path", rng.choice(PATHS))
    return command("XADD", key, f"{at_ms}-0", *fields)


def stream_group(key: str, ids: list[str], at_ms: int) -> bytes:
    """A group with two consumers; XCLAIM sets delivery times and counts without the clock."""
    made = command("XGROUP", "CREATE", key, "workers", ids[len(ids) // 2])
    for place, entry_id in enumerate(ids[: min(len(ids) // 2, 50)]):
        consumer = f"worker-{place % 2}"
        claim = ("XCLAIM", key, "workers", consumer, 0, entry_id, "TIME", at_ms + place)
        made += command(*claim, "RETRYCOUNT", 1 + place % 3, "FORCE", "JUSTID")
    return made


def make_stream(key: str, rng: Random, length: int, grouped: bool) -> Iterator[bytes]:
    """A stream of `length` events some milliseconds apart."""
    at_ms = STREAM_BASE_MS + rng.getrandbits(33)
    ids = []
    for _ in range(length):
        at_ms += rng.randint(1, 5000)
        ids.append(f"{at_ms}-0")
        yield stream_entry(key, rng, at_ms)
    if grouped:
        yield stream_group(key, ids, at_ms)


def events(rng: Random, number: int) -> bytes:
    """A stream of 3 to 24 events, every third with a consumer group."""
    key = f"events:{number:012d}"
    return b"".join(make_stream(key, rng, rng.randint(3, 24), number % 3 == 0))


# Kind, share of the keys in percent. Sessions come first: `session_count` names their share.
KINDS: list[tuple[Maker, int]] = [
    (session, 45),
    (counter, 20),
    (profile, 12),
    (queue, 6),
    (board, 6),
    (tags, 4),
    (follows, 4),
    (events, 3),
]


def giant_chunks(rng: Random, number: int, elements: int) -> Iterator[bytes]:
    """One giant of each collection type, built a thousand elements at a time."""
    for start in range(0, elements, 1000):
        places = range(start, min(start + 1000, elements))
        yield command("RPUSH", f"giant:list:{number}", *(job(rng) for _ in places))
        pairs = [part for at in places for part in (f"field:{at}", f"{rng.getrandbits(64):016x}")]
        yield command("HSET", f"giant:hash:{number}", *pairs)
        yield command("SADD", f"giant:set:{number}", *(f"member:{at}" for at in places))
        yield command("SADD", f"giant:ints:{number}", *(at * 7919 for at in places))
        scored = [part for at in places for part in (rng.getrandbits(30), f"player:{at}")]
        yield command("ZADD", f"giant:zset:{number}", *scored)
    yield from make_stream(f"giant:stream:{number}", rng, elements, grouped=True)


def pieces(keys: int, seed: int) -> Iterator[bytes]:
    """All commands of a keyspace of `keys`, kind by kind, the giants last."""
    rng = Random(seed)
    small = keys < 100_000
    giants = max(1, keys // 500_000)
    rest = keys - 6 * giants
    for maker, share in KINDS:
        count = keys * share // 100
        if maker is events:
            count = rest
        for number in range(count):
            yield maker(rng, number)
        rest -= count
    for number in range(giants):
        yield from giant_chunks(rng, number, 5_000 if small else 100_000)


def commands(keys: int, seed: int = 20260131) -> Iterator[bytes]:
    """The RESP bytes that build the keyspace, in batches of about a megabyte."""
    batch: list[bytes] = []
    size = 0
    for piece in pieces(keys, seed):
        batch.append(piece)
        size += len(piece)
        if size >= BATCH_BYTES:
            yield b"".join(batch)
            batch, size = [], 0
    yield b"".join(batch)
