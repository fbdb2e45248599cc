"""The layout's document is true of LMDB files, which py-lmdb reads by it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import lmdb
import pytest

import redtool
from tests.layout.promises import DOCUMENT, ENCODINGS, Promises
from tests.layout.store import PIECE_BYTES, LmdbStore, inline, parse_object

pytestmark = pytest.mark.usefixtures("native")


class TestLmdb(Promises):
    """An LMDB file read with py-lmdb."""

    kind = LmdbStore


def test_the_documents_example_reads_as_it_says() -> None:
    example = re.search(
        r"Example: db 3, hash `user:1` = \{f: v\} expiring at (\d+).*?"
        r"//! key +([0-9a-f ]+)\n//! value +([0-9a-f ]+)\n",
        DOCUMENT,
        re.DOTALL,
    )
    assert example is not None
    one = parse_object(bytes.fromhex(example[2]), bytes.fromhex(example[3]))
    assert (one.db, one.key, one.kind, one.count) == (3, b"user:1", "hash", 1)
    assert (one.expire_at_ms, ENCODINGS[one.encoding]) == (int(example[1]), "listpack")
    assert inline(one) == {b"f": (b"v", None)}


def test_the_example_of_a_string_in_pieces_reads_as_it_says() -> None:
    example = re.search(
        r"Example: db 0, string `s` of (\d+) bytes, the value with the id (\d+):.*?"
        r"objects +([0-9a-f ]+?)  +([0-9a-f ]+)\n(.*?)```",
        DOCUMENT,
        re.DOTALL,
    )
    assert example is not None
    one = parse_object(bytes.fromhex(example[3]), bytes.fromhex(example[4]))
    assert (one.db, one.key, one.kind, ENCODINGS[one.encoding]) == (0, b"s", "string", "raw")
    assert one.segments == int(example[2])
    assert one.payload == struct.pack("<Q", int(example[1]))
    keys = re.findall(r"^//!.*?([0-9a-f]{16} 62 [0-9a-f]{16})", example[5], re.MULTILINE)
    places = [(one.segments, b"b", offset) for offset in range(0, int(example[1]), PIECE_BYTES)]
    assert [struct.unpack(">QcQ", bytes.fromhex(key)) for key in keys] == places


def test_an_lmdb_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.lmdb"
    for table in (None, b"meta", b"users"):
        env = lmdb.open(str(path), subdir=False, max_dbs=4)
        with env.begin(write=True) as txn:
            # Once as a value of the main table, once as tables of its own.
            db = env.open_db(table, txn=txn) if table == b"users" else None
            txn.put(table or b"key", b"value", db=db)
        env.close()
        before = path.read_bytes()
        with pytest.raises(redtool.RedtoolError, match=r"other\.lmdb.*not a redtool"):
            redtool.open(path)
        assert path.read_bytes() == before
