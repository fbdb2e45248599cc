"""The service that the tests in this folder use, and names of tables in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.dynamodb.local import ENVIRONMENT, DynamoDBLocal

Table = Callable[[], str]


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBLocal]:
    """DynamoDB Local, started once."""
    with DynamoDBLocal(tmp_path_factory.mktemp("dynamodb-local")) as service:
        yield service


@pytest.fixture
def service(local: DynamoDBLocal, native: None, monkeypatch: pytest.MonkeyPatch) -> DynamoDBLocal:
    """The service, found through the environment as any other would be."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", local.endpoint)
    return local


_NUMBERS = count()


@pytest.fixture
def table(service: DynamoDBLocal) -> str:
    """The name of a table that is not there yet."""
    return f"dynamodb://table-{next(_NUMBERS)}"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Where a test writes a dump of its own."""
    return tmp_path / "written.rdb"
