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


# A dump costs a table and some seconds here. What differs between servers is for the tests of
# stores in files, which read every dump; these are the newest forms of all types.
SERVERS = ("redis-7.4.1",)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the dumps of other servers, in this folder only."""
    here = Path(__file__).parent
    kept = [item for item in items if here not in item.path.parents or _is_taken(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def _is_taken(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    fixture = call.params.get("fixture") if call is not None else None
    return fixture is None or fixture.rdb.parent.name in SERVERS
