"""`redtool shell` with commands from stdin: over a dump, and over a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from redtool.cli.shell.history import is_secret
from redtool.cli.shell.words import split_words
from tests.conftest import Runner
from tests.peer import RedisServer, needs_redis_server

pytestmark = pytest.mark.usefixtures("native")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  GET\ta  ", ["GET", "a"]),
        (r'"\x00\xFf\n\r\t\a\b\"\\z\q"', ['\0ÿ\n\r\t\a\b"\\zq']),
        (r"'it\'s' '\x00' 'a\\b'", ["it's", r"\x00", r"a\\b"]),
        (r"'a\\'", None),
        ("\"\" ''", ["", ""]),
        ("a\"b\"'c d'", None),
        ('a"b c"', ["ab c"]),
        ('"a"b', None),
        ("'a'b", None),
        ('"open', None),
        ("'open", None),
        (r"'open\'", None),
        (r'"open\"', None),
        ('"\\', None),
    ],
)
def test_words_are_quoted_as_redis_cli_wants_them(line: str, words: list[str] | None) -> None:
    expected = None if words is None else [word.encode("latin-1") for word in words]
    assert split_words(line.encode("latin-1")) == expected


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("AUTH x", True),
        ("acl SETUSER u >p", True),
        ("HELLO 3 AUTH u p", True),
        ("HELLO 3", False),
        ("CONFIG SET maxmemory 1 RequirePass p", True),
        ("CONFIG SET maxmemory 1", False),
        ("CONFIG GET requirepass", False),
        ("MIGRATE h 1 k 0 5 AUTH2 u p", True),
        ("GET auth", False),
        ("", False),
    ],
)
def test_what_may_hold_a_password_is_known(line: str, secret: bool) -> None:
    assert is_secret(line.encode().split()) is secret


SCRIPT = b"""\
GET s:str
SELECT 5
HGETALL h

2 EXISTS h none
MULTI
SELECT 0
EXISTS s:str
EXEC
EXISTS s:str
CLIENT SETNAME me
CLIENT GETNAME
HELLO 3
EXISTS "s:str
# no comment
quit
PING
"""
SHOWN = """\
"hello"
OK
1) "db"
2) "5"
(integer) 1
(integer) 1
OK
QUEUED
QUEUED
1) OK
2) (integer) 1
(integer) 1
OK
"me"
1# "server" => "redis"
2# "version" => "7.2.0"
3# "proto" => (integer) 3
4# "id" => (integer) 1
5# "mode" => "standalone"
6# "role" => "master"
7# "modules" => (empty array)
Invalid argument(s)
(error) ERR unknown command '#', with args beginning with: 'no'\x20'comment'\x20
"""


def test_a_script_is_one_session(dump: Path, run: Runner) -> None:
    ran = run("shell", "--no-raw", "dump.rdb", stdin=SCRIPT)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == SHOWN


def test_a_transaction_that_is_given_up_selects_nothing(dump: Path, run: Runner) -> None:
    script = (
        b"MULTI\nSELECT 5\nDISCARD\nDBSIZE\nMULTI\nSELECT 5\nNOPE\nEXEC\nDBSIZE\nMULTI\nSELECT x\n"
    )
    out = run("shell", "dump.rdb", stdin=script).out.splitlines()
    assert out[3] == out[8] == "23"


def test_forms_of_output(dump: Path, run: Runner) -> None:
    script = b"LRANGE l:compact 0 1\nHGETALL h:compact\nGET s:bin\nGET none\nNOPE\n"
    assert run("shell", "dump.rdb", stdin=b"LRANGE l:compact 0 1").out == "a\n1\n"
    ran = run("shell", "--json", "dump.rdb", stdin=script)
    lines = ran.out.splitlines()
    assert lines[0] == '["a", "1"]'
    assert lines[1].startswith('{"')
    assert lines[3] == "null"
    assert lines[4].startswith('{"error": "ERR unknown command')
    assert len(lines) == 5
    ran = run("shell", "-3", "--no-raw", "-n", "5", "dump.rdb", stdin=b"HGETALL h")
    assert ran.out == '1# "db" => "5"\n'


def test_a_store_keeps_what_is_written_and_a_dump_does_not(dump: Path, run: Runner) -> None:
    assert run("import", "dump.rdb", "-q").status == 0
    script = b"SET shell:new here\nGET shell:new\n"
    assert run("shell", "dump.lmdb", stdin=script).out.startswith("READONLY ")
    for name, kept in (("dump.rdb", ""), ("dump.lmdb", "here")):
        assert run("shell", "-w", name, stdin=script).out == "OK\nhere\n"
        assert run("exec", name, "GET", "shell:new").out == f"{kept}\n"


def test_every_reply_of_a_command_is_shown(dump: Path, run: Runner) -> None:
    ran = run("shell", "--json", "dump.rdb", stdin=b"SUBSCRIBE a b\nUNSUBSCRIBE\nPING\n")
    assert ran.out.splitlines()[:2] == ['["subscribe", "a", 1]', '["subscribe", "b", 2]']
    assert ran.out.splitlines()[-1] == '"PONG"'


def test_texts_of_many_lines_are_shown_as_they_are(dump: Path, run: Runner) -> None:
    ran = run("shell", "--no-raw", "dump.rdb", stdin=b"INFO server\nPING\n")
    assert ran.out.startswith("# Server")
    assert ran.out.endswith("\nPONG\n")
    assert not ran.out.endswith("\n\nPONG\n")


def test_errors_count_only_when_asked_to(dump: Path, run: Runner) -> None:
    assert run("shell", "dump.rdb", stdin=b"NOPE\nPING\n").status == 0
    ran = run("shell", "-e", "dump.rdb", stdin=b"NOPE\nPING\n")
    assert (ran.status, ran.out.splitlines()[-1]) == (1, "PONG")
    assert run("shell", "-e", "dump.rdb", stdin=b"PING\n").status == 0


def test_help_fits_into_80_columns(dump: Path, run: Runner) -> None:
    script = b"help\nhelp set\nhelp @string\n? config get\nhelp config\nhelp nope\nhelp @nope\n"
    ran = run("shell", "dump.rdb", stdin=script)
    assert max(len(line) for line in ran.out.splitlines()) < 80
    assert "\n  SET key value [NX|XX] [GET] [EX seconds|" in ran.out
    assert "\n  CONFIG GET parameter [parameter ...]\n" in ran.out
    assert "\n  CONFIG GET|HELP|" in ran.out
    assert "no command 'nope'" in ran.out
    assert "no group @nope; there are " in ran.out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["none.rdb"], "none.rdb: no such file"),
        (["-"], "-: stdin is where the commands come from"),
        (["redis://127.0.0.1:1"], "127.0.0.1:1: cannot connect: Connection refused"),
        (["redis://:secret@127.0.0.1:1/0"], "127.0.0.1:1: cannot connect"),
        (["unix:///no/such.sock"], "/no/such.sock: cannot connect: No such file"),
        (["redis://h:port"], "not the URL of a server"),
        (["redis://h", "--clock", "dump"], "a live server has its own clock"),
        (["redis+cluster://h"], "a live cluster cannot be read yet"),
        (["dump.rdb", "-n", "99", "--databases", "0"], "--databases"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_trouble_is_one_sentence(dump: Path, run: Runner, words: list[str], error: str) -> None:
    ran = run("shell", *words, stdin=b"PING\n")
    assert (ran.status, ran.out) == (2, "")
    assert error in ran.err
    assert "secret" not in ran.err
    assert "Traceback" not in ran.err


def test_nobody_reading_ends_it_without_a_word(dump: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "redtool", "shell", str(dump)]
    done = subprocess.run(
        words, input=b"PING\n" * 10, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_replies_come_at_once(dump: Path) -> None:
    words = [sys.executable, "-m", "redtool", "shell", str(dump)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        for _ in range(3):
            shell.stdin.write(b"PING\n")
            shell.stdin.flush()
            assert shell.stdout.readline() == b"PONG\n"
        shell.stdin.close()
    assert shell.returncode == 0


def test_scripts_need_no_terminal_library(dump: Path) -> None:
    code = (
        "import sys; from redtool.cli import main; main(['shell', sys.argv[1]]);"
        "sys.exit('prompt_toolkit' in sys.modules or 'typer' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(dump)]
    assert subprocess.run(words, input=b"PING\n", check=False).returncode == 0


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder = tmp_path_factory.mktemp("peer")
    with RedisServer(folder, "--unixsocket", str(folder / "s")) as server:
        yield server


LIVE = rb"""
SET "a key" "\x00\xff\n\"z"
GET "a key"
GET "open
3 INCR x
0 INCR x
LPUSH l a b c
LRANGE l 0 -1
GET l
GET none
LPOP none 2
MULTI
SELECT 2
SET q 1
EXEC
GET q
MULTI
NOPE
EXEC
ZADD z 1.5 a
HELLO 3
ZRANGE z 0 -1 WITHSCORES
SMEMBERS none
CONFIG GET maxmemory
COMMAND INFO get
XADD st 1-1 a b
XRANGE st - +
SELECT 99
INFO modules
OBJECT HELP
"""


@needs_redis_server
def test_a_live_server_looks_as_in_redis_cli(peer: RedisServer, run: Runner) -> None:
    peer.run("FLUSHALL")
    theirs = subprocess.run(
        ["redis-cli", "-p", str(peer.port), "--no-raw"],
        input=LIVE,
        capture_output=True,
        timeout=60,
        check=True,
    )
    peer.run("FLUSHALL")
    ours = run("shell", "--no-raw", f"redis://127.0.0.1:{peer.port}", stdin=LIVE)
    assert ours.status == 0
    # The number of a connection, and what the two call a repetition.
    theirs_lines = os.fsdecode(theirs.stdout).split("\n")
    pairs = zip(theirs_lines, ours.out.split("\n"), strict=True)
    different = [pair for pair in pairs if pair[0] != pair[1]]
    assert [ours for _, ours in different] == [
        "Invalid number of repetitions",
        *[ours for theirs, ours in different[1:] if theirs.startswith('4# "id"')],
    ]


@needs_redis_server
def test_url_and_options_say_the_database_and_the_protocol(peer: RedisServer, run: Runner) -> None:
    url = f"redis://127.0.0.1:{peer.port}/3"
    assert " db=3 " in run("shell", url, stdin=b"CLIENT INFO\n").out
    assert " db=4 " in run("shell", "-n", "4", url, stdin=b"CLIENT INFO\n").out
    assert " resp=3\n" in run("shell", "-3", url, stdin=b"CLIENT INFO\n").out
    socket = f"unix://{peer.folder / 's'}"
    assert run("shell", socket, stdin=b"PING\n").out == "PONG\n"
    ran = run("shell", "-n", "99", url, stdin=b"PING\n")
    assert (ran.status, "DB index is out of range" in ran.err) == (2, True)


@needs_redis_server
def test_replies_that_do_not_come_are_not_waited_for(peer: RedisServer, run: Runner) -> None:
    script = b"CLIENT REPLY OFF\nPING\nCLIENT REPLY ON\nCLIENT REPLY SKIP\nPING\nECHO a\n"
    script += b"UNSUBSCRIBE a b\n"
    ran = run("shell", "--json", f"redis://127.0.0.1:{peer.port}", stdin=script)
    lines = ran.out.splitlines()
    assert lines == ['"OK"', '"a"', '["unsubscribe", "a", 0]', '["unsubscribe", "b", 0]']


@needs_redis_server
def test_a_server_that_goes_away_is_trouble(tmp_path: Path, run: Runner) -> None:
    with RedisServer(tmp_path) as server:
        server.run("CONFIG", "SET", "requirepass", "secret")
        url = f"redis://:secret@127.0.0.1:{server.port}"
        assert run("shell", url, stdin=b"PING\n").out == "PONG\n"
        refused = run("shell", f"redis://:wrong@127.0.0.1:{server.port}", stdin=b"PING\n")
        assert (refused.status, "redtool: error: 127.0.0.1" in refused.err) == (2, True)
        assert "Traceback" not in refused.err
        noauth = run("shell", f"redis://127.0.0.1:{server.port}", stdin=b"PING\nhelp get\n").out
        assert noauth.startswith("NOAUTH ")
        assert "GET key" in noauth
        ran = run("shell", url, stdin=b"PING\nSHUTDOWN NOSAVE\nPING\n")
    assert (ran.status, ran.out) == (2, "PONG\n")
    assert ran.err.startswith(f"redtool: error: 127.0.0.1:{server.port}: cannot connect: ")
    assert "secret" not in ran.err
