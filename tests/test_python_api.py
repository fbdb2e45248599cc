"""The library: the same verbs as functions, with typed results and exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

import redtool

pytestmark = pytest.mark.usefixtures("native")


@pytest.fixture
def store(dump: Path) -> Path:
    result = redtool.import_(dump)
    assert result.ok
    return Path(result.target)


def test_convert_answers_with_its_account(dump: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    result = redtool.convert(
        dump,
        tmp_path / "x.lmdb",
        filters=redtool.Filters(types=["hash"]),
        progress=lambda *step: seen.append(step),
    )
    assert result.ok
    assert result.account.total == redtool.Tally(29, 5, 24, 0, 0)
    assert result.account.types["hash"].written == 5


@pytest.mark.parametrize("suffix", [".rdb", ".lmdb"])
def test_open_finds_entries_and_counts_them(store: Path, suffix: str) -> None:
    with redtool.open(store.with_suffix(suffix)) as dataset:
        assert dataset.counts().keys == 29
        assert dataset.counts().dbs[5] == redtool.DatabaseCounts(2, 1)
        entries = {(entry.db, entry.key): entry for entry in dataset}
        assert len(entries) == 29
        assert entries[0, b"s:int"].value == b"42"
        assert entries[0, b"l:compact"].value == [b"a", b"1", b"", b"-70000"]
        assert entries[0, b"set:is16"].value == {b"1", b"2", b"3"}
        assert entries[0, b"h:compact"].value == {b"f": b"v", b"n": b"1"}
        assert entries[0, b"z:compact"].value[0] == (b"a", 1.0)
        assert entries[0, b"s:pexp"].expire_at_ms == 4102444800077
        assert entries[0, b"x"].value["length"] == 29


def test_get_one(store: Path) -> None:
    with redtool.open(store) as dataset:
        found = dataset.get("h", db=15)
        assert found is not None
        assert (found.type, found.value) == ("hash", {b"db": b"15"})
        assert found.expire_at_ms == 4102444800000
        assert dataset.get(b"nothing") is None


def test_entries_take_filters_and_can_leave_values_out(store: Path) -> None:
    with redtool.open(store) as dataset:
        some = list(dataset.entries(redtool.Filters(keys=["set:*"], dbs=[0]), values=False))
    assert {entry.key for entry in some} == {b"set:ht", b"set:is16", b"set:is64", b"set:lp"}
    assert {entry.value for entry in some} == {None}


def test_execute_answers_in_python_types(store: Path) -> None:
    with redtool.open(store) as dataset:
        assert dataset.execute("GET", "s:str") == b"hello"
        assert dataset.execute("GET", b"nothing") is None
        assert dataset.execute("DBSIZE", db=1) == 2
        assert dataset.execute("HGETALL", "h", db=1) == {b"db": b"1"}
        assert dataset.execute("SMEMBERS", "set:is16") == {b"1", b"2", b"3"}
        assert dataset.execute("ZSCORE", "z:compact", "b") == 2.5
        assert dataset.execute("LRANGE", "l:compact", 0, 1) == [b"a", b"1"]


def test_an_error_reply_is_an_exception(store: Path) -> None:
    with redtool.open(store) as dataset, pytest.raises(redtool.ResponseError, match="WRONGTYPE"):
        dataset.execute("GET", "h:ht")


def test_a_closed_dataset_says_so(store: Path) -> None:
    dataset = redtool.open(store)
    dataset.close()
    dataset.close()
    with pytest.raises(redtool.RedtoolError, match="closed"):
        dataset.execute("PING")


def test_diff_reports_differences_as_they_are_found(store: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.rdb"
    redtool.dump(store, part, filters=redtool.Filters(exclude_types=["zset"]))
    seen: list[redtool.Difference] = []
    result = redtool.diff(store, part, limit=1, on_difference=seen.append)
    assert (result.same, result.missing, result.extra) == (26, 3, 0)
    assert len(result.differences) == 1
    assert {difference.key for difference in seen} == {b"geo", b"z:compact", b"z:skip"}
    assert {difference.kind for difference in seen} == {"missing"}


def test_verify_and_info(dump: Path) -> None:
    checked = redtool.verify(dump, deep=True)
    assert (checked.ok, checked.checksum, checked.version) == (True, "ok", 10)
    about = redtool.info(dump)
    assert (about.scheme, about.version, about.dialect) == ("rdb", 10, "redis")
    assert about.dbs[0] == redtool.DatabaseCounts(23, 2)


def test_serve_answers_a_real_client(store: Path) -> None:
    with (
        redtool.serve(store, readonly=True, port=0) as server,
        redis.Redis(host=server.host, port=server.port) as client,
    ):
        assert client.get("s:str") == b"hello"
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("s:str", "x")


def test_what_a_server_has_written_is_read(store: Path) -> None:
    """Of a store at once; of a dataset in memory by commands alone."""
    with redtool.serve(store, port=0) as server:
        keys = server.dataset.counts().keys
        server.dataset.execute("SET", "written:now", "x")
        assert server.dataset.counts().keys == keys + 1
        assert server.dataset.get("written:now") is not None
        assert "written:now" in [entry.key.decode() for entry in server.dataset.entries()]
    with redtool.serve(store, backend="memory", port=0) as server:
        server.dataset.execute("SET", "more:now", "x")
        assert server.dataset.counts().keys == keys + 2
        with pytest.raises(redtool.UsageError, match="no entries"):
            server.dataset.get("more:now")


def test_a_server_begins_with_nothing_or_with_a_dump_alone(dump: Path) -> None:
    with redtool.serve(rdb=dump, flushall=True, port=0) as server:
        assert server.dataset.counts().keys > 0
    with redtool.serve(dump, backend="memory", flushall=True, port=0) as server:
        assert server.dataset.counts().keys == 0


def test_two_servers_cannot_have_one_port(store: Path) -> None:
    with redtool.serve(store, port=0) as server:
        with pytest.raises(OSError, match=str(server.port)) as caught:
            redtool.serve(store, port=server.port)
        assert isinstance(caught.value, redtool.RedtoolError)


def test_errors_are_pythons_own_too(dump: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        redtool.open(tmp_path / "none.rdb")
    redtool.import_(dump)
    with pytest.raises(FileExistsError):
        redtool.import_(dump)
    dump.write_bytes(dump.read_bytes()[:-300])
    with pytest.raises(ValueError, match="at byte") as caught:
        redtool.import_(dump, force=True)
    assert isinstance(caught.value, redtool.TruncatedError)
    assert caught.value.offset is not None


def test_what_progress_raises_ends_the_work(tmp_path: Path, dump: Path) -> None:
    def impatient(done: int, total: int, keys: int) -> None:
        raise KeyboardInterrupt

    # Too small a dump ends before the first report; so this one may pass, but never leave a half.
    try:
        redtool.convert(dump, tmp_path / "x.lmdb", progress=impatient)
    except KeyboardInterrupt:
        assert not (tmp_path / "x.lmdb").exists()
    assert not list(tmp_path.glob(".*partial*"))
