"""redis-cli and redis-benchmark, as people type them, end well and say what they say of a Redis."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import redis

pytestmark = pytest.mark.skipif(
    shutil.which("redis-cli") is None, reason="redis-cli is not installed"
)
LIMIT_S = 60


def said(port: int, *words: str) -> str:
    """What redis-cli says, which must end with status 0."""
    made = run(["redis-cli", "-p", str(port), *words])
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


def run(args: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A program run to its end."""
    return subprocess.run(
        args, input=stdin, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


@pytest.fixture
def filled(client: redis.Redis, port: int) -> int:
    """One key of each kind, and a hundred strings."""
    client.mset({f"key:{n}": f"value:{n}" for n in range(100)})
    client.rpush("list", *range(30))
    client.hset("hash", mapping={"a": 1, "b": 2})
    client.zadd("zset", {"a": 1, "b": 2, "c": 3})
    client.sadd("set", "a")
    client.xadd("stream", {"a": 1})
    return port


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (("--bigkeys",), r"Biggest +list found .*list.* has 30 items"),
        (("--bigkeys",), r"100 strings with 790 bytes"),
        (("--memkeys",), r"100 strings with \d+ bytes"),
        (("--scan", "--pattern", "key:9?"), r"(?s)^(key:9\d\n){10}$"),
        (("--no-raw", "LRANGE", "list", "0", "1"), r'1\) "0"\n2\) "1"'),
        (("-3", "--json", "HGETALL", "hash"), r'^\{"a":"1","b":"2"\}'),
        (("-c", "GET", "key:1"), r"^value:1"),
        (("-n", "3", "DBSIZE"), r"^0"),
        (("-r", "3", "-i", "0", "PING"), r"^PONG\nPONG\nPONG\n$"),
        (("--latency", "-i", "0.1"), r"^\d+ \d+ \d+\.\d+ \d+"),
    ],
)
def test_a_mode(words: tuple[str, ...], pattern: str, filled: int) -> None:
    assert re.search(pattern, said(filled, *words))


def test_commands_from_a_pipe(filled: int, client: redis.Redis) -> None:
    requests = "".join(f"SET pipe:{n} {n}\r\n" for n in range(1000)) + "LPUSH key:1 x\r\n"
    made = run(["redis-cli", "-p", str(filled), "--pipe"], requests)
    assert made.returncode == 1
    assert "errors: 1, replies: 1001" in made.stdout
    assert client.get("pipe:999") == "999"


def test_a_script_of_a_file(filled: int, tmp_path: Path) -> None:
    script = tmp_path / "script.lua"
    script.write_text("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}")
    assert said(filled, "--eval", str(script), "key:1", ",", "x") == "key:1\nx\nvalue:1\n"


def test_stat_goes_on_telling(filled: int) -> None:
    args = ["redis-cli", "-p", str(filled), "--stat", "-i", "0.01"]
    with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        process.terminate()
    assert re.search(r"keys +mem +clients blocked requests +connections", lines[1])
    assert all(re.match(r"105 +[\d.]+[KM] +\d+ +0 +\d+ \(\+\d+\)", line) for line in lines[2:])


def test_the_default_tests_of_redis_benchmark(filled: int, client: redis.Redis) -> None:
    asked = ["-p", str(filled), "-n", "200", "-c", "10", "-P", "4", "--csv"]
    made = run(["redis-benchmark", *asked])
    assert made.returncode == 0
    assert "error" not in made.stderr.lower()
    assert len(made.stdout.splitlines()) == 21
    assert client.get("counter:__rand_int__") == "200"
