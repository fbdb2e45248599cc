"""Two parsers, one meaning: what the lean one accepts, Typer reads the same way."""

from __future__ import annotations

import shlex
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redtool.cli import app, parse_lean
from redtool.cli.rows import Option, Verb
from redtool.cli.table import NAMES, verb_named

PLAIN = [
    "import dump.rdb",
    "import dump.rdb --to lmdb",
    "import --to=lmdb dump.rdb --out x.lmdb -f",
    "import - -o x.lmdb --quiet",
    "load a.rdb b.lmdb --key 'user:*' --key 'session:*' --db 0 --db 5",
    "dump x.lmdb -o out.rdb --for redis-6.2 --lossy",
    "dump x.lmdb --out=out.rdb --rdb-version 9 --json",
    "convert a.rdb b.lmdb --type hash --exclude-type=string --ttl '<1h'",
    "convert a.rdb -- -b.rdb",
    "diff a.rdb b.lmdb --ttl-tolerance 2s --limit 5",
    "diff a b --ttl 1h..7d --exclude 'tmp:*' --exclude-regex '^x' --exclude-db 3",
    "serve x.lmdb",
    "serve x.lmdb --readonly --port 7000 --bind 127.0.0.1 --bind ::1",
    "serve --port=-1 --unixsocket /tmp/s x.lmdb --threads 2 --clock dump",
    "serve x.lmdb --clock 2026-01-31T12:00Z --databases 99 --insecure -q",
    "exec x.lmdb GET k",
    "exec x.lmdb ZRANGE board 0 -1 WITHSCORES",
    "exec x.lmdb -n 5 HGETALL user:1",
    "exec -n 5 --json x.lmdb LRANGE l -2 -1",
    "exec x.lmdb --raw -- SORT_RO l --json",
    "exec x.lmdb SET k ''",
    "info x.rdb",
    "info --json x.rdb",
    "verify x.rdb --deep --salvage y.rdb --force --no-checksum",
]
DOUBTFUL = [
    "",
    "--help",
    "--version",
    "inport x",
    "import",
    "import --help",
    "import a b",
    "import a --to",
    "import a --too lmdb",
    "import a --out x --out y",
    "import a --force=yes",
    "import a -fq",
    "import a -olong",
    "import ''",
    "dump",
    "dump a -o ''",
    "dump a -o b --rdb-version many",
    "diff a b --limit -5",
    "diff a b --ttl soon",
    "convert a b --type hush",
    "serve x --port 70000",
    "serve x --port -1",
    "exec x",
    "exec x -n GET k",
    "exec x --quiet GET k",
]


@pytest.mark.parametrize("line", PLAIN)
def test_the_parsers_agree(line: str) -> None:
    words = shlex.split(line)
    quick = parse_lean(words)
    assert quick is not None, "a plain line is for the lean parser"
    assert quick == app.parse(words)


@pytest.mark.parametrize("line", DOUBTFUL)
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    assert parse_lean(shlex.split(line)) is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("import a --too lmdb", "No such option: --too"),
        ("merge a", "Missing option '--out' / '-o'"),
        ("import a b", "unexpected extra argument"),
        ("convert a b --type hush", "'hush' is none of string"),
        ("diff a b --ttl soon", "'soon' is no range such as"),
        ("serve x --port 70000", "70000 is not between -1 and 65535"),
        ("exec x -n zero GET k", "'zero' is no whole number"),
        ("inport x", "No such command 'inport'"),
    ],
)
def test_a_usage_error_is_a_sentence_and_status_2(
    line: str, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert app.parse(shlex.split(line)) == 2
    shown = " ".join(capfd.readouterr().err.replace("│", " ").split())
    assert problem in shown
    assert "Traceback" not in shown


def words_for(option: Option) -> st.SearchStrategy[list[str]]:
    """The option as a user might give it, in each of its spellings."""
    flag = st.sampled_from(option.flags)
    if option.is_switch:
        return flag.map(lambda f: [f])
    value = st.sampled_from(["0", "7", "x", "1h", "any", "dump", "hash", "a=b", "-", "-1", "ü", ""])
    apart = st.tuples(flag, value).map(list)
    joined = st.tuples(flag, value).map(lambda pair: ["=".join(pair)])
    return st.one_of(apart, joined)


def lines(verb: Verb) -> st.SearchStrategy[list[str]]:
    """Command lines of a verb, most of them valid."""
    word = st.sampled_from(["a.rdb", "b.lmdb", "-", "GET", "--", "k", "", "memory:"]).map(
        lambda w: [w]
    )
    part = st.one_of(word, *(words_for(option) for option in verb.options))
    return st.lists(part, max_size=7).map(lambda parts: [verb.name, *chain(*parts)])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_lean_parser_never_contradicts_typer(name: str, data: st.DataObject) -> None:
    line = data.draw(lines(verb_named(name)))
    quick = parse_lean(line)
    if quick is not None:
        assert quick == app.parse(line)
