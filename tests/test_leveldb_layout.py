"""The layout's document is true of LevelDB directories, which plyvel reads by it."""

from __future__ import annotations

from pathlib import Path

import plyvel
import pytest

import redtool
from tests.conftest import MIXED, Runner
from tests.layout.promises import DOCUMENT, Promises
from tests.layout.store import LevelDbStore

pytestmark = pytest.mark.usefixtures("native")


class TestLevelDb(Promises):
    """A LevelDB directory read with plyvel."""

    kind = LevelDbStore


def test_the_document_names_the_byte_of_each_table() -> None:
    for table, byte in LevelDbStore.prefixes.items():
        assert f"{byte.decode()} {table.decode()}" in DOCUMENT


def test_what_plyvel_writes_is_read_and_what_is_read_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.leveldb"
    redtool.import_(MIXED, out=path)
    with LevelDbStore(path) as store:
        before = dict(store.db)
        one = next(one for one in store.objects() if one.kind == "string" and one.db == 0)
    copy = tmp_path / "copy.leveldb"
    db = plyvel.DB(str(copy), create_if_missing=True)
    with db.write_batch() as batch:
        for key, value in before.items():
            batch.put(key, value)
    db.close()
    for dataset in (path, copy):
        assert redtool.verify(dataset).ok
        assert not redtool.diff(MIXED, dataset).different
        with LevelDbStore(dataset) as store:
            assert dict(store.db) == before
            assert store.find(0, one.key) == one


def test_a_directory_of_someone_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.leveldb"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    with pytest.raises(redtool.RedtoolError, match=r"not a LevelDB directory"):
        redtool.open(f"leveldb://{path}")
    with pytest.raises(redtool.RedtoolError, match=r"a directory, but not a LevelDB store"):
        redtool.open(path)
    assert [found.name for found in path.iterdir()] == ["notes.txt"]
    db = plyvel.DB(str(tmp_path / "theirs"), create_if_missing=True)
    db.put(b"key", b"value")
    db.close()
    with pytest.raises(redtool.RedtoolError, match=r"theirs.*not a redtool"):
        redtool.open(tmp_path / "theirs")
    db = plyvel.DB(str(tmp_path / "theirs"))
    assert list(db) == [(b"key", b"value")]
    db.close()


def test_a_directory_in_use_by_another_program_is_refused(tmp_path: Path, run: Runner) -> None:
    path = tmp_path / "x.leveldb"
    redtool.import_(MIXED, out=path)
    db = plyvel.DB(str(path))
    for words in (("info", str(path)), ("import", str(MIXED), "--out", str(path), "--force")):
        ran = run(*words)
        assert ran.status == 2
        assert "in use" in ran.err
    db.close()
    assert redtool.verify(path).ok


def test_options_tune_the_store_that_is_made(tmp_path: Path, dump: Path, run: Runner) -> None:
    sizes = []
    for compression in ("snappy", "none"):
        tuning = ("--option", f"compression={compression}", "--option", "write_buffer_size=1MB")
        assert run("import", "dump.rdb", "--to", "leveldb", "--force", *tuning).status == 0
        files = (tmp_path / "dump.leveldb").iterdir()
        sizes.append(sum(file.stat().st_size for file in files if file.suffix == ".ldb"))
        assert not redtool.diff(dump, tmp_path / "dump.leveldb").different
    assert sizes[0] < sizes[1]
    ran = run("import", "dump.rdb", "--to", "leveldb", "--force", "--option", "wal=off")
    assert ran.status == 2
    assert '"wal" is not an option of LevelDB stores; there are write_buffer_size' in ran.err
