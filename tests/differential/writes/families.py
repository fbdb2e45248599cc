"""The families of commands, and rounds: sequences of commands made from a seed.

A round starts from nothing, so that what it finds can be shown without what was before it. It knows
nothing of replies: the same seed, families and payloads make the same commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.differential.questions import QUESTIONS, cased, mangled
from tests.differential.wire import Words

# The modules register their makers.
from . import keyspace, lists, sets, streams, strings, zsets  # noqa: F401
from .keyspace import expiring, expiring_now
from .randoms import PICKS, judged_apart
from .universe import WRITES, WriteMaker

FAMILIES: dict[str, str] = {
    "string": "SET SET SET SETNX GETSET APPEND SETEX PSETEX MSET MSETNX GETDEL GETEX INCR DECR "
    "INCRBY DECRBY INCRBYFLOAT SETRANGE GET STRLEN MGET GETRANGE SUBSTR LCS",
    "bitmap": "SET SETBIT SETBIT SETBIT BITOP BITOP BITFIELD BITFIELD GET GETBIT BITCOUNT BITPOS "
    "BITFIELD_RO",
    "hll": "PFADD PFADD PFADD PFMERGE PFCOUNT",
    "list": "LPUSH RPUSH LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LSET LSET LINSERT LREM LTRIM LMOVE "
    "RPOPLPUSH LMPOP BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP LLEN LINDEX LRANGE LPOS",
    "set": "SADD SADD SADD SREM SPOP SMOVE SINTERSTORE SUNIONSTORE SDIFFSTORE SCARD SMEMBERS "
    "SISMEMBER SMISMEMBER SINTER SUNION SDIFF SINTERCARD SRANDMEMBER SSCAN",
    "hash": "HSET HSET HSET HMSET HSETNX HDEL HINCRBY HINCRBYFLOAT HLEN HKEYS HVALS HGETALL HGET "
    "HEXISTS HSTRLEN HMGET HRANDFIELD HSCAN",
    "zset": "ZADD ZADD ZADD ZINCRBY ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN "
    "ZPOPMAX ZRANGESTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZMPOP BZPOPMIN BZPOPMAX BZMPOP ZCARD "
    "ZSCORE ZRANK ZREVRANK ZMSCORE ZCOUNT ZLEXCOUNT ZRANGE ZRANGE ZREVRANGE ZRANGEBYSCORE "
    "ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZUNION ZINTER ZDIFF ZINTERCARD ZRANDMEMBER ZSCAN",
    "geo": "GEOADD GEOADD GEOADD GEOSEARCHSTORE GEORADIUS GEORADIUSBYMEMBER ZREM GEOPOS GEOHASH "
    "GEODIST GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO",
    "stream": "XADD XADD XADD XADD XTRIM XDEL XSETID XGROUP+CREATE XGROUP+CREATE XGROUP+SETID "
    "XGROUP+DESTROY XGROUP+CREATECONSUMER XGROUP+DELCONSUMER XREADGROUP XREADGROUP XREADGROUP XACK "
    "XCLAIM XAUTOCLAIM XLEN XRANGE XREVRANGE XREAD XPENDING XINFO+STREAM XINFO+GROUPS "
    "XINFO+CONSUMERS",
    "keyspace": "DEL UNLINK RENAME RENAMENX COPY COPY MOVE SELECT SWAPDB PERSIST EXPIRE PEXPIRE "
    "EXPIREAT PEXPIREAT expiring RESTORE RESTORE SORT SORT ECHO PING TTL PTTL EXPIRETIME "
    "PEXPIRETIME TYPE DUMP OBJECT+ENCODING OBJECT+FREQ OBJECT+IDLETIME OBJECT+REFCOUNT EXISTS "
    "TOUCH KEYS MEMORY+USAGE SORT_RO SCAN RANDOMKEY DBSIZE",
    "transaction": "transaction transaction transaction WATCH UNWATCH DISCARD EXEC",
    "script": "EVAL",
}
# Some of these have to do with each other.
SHARES = {"hll": 0.4, "bitmap": 0.6, "transaction": 0.5, "script": 0.4, "geo": 0.6}
# Names that stand for more than one command.
COMPOUND = {"expiring", "transaction"}
# A word put in the wrong place could make these wait, fill the memory, or depend on the clock.
NOT_MANGLED = {"SETRANGE", "SETBIT", "BITFIELD", "SET", "SETEX", "PSETEX", "GETEX", "RESTORE"}
NOT_MANGLED |= {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "XCLAIM", "XAUTOCLAIM", "XPENDING"}
NOT_MANGLED |= {"XREADGROUP", "XADD", "EVAL", "XGROUP SETID", "XGROUP CREATE", "SORT"}
NOT_MANGLED |= {"GEOSEARCHSTORE", "GEORADIUS", "GEORADIUSBYMEMBER"}
# 7.2 takes one word more, which 7.0 refuses when it is put into a queue.
NOT_MANGLED |= {"ZRANK", "ZREVRANK"}
WAITING = {"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"}


def command(m: WriteMaker, name: str) -> Words:
    """One random command of a name."""
    if name in ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"):
        words = expiring(m, name)
    elif name in WRITES:
        words = WRITES[name](m)
    else:
        words = QUESTIONS[name](m)
    if name in PICKS:
        # As many as are asked for are given, again and again.
        words = [b"-300" if word == b"-32769" else word for word in words]
    if name not in NOT_MANGLED and name not in WAITING and m.chance(0.05):
        words = mangled(m, words)
    return cased(m, name) + words


class Round:
    """A sequence of commands of some families, without those that are left out."""

    def __init__(self, rng: Random, families: list[str], payloads: list[bytes]) -> None:
        self.maker = WriteMaker(rng, payloads)
        self.rng = rng
        self.families = families
        self.left_out: set[str] = set()

    def name(self) -> str:
        """The name of a command, one with "expiring" and "transaction" for more than one."""
        while True:
            weights = [SHARES.get(each, 1.0) for each in self.families]
            family = self.rng.choices(self.families, weights)[0]
            name = self.rng.choice(FAMILIES[family].split()).replace("+", " ")
            if name not in self.left_out:
                return name

    def commands(self, count: int) -> Iterator[Words]:
        """So many, a few more when the last belong together."""
        made = 0
        while made < count:
            # Every family works in other databases too.
            name = self.name() if self.rng.random() > 0.004 else "SELECT"
            for words in self.unit(name):
                yield words
                made += 1

    def unit(self, name: str) -> list[Words]:
        """The commands that a name stands for."""
        if name == "expiring":
            return expiring_now(self.maker)
        if name == "transaction":
            return self.transaction()
        return [command(self.maker, name)]

    def transaction(self) -> list[Words]:
        """Commands between MULTI and EXEC; none whose reply is not known by its words alone."""
        inside: list[Words] = []
        for _ in range(self.rng.randint(0, 6)):
            name = self.name()
            if name in COMPOUND or name in ("EXEC", "DISCARD"):
                continue
            words = command(self.maker, name)
            if not judged_apart(words):
                inside.append(words)
        if self.rng.random() < 0.05:
            inside.append([b"MULTI"])
        end = b"EXEC" if self.rng.random() < 0.9 else b"DISCARD"
        return [[b"MULTI"], *inside, [end]]


def names_of(families: list[str]) -> list[str]:
    """The commands of some families by name."""
    names = {each.replace("+", " ") for family in families for each in FAMILIES[family].split()}
    return sorted((names - COMPOUND) | {"SELECT"})
