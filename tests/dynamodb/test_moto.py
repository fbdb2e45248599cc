"""What moto is right about: tables made, filled and read back, with nothing to install but it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

import redtool
from redtool.aws import describe_table
from tests.conftest import MIXED
from tests.dynamodb.document import DynamoTable
from tests.dynamodb.local import ENVIRONMENT
from tests.layout.promises import check_books

pytestmark = [
    pytest.mark.usefixtures("native", "service"),
    pytest.mark.skipif(
        importlib.util.find_spec("moto") is None, reason="moto is not installed: pip install moto"
    ),
]
# Its scans in segments fail.
READ = {"segments": "1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def service(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)


def test_a_dump_goes_in_and_comes_out(service: None, written: Path) -> None:
    table = "dynamodb://moto"
    redtool.import_(MIXED, table, tuning={"create": "yes"})
    assert describe_table(table)["TableName"] == "moto"
    with DynamoTable(table) as store:
        check_books(store)
    redtool.convert(table, written, tuning=READ)
    assert not redtool.diff(MIXED, written).different
    with redtool.open(table) as dataset, redtool.open(MIXED) as dump:
        assert dataset.execute("DBSIZE") == dump.execute("DBSIZE")
        for entry in dump.entries(values=False):
            found = dataset.execute("DUMP", entry.key, db=entry.db)
            assert found == dump.execute("DUMP", entry.key, db=entry.db)
