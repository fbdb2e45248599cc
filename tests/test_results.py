"""Results: accounts add up, errors name their place, and everything can be JSON."""

from __future__ import annotations

import json

import pytest

from redtool import errors
from redtool.cli.printer import account_lines, count, size
from redtool.results import Account, ConvertResult, Entry, Tally, VerifyResult

ACCOUNT = {
    "read": {"string": 3, "hash": 2},
    "written": {"string": 1, "hash": 2},
    "filtered": {"string": 1},
    "skipped": {},
    "failed": {"string": 1},
}
CONVERTED = {
    "source": "a.rdb",
    "target": "b.lmdb",
    "account": ACCOUNT,
    "losses": {},
    "warnings": [],
    "failures": [{"offset": 7, "db": 0, "key": b"k\xff", "error": "no"}],
    "bytes_read": 1,
    "bytes_written": 2,
    "seconds": 0.5,
}


def test_an_account_adds_up_by_type() -> None:
    account = Account.from_native(ACCOUNT)
    assert account.types["string"] == Tally(3, 1, 1, 0, 1)
    assert account.total == Tally(5, 3, 1, 0, 1)
    assert account.balanced


def test_an_account_that_only_adds_up_in_sum_does_not_balance() -> None:
    account = Account.from_native({"read": {"string": 1}, "written": {"hash": 1}})
    assert not account.balanced


def test_an_empty_account_balances() -> None:
    assert Account.from_native({}).balanced
    assert Account.from_native({}).total == Tally(0, 0, 0, 0, 0)


def test_a_conversion_with_a_failed_key_is_not_ok() -> None:
    result = ConvertResult.from_native(CONVERTED)
    assert not result.ok
    shown = json.loads(json.dumps(result.as_dict()))
    assert shown["failures"] == [{"error": "no", "offset": 7, "db": 0, "key": "k\\xff"}]
    assert shown["account"]["total"]["failed"] == 1


def test_an_entry_can_be_json() -> None:
    entry = Entry(0, b"k", "set", "listpack", {b"b", b"a"})
    assert entry.as_dict()["value"] == ["a", "b"]


def test_a_later_core_may_answer_more() -> None:
    answer = {
        "source": "a.rdb",
        "ok": False,
        "account": {},
        "problems": [{"offset": 9, "db": None, "key": None, "what": "cut short"}],
        "warnings": [],
        "checksum": "bad",
        "version": 10,
        "dialect": "redis",
        "bytes_read": 9,
        "seconds": 0.0,
        "novelty": 1,
    }
    assert VerifyResult.from_native(answer).problems[0].what == "cut short"


def test_the_account_is_a_table() -> None:
    assert "\n".join(account_lines(Account.from_native(ACCOUNT))) == (
        "          read  written  filtered  skipped  failed\n"
        "  hash       2        2         0        0       0\n"
        "  string     3        1         1        0       1\n"
        "  total      5        3         1        0       1"
    )


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (281_034_567, "281.0 MB")]
)
def test_sizes_for_people(number: int, text: str) -> None:
    assert size(number) == text


def test_counts_for_people() -> None:
    assert (count(1, "key"), count(1234, "key")) == ("1 key", "1,234 keys")


def test_an_error_names_its_place() -> None:
    error = errors.CorruptError("bad listpack", path="x.rdb", offset=12, db=0, key=b"a\n")
    assert str(error) == 'x.rdb: bad listpack at byte 12 (db 0, key "a\\n")'


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.FormatError, ValueError),
        (errors.TruncatedError, ValueError),
        (errors.UsageError, ValueError),
        (errors.DatasetNotFoundError, FileNotFoundError),
        (errors.TargetExistsError, FileExistsError),
        (errors.StoreError, OSError),
        (errors.DiskFullError, OSError),
    ],
)
def test_errors_are_what_python_expects(
    error: type[errors.RedtoolError], builtin: type[Exception]
) -> None:
    caught = error("what", offset=1, hint="how")
    assert isinstance(caught, builtin)
    assert isinstance(caught, errors.RedtoolError)
    assert (str(caught), caught.hint) == ("what at byte 1", "how")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.RedtoolError):
            assert f"{name}" in drawn
