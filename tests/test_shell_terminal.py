"""`redtool shell` on a terminal: typed into, and looked at."""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path

import pytest

from tests.peer import RedisServer, needs_redis_server

pytest.importorskip("pyte", reason="pyte, the terminal, is not installed")
pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")

from tests.terminal import Terminal

ENTER, TAB, CTRL_C, CTRL_D, UP = "\r", "\t", "\x03", "\x04", "\x1b[A"


def test_the_prompt_shows_the_database_and_the_transaction(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("SELECT 5" + ENTER)
        terminal.wait_for("dump.rdb[5]>")
        terminal.type("MULTI" + ENTER)
        terminal.wait_for("dump.rdb[5](TX)>")
        terminal.type("SELECT 0" + ENTER)
        terminal.wait_for("dump.rdb(TX)>")
        terminal.type("DISCARD" + ENTER)
        terminal.wait_for("dump.rdb[5]>")
        terminal.type("HGETALL h" + ENTER)
        terminal.wait_for("dump.rdb[5]>")
        assert terminal.lines[-3:-1] == ['1) "db"', '2) "5"']
        terminal.type(CTRL_D)
        assert terminal.ended() == 0


def test_tab_completes_and_hints_are_grey(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("HGETA" + TAB)
        terminal.wait_for("dump.rdb> HGETALL key")
        assert terminal.colour_of("key") != terminal.colour_of("HGETALL")
        terminal.type(" h")
        terminal.wait_for("dump.rdb> HGETALL h")
        terminal.type(CTRL_C)
        terminal.wait_for("dump.rdb>")
        terminal.type("config res" + TAB)
        terminal.wait_for("dump.rdb> config resetstat")
        terminal.type(CTRL_C)
        terminal.wait_for("dump.rdb>")
        # Cut at the edge of 80 columns.
        terminal.type("SET k v ")
        terminal.wait_for(
            "dump.rdb> SET k v [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seco"
        )
        terminal.type(CTRL_C)
        terminal.wait_for("dump.rdb>")
        terminal.type(":set nohints" + ENTER)
        terminal.wait_for("dump.rdb>")
        terminal.type("GET ")
        terminal.type("s:str" + ENTER)
        terminal.wait_for("dump.rdb>")
        assert terminal.lines[-2:] == ['"hello"', "dump.rdb>"]


def test_without_colour_there_is_none(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb", NO_COLOR="1") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("GET")
        terminal.wait_for("dump.rdb> GET key")
        assert terminal.colour_of("key") == terminal.colour_of("GET") == "default"
        assert terminal.is_italic("key")
        terminal.type(CTRL_C + CTRL_D)
        assert terminal.ended() == 0
    modes = {
        mode
        for modes in re.findall(rb"\x1b\[([\d;]*)m", terminal.seen)
        for mode in modes.split(b";")
    }
    assert not {b"%d" % mode for mode in (*range(30, 39), *range(40, 49), *range(90, 98))} & modes


def test_ctrl_c_gives_up_a_line_and_sigterm_the_shell(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("DBSIZE")
        terminal.wait_for("dump.rdb> DBSIZE")
        terminal.type(CTRL_C)
        terminal.wait_for("dump.rdb>")
        terminal.type("PING" + ENTER)
        terminal.wait_for("dump.rdb>")
        assert "(integer)" not in "\n".join(terminal.lines)
        assert terminal.lines[-2] == "PONG"
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 143
        assert "Traceback" not in "\n".join(terminal.lines)


def test_lines_are_kept_for_the_next_time_but_passwords_are_not(dump: Path) -> None:
    file = dump.parent / ".redtool_history"
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        for line in ("PING", "PING", "AUTH secret", 'AUTH "secret', "2 HELLO 3 AUTH u secret"):
            terminal.type(line + ENTER)
            terminal.wait_for("dump.rdb>")
        terminal.type("quit" + ENTER)
        assert terminal.ended() == 0
    assert file.read_text() == "PING\nquit\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type(UP)
        terminal.wait_for("dump.rdb> quit")
        terminal.type(UP)
        terminal.wait_for("dump.rdb> PING [message]")
        terminal.type(ENTER)
        terminal.wait_for("dump.rdb>")
        assert terminal.lines[-2] == "PONG"


def test_another_file_can_be_named_for_the_history(dump: Path) -> None:
    other = dump.parent / "other"
    other.write_text("".join(f"ECHO {n}\n" for n in range(2500)))
    with Terminal(dump.parent, "shell", "dump.rdb", REDTOOL_HISTFILE=str(other)) as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("exit" + ENTER)
        assert terminal.ended() == 0
    # A file that has grown too long keeps its newest lines.
    lines = other.read_text().splitlines()
    assert (lines[0], lines[-2:]) == ("ECHO 1500", ["ECHO 2499", "exit"])
    assert not (dump.parent / ".redtool_history").exists()


def test_lines_that_are_pasted_are_lines(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("\x1b[200~PING\rECHO two\x1b[201~" + ENTER)
        terminal.wait_for("dump.rdb>")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0
        assert "PONG" in terminal.lines
        assert '"two"' in terminal.lines


def test_a_dumb_terminal_has_a_plain_prompt(dump: Path) -> None:
    with Terminal(dump.parent, "shell", "dump.rdb", TERM="dumb") as terminal:
        terminal.wait_for("dump.rdb>")
        terminal.type("PING\n")
        terminal.wait_for("dump.rdb>")
        assert terminal.lines[-2] == "PONG"
        terminal.type(CTRL_C)
        terminal.wait_for("dump.rdb>")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0
    assert b"\x1b" not in terminal.seen


@needs_redis_server
def test_what_streams_ends_with_ctrl_c(tmp_path: Path, native: None) -> None:
    with RedisServer(tmp_path) as server:
        prompt = f"127.0.0.1:{server.port}"
        with Terminal(tmp_path, "shell", f"redis://{prompt}/2") as terminal:
            terminal.wait_for(f"{prompt}[2]>")
            terminal.type("SUBSCRIBE news" + ENTER)
            terminal.wait_until(lambda: "3) (integer) 1" in terminal.lines)
            server.run("PUBLISH", "news", "today")
            terminal.wait_until(lambda: '3) "today"' in terminal.lines)
            terminal.type(CTRL_C)
            terminal.wait_for(f"{prompt}[2]>")
            terminal.type("BLPOP none 0" + ENTER)
            terminal.wait_until(lambda: server.client.info("clients")["blocked_clients"])
            terminal.type(CTRL_C)
            terminal.wait_for(f"{prompt}[2]>")
            terminal.type("MONITOR" + ENTER)
            terminal.wait_until(lambda: "OK" in terminal.lines)
            server.run("ECHO", "seen")
            terminal.wait_until(lambda: any('"ECHO" "seen"' in x for x in terminal.lines))
            terminal.type(CTRL_C)
            terminal.wait_for(f"{prompt}[2]>")
            terminal.type(CTRL_D)
            assert terminal.ended() == 0


@needs_redis_server
def test_a_server_that_goes_away_leaves_a_prompt(tmp_path: Path, native: None) -> None:
    with RedisServer(tmp_path) as server:
        prompt = f"127.0.0.1:{server.port}"
        with Terminal(tmp_path, "shell", f"redis://{prompt}") as terminal:
            terminal.wait_for(f"{prompt}>")
            terminal.type("SHUTDOWN NOSAVE" + ENTER)
            terminal.wait_for("not connected>")
            terminal.type("PING" + ENTER)
            terminal.wait_until(lambda: any("cannot connect" in x for x in terminal.lines))
            terminal.wait_for("not connected>")
            terminal.type(CTRL_D)
            assert terminal.ended() == 0
