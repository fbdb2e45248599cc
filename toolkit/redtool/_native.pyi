"""The contract of the native module `redtool._native`, the only door into the engine room.

Python resolves names, prompts and prints; the core (server/python) moves the bytes. So every
dataset is handed over as a resolved `Url`, every choice as a plain value in `options`, and every
answer comes back as plain values.

- Calls release the GIL. `progress` is called with it a few times a second, from the calling thread,
  as (bytes done, bytes total or 0, keys so far); an exception that it raises stops the work,
  removes what was begun, and propagates. That is how Ctrl-C works, so a verb always passes one.
- Errors are classes of `redtool.errors`, raised as `Class(message, offset=…, db=…, key=…, hint=…)`
  where each keyword may be absent or None. `message` is one sentence part without the place: the
  face adds the file's name in front and `at byte N (db D, key "K")` behind.
- An option that is absent has its default, given below in brackets; an unknown one is a ValueError.

Filters, the value of `options["filters"]`, each absent when not wanted; an entry passes when it
matches one of each list that is there and none of the exclude_ lists:

    keys, exclude_keys        list[bytes]   globs as Redis' KEYS takes them
    regex, exclude_regex      list[str]     searched for anywhere in the key's bytes
    types, exclude_types      list[str]     string list set zset hash stream module
    dbs, exclude_dbs          list[int]
    ttl                       "none" (persistent), "any" (has an expiry), or a pair (min_ms | None,
                              max_ms | None): this much time left, both ends included
    sample, seed              (part, whole): this fraction of keys, by a hash of the key; int [0]
    slots                     list[(first, last)]  Redis Cluster slots, both ends included
    bucket                    (k, n): the k-th (from 1) of n parts that together are all keys

Transforms, the value of `options["transforms"]`, each absent when not wanted; the steps come in
this order, and each sees what the one before it made:

    script                    a function from redtool.Entry to Entry, None or several
    rename                    list[(bytes, bytes)]  prefixes; the first that fits
    rename_regex              list[(str, bytes)]  the first that is found; $1 is a group
    map_db                    list[(int, int)]
    ttl                       ("shift", ms), ("set", Unix ms) or ("drop", 0): of keys, fields of
                              hashes too
    ttl_default               Unix ms: the expiry of keys that have none after that
    mask                      list[("values" | "keys" | "all", a glob as bytes, or None)]
    mask_parts                "digits" or a regular expression: the parts of keys that are masked
    mask_secret               bytes

An entry that a script adds counts as read too, one that it drops as filtered, one that cannot be
masked (`lossy`) as skipped. Keys that become one are an error that names them.

Accounts, the value of `"account"` in results: {"read", "written", "filtered", "skipped", "failed"},
each a dict from type name to a count of keys; for every type,
read = written + filtered + skipped + failed.
"""

from collections.abc import Callable, Iterator
from typing import Any, final

Url = tuple[str, str, dict[str, Any]]
"""("rdb", "/abs/x.rdb" or "-", {}), ("lmdb", "/abs/x.lmdb", {}), ("memory", "", {}). The last says
how a store is tuned: ("leveldb", "/abs/x.leveldb", {"block_size": "16KB"})."""

Progress = Callable[[int, int, int], None]
"""Bytes done, bytes in all (0 when unknown), keys."""

def version() -> str:
    """The version of the core, which is the version of the distribution."""

def sniff(path: str) -> str:
    """What lies at `path`, by content: rdb, rdb.gz, rdb.zst, lmdb, aof, jsonl or unknown.

    raises: OSError when it cannot be read.
    """

def convert(
    source: Url, target: Url, options: dict[str, Any], progress: Progress | None
) -> dict[str, Any]:
    """Copies the entries of `source` into a new dataset at `target`, all or nothing.

    options: filters {}; transforms {}; checksum bool [True];
    target str [""], a server to write for ("redis-7.2");
    rdb_version int | None [None] (neither: the version of the dump it is or came from);
    lossy bool [False]; force bool [False], replace what is there;
    compress bool [True], LZF as Redis does; of text forms: replace bool [False], commands replace
    keys; elements bool [False], CSV rows; template str | None [None], lines of keys;
    dead_letters str | None [None], a file for entries that cannot be read, which then do not end
    the work
    returns: account; losses {name: n}; warnings [str]; bytes_read int; bytes_written int;
    seconds float; failures [{offset int | None, db int | None, key bytes | None, error str}]
    raises: TargetExistsError, LossError, FormatError (its kinds), StoreError, DatasetNotFoundError
    """

def merge(
    sources: list[Url], target: Url, options: dict[str, Any], progress: Progress | None
) -> dict[str, Any]:
    """Merges several datasets into a new one, in which every key is there once.

    options: those of convert; on_conflict "fail" | "first" | "last" | "newest" ["fail"], which
    entry stays when a key is in several sources
    returns: what convert does; conflicts int, entries that gave way
    """

def split(
    source: Url,
    parts: list[tuple[Url, dict[str, Any]]],
    options: dict[str, Any],
    progress: Progress | None,
) -> dict[str, Any]:
    """Splits a dataset into new ones. A part says which entries it takes: {"filters": {}}; an entry
    that no part takes is filtered, one that two take is an error.

    options: those of convert
    returns: account; parts [what convert returns, without seconds]; failures; bytes_read; seconds
    """

def diff(
    a: Url,
    b: Url,
    options: dict[str, Any],
    progress: Progress | None,
    emit: Callable[[list[dict[str, Any]]], None] | None,
) -> dict[str, Any]:
    """Compares by meaning. `emit` is given batches of differences, in no promised order.

    options: filters {}; ttl_tolerance_ms int [0]; checksum bool [True]
    a difference: kind "missing" (in a, not in b) | "extra" | "type" | "value" | "expiry"; db int;
    key bytes; type str (in a; in b for extra); detail str; path str | None, the first element that
    differs
    returns: same, missing, extra, type, value, expiry (ints); seconds float
    """

def tabulate(
    source: Url,
    options: dict[str, Any],
    progress: Progress | None,
    emit: Callable[[Batch], object],
) -> dict[str, Any]:
    """Gives the entries of `source` to `emit` as record batches: a row a key, or an element.

    options: filters {}; transforms {}; checksum bool [True]; elements bool [False]; lossy bool
    [False], values too large for a cell are left out; dead_letters str | None [None]
    returns: what convert does
    An exception of `emit` ends the work and propagates.
    """

@final
class Batch:
    """Rows, for whoever speaks Arrow's PyCapsule interface (`__arrow_c_array__`)."""

@final
class Schema:
    """The schema of such rows (`__arrow_c_schema__`)."""

    def __init__(self, elements: bool) -> None:
        """Of rows of elements, or of keys."""

def verify(source: Url, options: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
    """Walks the whole dataset and checks it.

    options: deep bool [False], every packed encoding too; checksum bool [True];
    salvage Url | None [None], where every whole entry goes; force bool [False], replace it
    returns: ok bool; account; problems [{offset, db, key, what}] (the first three may be None);
    warnings [str]; checksum "ok" | "none" | "skipped" | "bad"; version int; seconds float;
    bytes_read int; dialect "redis" | "valkey" | ""
    A damaged dataset is a result with ok False; only one that cannot be opened is an exception.
    """

def info(source: Url, options: dict[str, Any]) -> dict[str, Any]:
    """Header and counts, without decoding values.

    options: checksum bool [False]
    returns: scheme str; size_bytes int; version int (RDB version or layout version); dialect str;
    aux {str: str}; functions [str], library names; modules [str];
    dbs {int: {"keys": int, "expires": int}}; types {str: int}
    """

@final
class Dataset:
    """An open dataset: commands and entries."""

    def __init__(self, source: Url, options: dict[str, Any]) -> None:
        """Opens it for reading.

        options: clock "now" | "dump" | int (Unix ms) ["now"]; databases int [16];
        checksum bool [True]; temp_dir str | None [None], where an RDB too big for memory is indexed
        """

    def execute(self, db: int, args: list[bytes]) -> Any:
        """One command's RESP3 reply: bytes, int, float, bool, None, list, dict, set.

        raises: ResponseError for an error reply (one inside a list is an instance in the list).
        """

    def execute_raw(self, db: int, args: list[bytes], resp3: bool) -> bytes:
        """One command's reply as the bytes a client would read; an error reply is bytes too."""

    def entries(self, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every entry, in the dataset's own order.

        options: filters {}; values bool [True]
        an entry: db int; key bytes; type str; encoding str; expire_at_ms int | None;
        idle_s int | None; freq int | None; value: bytes | list[bytes] | set[bytes] |
        dict[bytes, bytes] | list[tuple[bytes, float]] (zset) | dict (stream, module), or None when
        values is False. A hash's entry also has field_expire_ms {field bytes: Unix ms}, of those
        fields that have an expiry.
        a stream: length, entries_added (ints); last_id, first_id, max_deleted_id (text "ms-seq");
        entries [(id, [field, value, field, value ...])]; groups [{name bytes; last_delivered_id;
        entries_read int | None; pel [(id, consumer bytes, delivery time in Unix ms, count)];
        consumers [{name bytes; seen_time_ms int; active_time_ms int | None; pel [id ...]}]}],
        groups and consumers by name
        a module value: module str, its name; payload bytes, as the dump holds it
        """

    def entry(self, db: int, key: bytes) -> dict[str, Any] | None:
        """One entry as `entries` gives it, or None when the key is not there or has expired."""

    def counts(self) -> dict[str, Any]:
        """dbs and types, as info gives them."""

    def close(self) -> None:
        """Releases files. Closing twice is fine; any other call after it is a RedtoolError."""

@final
class Server:
    """A RESP server over a dataset."""

    def __init__(self, dataset: Dataset, options: dict[str, Any]) -> None:
        """Binds at once, so that a busy port is an OSError here.

        options: bind list[str] ["127.0.0.1"]; port int [6379], 0 any free one, -1 none;
        unixsocket str | None [None]; threads int [0], 0 for one a core; readonly bool [True];
        insecure bool [False], allows bind beyond loopback; maxclients int [10000];
        timeout_s int [0], idle seconds after which a client is disconnected, 0 for never;
        signals bool [False], whether run ends at SIGINT and SIGTERM
        """

    def addresses(self) -> list[str]:
        """Where it listens: "127.0.0.1:6379", "[::1]:6379", "/run/x.sock"."""

    def run(self, on_ready: Callable[[], None] | None) -> None:
        """Serves until a signal or `stop`; calls `on_ready` once connections are accepted."""

    def stop(self) -> None:
        """Ends `run`, from any thread."""
