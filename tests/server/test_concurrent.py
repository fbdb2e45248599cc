"""Many clients at once: what each command and each transaction does is done whole and once."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from typing import Any

import redis

from .conftest import Crew

CLIENTS = 6
EACH = 200


def connect(port: int) -> Any:
    """A client of one's own."""
    return redis.Redis(port=port, decode_responses=True, socket_timeout=30)


def test_no_increment_is_lost(port: int, client: Any, crew: Crew) -> None:
    def count() -> None:
        mine = connect(port)
        for _ in range(EACH):
            mine.incr("n")
        pipeline = mine.pipeline(transaction=False)
        for _ in range(EACH):
            pipeline.incr("n").hincrby("h", "f", 2).zincrby("z", 1, "m")
        pipeline.execute()

    for _ in range(CLIENTS):
        crew.start(count)
    crew.wait()
    assert int(client.get("n")) == 2 * CLIENTS * EACH
    assert int(client.hget("h", "f")) == 2 * CLIENTS * EACH
    assert client.zscore("z", "m") == CLIENTS * EACH


def test_a_member_is_new_to_one_client_only(port: int, client: Any, crew: Crew) -> None:
    firsts: list[int] = []

    def add() -> None:
        mine = connect(port)
        firsts.append(sum(mine.sadd("s", at) for at in range(EACH)))

    for _ in range(CLIENTS):
        crew.start(add)
    crew.wait()
    assert sum(firsts) == client.scard("s") == EACH


def test_a_queue_gives_each_job_to_one_worker_in_order(port: int, crew: Crew) -> None:
    done: list[list[str]] = []

    def produce(name: int) -> None:
        mine = connect(port)
        for at in range(EACH):
            mine.lpush("jobs", f"{name}:{at}")

    def consume() -> None:
        mine, taken = connect(port), list[str]()
        while (job := mine.brpop("jobs", timeout=30)[1]) != "stop":
            taken.append(job)
        done.append(taken)

    producers = Crew()
    for name in range(3):
        crew.start(consume)
        producers.start(produce, name)
    producers.wait()
    connect(port).lpush("jobs", "stop", "stop", "stop")
    crew.wait()
    jobs = Counter(job for taken in done for job in taken)
    assert len(jobs) == 3 * EACH
    assert set(jobs.values()) == {1}
    for taken in done:
        for producer in "012":
            numbers = [int(job[2:]) for job in taken if job[0] == producer]
            assert numbers == sorted(numbers)


def test_what_a_transaction_writes_is_seen_whole(port: int, crew: Crew) -> None:
    over = threading.Event()

    def write() -> None:
        mine = connect(port)
        for at in range(EACH):
            mine.pipeline().set("a", at).set("b", at).rpush("l", at).execute()
        over.set()

    def look() -> None:
        mine = connect(port)
        while not over.is_set():
            first, second = mine.mget("a", "b")
            assert first == second
            last, newest = mine.pipeline().lindex("l", -1).get("a").execute()
            assert last == newest

    crew.start(write)
    for _ in range(3):
        crew.start(look)
    crew.wait()


def test_watched_transfers_keep_the_sum(port: int, client: Any, crew: Crew) -> None:
    accounts = [f"account:{at}" for at in range(5)]
    client.mset(dict.fromkeys(accounts, 1000))

    def transfer(seed: int) -> None:
        mine, rng = connect(port), Random(seed)
        for _ in range(EACH // 2):
            source, target = rng.sample(accounts, 2)
            with mine.pipeline() as step:
                while True:
                    try:
                        step.watch(source, target)
                        have, other = map(int, step.mget(source, target))
                        amount = rng.randint(0, have)
                        step.multi()
                        step.set(source, have - amount).set(target, other + amount)
                        step.execute()
                        break
                    except redis.WatchError:
                        continue

    def audit() -> None:
        mine = connect(port)
        for _ in range(EACH):
            assert sum(map(int, mine.mget(accounts))) == 5000

    for seed in range(4):
        crew.start(transfer, seed)
    crew.start(audit)
    crew.wait()
    assert sum(map(int, client.mget(accounts))) == 5000


def test_a_lock_is_held_by_one(port: int, crew: Crew) -> None:
    inside: list[int] = []

    def work(name: int) -> None:
        mine = connect(port)
        for _ in range(20):
            while not mine.set("lock", name, nx=True, ex=30):
                pass
            inside.append(name)
            assert len(inside) == 1
            inside.pop()
            mine.delete("lock")

    for name in range(3):
        crew.start(work, name)
    crew.wait()


def test_elements_that_move_are_in_one_place(port: int, client: Any, crew: Crew) -> None:
    client.rpush("a", *range(50))
    over = threading.Event()

    def move(source: str, target: str) -> None:
        mine = connect(port)
        for _ in range(EACH):
            mine.lmove(source, target, "LEFT", "RIGHT")

    def look() -> None:
        mine = connect(port)
        while not over.is_set():
            a, b = mine.pipeline().lrange("a", 0, -1).lrange("b", 0, -1).execute()
            assert sorted(map(int, a + b)) == list(range(50))

    watcher = Crew()
    watcher.start(look)
    for names in [("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")]:
        crew.start(move, *names)
    crew.wait()
    over.set()
    watcher.wait()


def test_a_scan_returns_all_that_stays(port: int, client: Any, crew: Crew) -> None:
    stays = {f"stay:{at}" for at in range(300)}
    client.mset(dict.fromkeys(stays, "v"))
    client.sadd("s", *stays)
    client.hset("h", mapping=dict.fromkeys(stays, "v"))
    client.zadd("z", dict.fromkeys(stays, 1.0))
    over = threading.Event()

    def churn(seed: int) -> None:
        mine, rng = connect(port), Random(seed)
        while not over.is_set():
            step = mine.pipeline(transaction=False)
            for _ in range(50):
                name = f"go:{rng.randrange(1000)}"
                step.set(name, 1).sadd("s", name).hset("h", name, 1).zadd("z", {name: 2})
                name = f"go:{rng.randrange(1000)}"
                step.delete(name).srem("s", name).hdel("h", name).zrem("z", name)
            step.execute()

    for seed in range(2):
        crew.start(churn, seed)
    try:
        for _ in range(3):
            assert stays <= set(client.scan_iter(count=20))
            assert stays <= set(client.sscan_iter("s", count=20))
            assert stays <= {name for name, _ in client.hscan_iter("h", count=20)}
            assert stays <= {name for name, _ in client.zscan_iter("z", count=20)}
    finally:
        over.set()
    crew.wait()


def test_an_entry_goes_to_one_consumer_of_a_group(port: int, client: Any, crew: Crew) -> None:
    client.xgroup_create("x", "g", mkstream=True)
    taken: list[str] = []

    def read(name: int) -> None:
        mine = connect(port)
        while found := mine.xreadgroup("g", f"c{name}", {"x": ">"}, count=5, block=1000):
            streams = found.items() if isinstance(found, dict) else found
            for _, entries in streams:
                batch = entries[0] if isinstance(found, dict) else entries
                taken.extend(entry_id for entry_id, _ in batch)
                mine.xack("x", "g", *(entry_id for entry_id, _ in batch))

    for name in range(3):
        crew.start(read, name)
    ids = [client.xadd("x", {"n": at}) for at in range(EACH)]
    crew.wait()
    assert sorted(taken) == sorted(ids)
    assert client.xpending("x", "g")["pending"] == 0
