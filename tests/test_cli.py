"""The command line from outside: each case holds the command, its status, stdout and stderr.

What varies from run to run (seconds, sizes) is written as `#`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Runner

pytestmark = pytest.mark.usefixtures("native")

ACCOUNT = """\
          read  written  filtered  skipped  failed
  hash       5        5         0        0       0
  list       3        3         0        0       0
  set        4        4         0        0       0
  stream     1        1         0        0       0
  string    13       13         0        0       0
  zset       3        3         0        0       0
  total     29       29         0        0       0
"""


def steady(text: str) -> str:
    """The text without what varies: `14.5 kB` and `0.01 s` become `#`."""
    return re.sub(r"\b[\d.]+ (?=[kMG]?B\b|s\b)", "# ", text)


@pytest.fixture
def store(dump: Path, run: Runner) -> Path:
    assert run("import", "dump.rdb", "-q").status == 0
    return dump.with_suffix(".lmdb")


def test_import_makes_a_store_beside_the_dump_and_accounts_for_every_key(
    dump: Path, run: Runner
) -> None:
    ran = run("import", "dump.rdb", "--to", "lmdb")
    assert (ran.status, ran.out) == (0, "")
    assert steady(ran.err) == (f"dump.lmdb: 29 keys, # kB read, # kB written, # s\n{ACCOUNT}")
    assert dump.with_suffix(".lmdb").is_file()


def test_json_is_the_result_and_nothing_else(dump: Path, run: Runner) -> None:
    ran = run("import", "dump.rdb", "--json")
    answer = json.loads(ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert (answer["ok"], answer["target"]) == (True, "dump.lmdb")
    assert answer["account"]["total"]["written"] == 29


def test_what_is_there_is_not_replaced_without_force(store: Path, run: Runner) -> None:
    before = store.read_bytes()
    ran = run("import", "dump.rdb")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == ("redtool: error: dump.lmdb: already exists\nhint: --force replaces it\n")
    assert store.read_bytes() == before
    assert run("import", "dump.rdb", "--force", "--key", "nothing").status == 0
    assert run("exec", "dump.lmdb", "DBSIZE").out == "0\n"


def test_there_and_back_is_the_same(store: Path, run: Runner) -> None:
    assert run("diff", "dump.rdb", "dump.lmdb").out == "29 same, no difference\n"
    assert run("dump", "dump.lmdb", "-o", "back.rdb", "-q").status == 0
    assert run("diff", "dump.lmdb", "back.rdb", "-q").status == 0
    assert run("convert", "dump.rdb", "again.rdb", "-q").status == 0
    assert run("diff", "back.rdb", "again.rdb", "-q").status == 0


def test_filters_are_accounted_for(dump: Path, run: Runner) -> None:
    ran = run("convert", "dump.rdb", "some.rdb", "--type", "hash", "--exclude-db", "15", "--json")
    total = json.loads(ran.out)["account"]["total"]
    assert total == {"read": 29, "written": 4, "filtered": 25, "skipped": 0, "failed": 0}


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["--key", "h:*"], 2),
        (["--key", "h:*", "--key", "l:*"], 5),
        (["--regex", "^[hl]:"], 5),
        (["--exclude", "*"], 0),
        (["--exclude-regex", ":"], 11),
        (["--type", "stream"], 1),
        (["--exclude-type", "string"], 16),
        (["--db", "1", "--db", "5"], 4),
        (["--exclude-db", "0"], 6),
        (["--ttl", "none"], 24),
        (["--ttl", "any"], 5),
        (["--ttl", ">1h"], 5),
        (["--ttl", "<1h"], 0),
        (["--key", "h", "--ttl", "any", "--db", "5"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_filter_takes_its_keys(dump: Path, run: Runner, words: list[str], keys: int) -> None:
    ran = run("convert", "dump.rdb", "some.lmdb", "--json", *words)
    assert json.loads(ran.out)["account"]["total"]["written"] == keys


def test_diff_tells_both_directions_and_exits_1(dump: Path, run: Runner) -> None:
    assert run("convert", "dump.rdb", "a.lmdb", "-q", "--exclude", "h:ht").status == 0
    assert run("convert", "dump.rdb", "b.lmdb", "-q", "--exclude", "geo").status == 0
    ran = run("diff", "a.lmdb", "b.lmdb")
    assert (ran.status, ran.err) == (1, "")
    assert re.search(r'^missing  db 0 +zset +"geo"', ran.out, re.MULTILINE)
    assert re.search(r'^extra    db 0 +hash +"h:ht"', ran.out, re.MULTILINE)
    assert ran.out.splitlines()[-1] == "27 same, 1 missing, 1 extra"
    assert run("diff", "a.lmdb", "b.lmdb", "--key", "s:*", "-q").status == 0


def test_diff_shows_as_many_as_the_limit_says(dump: Path, run: Runner) -> None:
    run("convert", "dump.rdb", "none.lmdb", "-q", "--exclude", "*")
    ran = run("diff", "dump.rdb", "none.lmdb", "--limit", "2")
    lines = ran.out.splitlines()
    assert ran.status == 1
    assert lines[2:] == ["… and 27 more (--limit N shows more)", "0 same, 29 missing"]


def test_diff_as_json(dump: Path, run: Runner) -> None:
    answer = json.loads(run("diff", "dump.rdb", "dump.rdb", "--json").out)
    assert (answer["equal"], answer["same"], answer["differences"]) == (True, 29, [])


def test_verify_says_whole(store: Path, run: Runner) -> None:
    ran = run("verify", "--deep", "dump.rdb")
    assert (ran.status, ran.err) == (0, "")
    assert steady(ran.out).startswith("dump.rdb: whole, 29 keys, # kB, checksum ok, # s\n")
    assert run("verify", "--deep", "dump.lmdb").status == 0


def test_verify_of_a_cut_dump_says_where_and_salvages(dump: Path, run: Runner) -> None:
    dump.write_bytes(dump.read_bytes()[:9000])
    ran = run("verify", "dump.rdb", "--salvage", "whole.rdb")
    assert ran.status == 2
    assert re.match(r"redtool: error: dump\.rdb: .+ at byte \d+", ran.err)
    assert run("verify", "whole.rdb", "--deep").status == 0
    assert int(run("exec", "whole.rdb", "DBSIZE").out) > 0


def test_a_cut_dump_is_not_imported(dump: Path, run: Runner) -> None:
    dump.write_bytes(dump.read_bytes()[:9000])
    ran = run("import", "dump.rdb")
    assert (ran.status, ran.out) == (2, "")
    assert re.match(r"redtool: error: dump\.rdb: .+ at byte \d+.*\nhint: .+\n$", ran.err)
    assert sorted(os.listdir(dump.parent)) == ["dump.rdb"]


def test_a_changed_byte_is_found_by_the_checksum(dump: Path, run: Runner) -> None:
    data = bytearray(dump.read_bytes())
    place = data.index(b"hello")
    data[place] = ord("j")
    dump.write_bytes(data)
    ran = run("verify", "dump.rdb")
    assert (ran.status, "CRC-64 mismatch" in ran.err) == (2, True)
    assert run("verify", "dump.rdb", "--no-checksum").status == 0
    assert run("import", "dump.rdb").status == 2
    assert run("import", "dump.rdb", "--no-checksum", "-q").status == 0
    assert run("exec", "dump.lmdb", "GET", "s:str").out == "jello\n"


def test_compressed_dumps_and_stdin(dump: Path, run: Runner) -> None:
    packed = dump.with_suffix(".rdb.gz")
    packed.write_bytes(gzip.compress(dump.read_bytes()))
    assert run("import", "dump.rdb.gz", "-q").status == 0
    assert run("diff", "dump.rdb", "dump.lmdb", "-q").status == 0
    ran = run("import", "-", "--out", "piped.lmdb", "-q", stdin=dump.read_bytes())
    assert ran.status == 0
    assert run("diff", "dump.rdb", "piped.lmdb", "-q").status == 0


def test_a_dump_goes_to_stdout_whole_and_alone(dump: Path, run: Runner) -> None:
    command = [sys.executable, "-m", "redtool", "dump", "dump.rdb", "-o", "-"]
    done = subprocess.run(command, cwd=dump.parent, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr.startswith(b"-: 29 keys, ")
    dump.with_name("again.rdb").write_bytes(done.stdout)
    assert run("diff", "dump.rdb", "again.rdb", "-q").status == 0
    assert sorted(path.name for path in dump.parent.iterdir()) == ["again.rdb", "dump.rdb"]


def test_nobody_reading_a_dump_ends_it_as_a_broken_pipe_does(dump: Path) -> None:
    command = [sys.executable, "-m", "redtool", "dump", "dump.rdb", "-o", "-"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command, cwd=dump.parent, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    # 128 and SIGPIPE, without a word, as of every program in a pipe.
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["dump", "dump.rdb", "-o", "-", "--json"], "the dump and --json both go to stdout"),
        (["convert", "dump.rdb", "lmdb://-"], "lmdb://-: an LMDB store cannot go to stdout"),
        (["verify", "dump.rdb", "--salvage", "-"], "what is salvaged cannot go to stdout"),
        (["dump", "dump.rdb", "-o", "no/x.rdb"], "/no: no such directory"),
    ],
)
def test_what_cannot_go_there_is_refused(
    dump: Path, run: Runner, words: list[str], error: str
) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.splitlines()[0].startswith("redtool: error: ")
    assert ran.err.splitlines()[0].endswith(error)


def test_info_counts(dump: Path, run: Runner) -> None:
    ran = run("info", "dump.rdb")
    assert (ran.status, ran.err) == (0, "")
    assert "dump.rdb: RDB version 10 (redis), 14.5 kB" in ran.out
    assert re.search(r"^  db 0 +23 keys +2 with an expiry$", ran.out, re.MULTILINE)
    answer = json.loads(run("info", "dump.rdb", "--json").out)
    assert answer["dbs"]["15"] == {"keys": 2, "expires": 1}
    assert answer["types"]["zset"] == 3
    assert answer["aux"]["redis-ver"] == "7.0.15"


@pytest.mark.parametrize("name", ["dump.rdb", "dump.lmdb"])
def test_exec_answers_as_redis_cli_does(store: Path, run: Runner, name: str) -> None:
    assert run("exec", name, "GET", "s:str").out == "hello\n"
    assert run("exec", name, "LRANGE", "l:compact", "0", "-1").out == "a\n1\n\n-70000\n"
    assert run("exec", name, "--no-raw", "LRANGE", "l:compact", "0", "1").out == (
        '1) "a"\n2) "1"\n'
    )
    assert run("exec", name, "-n", "5", "--json", "HGETALL", "h").out == '{"db": "5"}\n'
    assert run("exec", name, "--no-raw", "GET", "none").out == "(nil)\n"
    assert run("exec", name, "--no-raw", "DBSIZE").out == "(integer) 23\n"


def test_exec_of_an_error_reply_exits_1(dump: Path, run: Runner) -> None:
    ran = run("exec", "dump.rdb", "GET", "h:ht")
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.startswith("WRONGTYPE ")
    assert run("exec", "dump.rdb", "SET", "k", "v").out.startswith("READONLY ")


def test_loss_is_refused_before_anything_is_written(dump: Path, run: Runner) -> None:
    ran = run("dump", "dump.rdb", "-o", "old.rdb", "--for", "redis-3.2")
    assert ran.status == 2
    assert "--lossy" in ran.err
    assert not (dump.parent / "old.rdb").exists()
    ran = run("dump", "dump.rdb", "-o", "old.rdb", "--for", "redis-3.2", "--lossy", "--json")
    answer = json.loads(ran.out)
    assert ran.status == 0
    assert answer["losses"]
    assert answer["account"]["balanced"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["import", "none.rdb"], "none.rdb: no such file or directory"),
        (["info", "junk"], "junk: not a dataset that redtool knows"),
        (["info", "empty"], "empty: an empty file"),
        (["dump", "dump.rdb", "-o", "dump.rdb"], "source and target are the same"),
        (["dump", "dump.rdb", "-o", "x.lmdb"], "x.lmdb: a dump is an RDB file"),
        (["convert", "dump.rdb", "x.bin"], "x.bin: cannot tell the format by this name"),
        (["convert", "dump.rdb", "no/x.lmdb"], "no"),
        (["convert", "dump.rdb", "redis://h"], "redis://h: a live server cannot be written yet"),
        (["dump", "dump.rdb", "-o", "x.rdb", "--for", "redis-1"], "redis-1"),
        (["dump", "dump.rdb", "-o", "x.rdb", "--rdb-version", "99"], "99"),
        (["convert", "dump.rdb", "x.lmdb", "--regex", "("], "regex"),
        (["serve", "dump.rdb", "--bind", "0.0.0.0", "--port", "0"], "0.0.0.0 is not loopback"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_trouble_is_one_sentence_and_status_2(
    dump: Path, run: Runner, words: list[str], error: str
) -> None:
    (dump.parent / "junk").write_bytes(b"hello")
    (dump.parent / "empty").touch()
    ran = run(*words)
    assert (ran.status, ran.out) == (2, "")
    first, *rest = ran.err.splitlines()
    assert first.startswith("redtool: error: ")
    assert error in first
    assert all(line.startswith("hint: ") for line in rest)
    assert len(rest) <= 1
    assert sorted(os.listdir(dump.parent)) == ["dump.rdb", "empty", "junk"]


def test_a_traceback_is_there_for_those_who_ask(run: Runner) -> None:
    ran = run("info", "none.rdb", REDTOOL_DEBUG="1")
    assert (ran.status, "Traceback" in ran.err) == (2, True)


def test_a_closed_pipe_is_a_quiet_end(dump: Path) -> None:
    words = [sys.executable, "-m", "redtool", "info", str(dump)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    ("number", "words", "status"),
    [(signal.SIGINT, b"interrupted", 130), (signal.SIGTERM, b"terminated", 143)],
)
def test_an_interrupt_leaves_the_target_as_it_was(
    tmp_path: Path, number: signal.Signals, words: bytes, status: int
) -> None:
    target = tmp_path / "x.lmdb"
    target.write_bytes(b"as it was")
    line = [sys.executable, "-m", "redtool", "import", "-", "--out", str(target), "--force"]
    # Jobs in the background of a shell ignore SIGINT, and so would what they start.
    before = signal.signal(number, signal.default_int_handler)
    try:
        process = subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(number, before)
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        # More than a pipe holds: when it is written, it is being read.
        process.stdin.write(b"REDIS0010" + bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(number)
        process.stdin.close()
        assert process.stderr.read() == b"redtool: " + words + b"\n"
    assert process.returncode == status
    assert target.read_bytes() == b"as it was"
    assert os.listdir(tmp_path) == ["x.lmdb"]


def test_the_version(run: Runner) -> None:
    assert re.fullmatch(r"redtool \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")
def test_exec_prints_what_redis_cli_prints(store: Path, run: Runner) -> None:
    words = [sys.executable, "-m", "redtool", "serve", str(store), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            where = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert where is not None
            for command in (
                ["GET", "s:bin"],
                ["HGETALL", "h:compact"],
                ["XRANGE", "x", "-", "+", "COUNT", "3"],
                ["ZRANGE", "z:compact", "0", "-1", "WITHSCORES"],
                ["SMEMBERS", "set:is16"],
                ["GET", "h:ht"],
                ["TYPE", "x"],
            ):
                for form in ("--raw", "--no-raw"):
                    cli = ["redis-cli", "-p", where[1], form, *command]
                    shown = subprocess.run(cli, capture_output=True, check=False).stdout
                    ours = run("exec", "dump.lmdb", form, *command).out
                    assert os.fsencode(ours).rstrip(b"\n") == shown.rstrip(b"\n")
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
