"""Datasets as text, from outside: what other programs make of it, and what comes back."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIXTURES, Runner
from tests.peer import RedisServer, needs_redis_server

TINY = FIXTURES / "redis-7.0.15" / "tiny.rdb"
# What a server of 7.0 loads and keeps: everything but what is over by now.
LOADED = [
    path
    for folder in ("redis-2.6.17", "redis-3.2.13", "redis-5.0.14", "redis-7.0.15")
    for path in sorted((FIXTURES / folder).glob("*.rdb"))
    if "module" not in path.name and path.stem != "expired"
]


def entries(text: str) -> dict[str, dict[str, Any]]:
    """The entries of JSON lines by key."""
    lines = [json.loads(line) for line in text.splitlines()]
    return {str(line["key"]): line for line in lines if "key" in line}


def test_json_lines_come_to_stdout_with_header_and_trailer(dump: Path, run: Runner) -> None:
    ran = run("dump", "dump.rdb", "--format", "jsonl")
    assert ran.status == 0, ran.err
    first, *rest, last = (json.loads(line) for line in ran.out.splitlines())
    assert first["redtool"] == "jsonl 1"
    assert last["end"] is True
    assert last["keys"] == len(rest) == sum(db["keys"] for db in last["dbs"].values())
    assert {"db", "key", "type", "encoding", "value"} <= set(rest[0])


def test_a_dump_is_the_same_after_json_lines(dump: Path, run: Runner) -> None:
    for words in (
        ("convert", "dump.rdb", "x.jsonl"),
        ("convert", "x.jsonl", "again.rdb"),
        ("load", "x.jsonl", "x.lmdb"),
        ("convert", "x.lmdb", "from-store.jsonl"),
        ("diff", "dump.rdb", "x.jsonl"),
        ("diff", "dump.rdb", "again.rdb"),
        ("diff", "x.lmdb", "from-store.jsonl"),
        ("verify", "x.jsonl", "--deep"),
        ("info", "x.jsonl"),
    ):
        ran = run(*words)
        assert ran.status == 0, (words, ran.err, ran.out)


def test_json_lines_are_read_compressed_and_from_stdin(
    dump: Path, run: Runner, tmp_path: Path
) -> None:
    text = run("dump", "dump.rdb", "--format", "jsonl").out.encode()
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(text))
    assert run("diff", "dump.rdb", "x.jsonl.gz").status == 0
    assert run("convert", "-", "piped.rdb", stdin=text).status == 0
    assert run("diff", "dump.rdb", "piped.rdb").status == 0


def test_some_lines_are_a_dataset_and_a_cut_file_is_not(
    dump: Path, run: Runner, tmp_path: Path
) -> None:
    lines = run("dump", "dump.rdb", "--format", "jsonl").out.splitlines(keepends=True)
    (tmp_path / "some.jsonl").write_text("".join(lines[2:5]))
    assert run("convert", "some.jsonl", "some.rdb").status == 0
    (tmp_path / "cut.jsonl").write_text("".join(lines[:5]))
    ran = run("convert", "cut.jsonl", "cut.rdb")
    assert ran.status == 2
    assert "no trailer" in ran.err
    assert "hint: " in ran.err
    assert not (tmp_path / "cut.rdb").exists()


def test_a_bad_line_is_named(run: Runner, tmp_path: Path, native: None) -> None:
    good = '{"db":0,"key":"a","type":"string","value":"1"}\n'
    bad = '{"db":0,"key":"b","type":"set","value":["x","x"]}\n'
    (tmp_path / "bad.jsonl").write_text(good + bad)
    ran = run("convert", "bad.jsonl", "out.rdb")
    assert ran.status == 2
    assert "line 2" in ran.err
    assert 'key "b"' in ran.err
    twice = good + good
    (tmp_path / "twice.jsonl").write_text(twice)
    assert run("convert", "twice.jsonl", "out.rdb").status == 2


def test_json_has_a_document_a_db(dump: Path, run: Runner) -> None:
    text = run("dump", "dump.rdb", "--format", "json").out
    decoder, dbs = json.JSONDecoder(), {}
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        dbs[document["db"]] = len(document["entries"])
        text = text[end:]
    info = json.loads(run("info", "dump.rdb", "--json").out)
    assert dbs == {int(db): counts["keys"] for db, counts in info["dbs"].items()}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_reads_every_line(dump: Path, run: Runner) -> None:
    text = run("dump", "dump.rdb", "--format", "jsonl").out
    done = subprocess.run(["jq", "-c", "."], input=text, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(text.splitlines())


def test_csv_is_what_a_csv_reader_expects(dump: Path, run: Runner) -> None:
    lines = entries(run("dump", "dump.rdb", "--format", "jsonl", "--db", "0").out)
    ran = run("dump", "dump.rdb", "--format", "csv", "--db", "0")
    rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert len(rows) == len(lines)
    for row in rows:
        line = lines.get(row["key"])
        if line is None:
            continue
        assert (row["type"], row["encoding"]) == (line["type"], line["encoding"])
        if line["type"] == "string" and isinstance(line["value"], str):
            assert row["value"] == line["value"]
        elif line["type"] in ("list", "set", "zset", "hash"):
            assert json.loads(row["value"]) == line["value"]
            assert int(row["elements"]) == len(line["value"])
    elements = run("dump", "dump.rdb", "--format", "csv", "--elements", "--db", "0")
    rows = list(csv.DictReader(io.StringIO(elements.out, newline="")))
    for key, line in lines.items():
        of_key = [row for row in rows if row["key"] == key]
        if line["type"] in ("list", "set", "zset") and of_key:
            assert len(of_key) == len(line["value"])


def test_keys_follow_a_template(dump: Path, run: Runner) -> None:
    lines = run("dump", "dump.rdb", "--format", "jsonl", "--db", "0").out
    ran = run(
        "dump", "dump.rdb", "--format", "keys", "--template", "{db}|{type}|{elements}", "--db", "0"
    )
    assert ran.status == 0, ran.err
    assert len(ran.out.splitlines()) == len(lines.splitlines()) - 2
    assert all(line.startswith("0|") for line in ran.out.splitlines())
    ran = run("dump", "dump.rdb", "--format", "keys", "--template", "{size}")
    assert ran.status == 2
    assert "{bytes}" in ran.err


def test_text_goes_into_files_by_their_endings(dump: Path, run: Runner, tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.ndjson", "x.json", "x.csv", "x.resp"):
        assert run("convert", "dump.rdb", name, "--lossy").status == 0
        assert (tmp_path / name).stat().st_size > 0
        again = run("convert", "dump.rdb", name, "--lossy")
        assert (again.status, "already" in again.err) == (2, True)
    assert run("dump", "dump.rdb", "-o", "y.csv").status == 0
    for name in ("x.json", "x.csv"):
        assert "cannot be read" in run("info", name).err


def test_whoever_closes_the_pipe_is_no_trouble(dump: Path, tmp_path: Path) -> None:
    words = "python -m redtool dump dump.rdb --format jsonl | head -n 1; echo ${PIPESTATUS[0]}"
    import os
    import sys

    words = words.replace("python", sys.executable)
    done = subprocess.run(
        ["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=dict(os.environ),
    )  # fmt: skip
    assert done.stdout.splitlines()[0].startswith('{"redtool"')
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RedisServer]]:
    """One that loads a dump, and one that is told commands."""
    folders = [tmp_path_factory.mktemp(name) for name in ("loads", "told")]
    with RedisServer(folders[0]) as loads, RedisServer(folders[1]) as told:
        yield loads, told


def contents(server: RedisServer) -> dict[tuple[int, bytes], Any]:
    """What the digest and the encodings of every key are, with expiries."""
    found: dict[tuple[int, bytes], Any] = {}
    for name in server.client.info("keyspace"):
        db = int(name.removeprefix("db"))
        server.run("SELECT", db)
        for key in server.client.scan_iter(count=1000):
            digest = server.run("DEBUG", "DIGEST-VALUE", key)[0]
            found[db, key] = (digest, server.run("PEXPIRETIME", key))
    server.run("SELECT", 0)
    return found


def only_zero_lost_its_sign(key: tuple[int, bytes], told: RedisServer, loads: RedisServer) -> bool:
    """ZADD of -0 makes 0 in a packed sorted set."""
    scores = []
    for server in (told, loads):
        server.run("SELECT", key[0])
        scores.append(server.client.zrange(key[1], 0, -1, withscores=True))
        server.run("SELECT", 0)
    return sorted(scores[0]) == sorted(scores[1])


def libraries(server: RedisServer) -> list[str]:
    """Function libraries and what is in them."""
    return sorted(repr(sorted(map(repr, one.items()))) for one in sorted_functions(server))


def sorted_functions(server: RedisServer) -> list[dict[bytes, Any]]:
    """FUNCTION LIST, functions by name: a server has them in no order."""
    found: list[dict[bytes, Any]] = server.run("FUNCTION", "LIST", "WITHCODE")
    for library in found:
        library[b"functions"].sort(key=lambda function: function[b"name"])
    return found


@needs_redis_server
@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("form", ["resp", "restore"])
@pytest.mark.parametrize("path", LOADED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_server_told_commands_holds_what_one_that_loads_the_dump_does(
    path: Path,
    form: str,
    servers: tuple[RedisServer, RedisServer],
    run: Runner,
    tmp_path: Path,
) -> None:
    loads, told = servers
    words = ("dump", str(path), "--format", form, "-o", "commands", "--for", "redis-7.0")
    ran = run(*words, "--lossy")
    assert ran.status == 0, ran.err
    loads.load(path)
    told.run("FLUSHALL")
    told.run("FUNCTION", "FLUSH")
    with (tmp_path / "commands").open("rb") as commands:
        done = subprocess.run(
            ["redis-cli", "-p", str(told.port), "--pipe"],
            stdin=commands, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "errors: 0," in done.stdout, done.stdout + done.stderr
    ours, theirs = contents(told), contents(loads)
    assert ours.keys() == theirs.keys()
    differ = {key for key in ours if ours[key] != theirs[key]}
    if form == "resp":
        differ = {key for key in differ if not only_zero_lost_its_sign(key, told, loads)}
    assert not differ
    assert libraries(told) == libraries(loads)


def pending(server: RedisServer, key: bytes, group: bytes) -> list[tuple[Any, ...]]:
    """Pending entries without the time since, which runs on."""
    found = server.client.xpending_range(key, group, "-", "+", 1000)
    return [(one["message_id"], one["consumer"], one["times_delivered"]) for one in found]


@needs_redis_server
def test_groups_and_pending_entries_survive(
    servers: tuple[RedisServer, RedisServer], run: Runner, tmp_path: Path, native: None
) -> None:
    loads, told = servers
    path = FIXTURES / "redis-7.0.15" / "streams.rdb"
    loads.load(path)
    told.run("FLUSHALL")
    for form in ("resp", "restore"):
        words = ("dump", str(path), "--format", form, "-o", form, "--for", "redis-7.0")
        assert run(*words, "--lossy", "--replace").status == 0
        with (tmp_path / form).open("rb") as commands:
            subprocess.run(
                ["redis-cli", "-p", str(told.port), "--pipe"],
                stdin=commands, capture_output=True, check=True,
            )  # fmt: skip
        for key in loads.client.scan_iter(_type="stream"):
            for group in loads.client.xinfo_groups(key):
                name = group["name"]
                assert group in told.client.xinfo_groups(key)
                for server in (loads, told):
                    assert server.client.xpending(key, name)["pending"] == group["pending"]
                assert pending(told, key, name) == pending(loads, key, name)
            info = told.client.xinfo_stream(key)
            theirs_info = loads.client.xinfo_stream(key)
            for word in ("length", "last-generated-id", "entries-added", "max-deleted-entry-id"):
                assert info[word] == theirs_info[word], (key, word)
