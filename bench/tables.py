"""The bench's rows of DynamoDB: redtool against boto3, on DynamoDB Local.

Peer and redtool write the same items into tables of the same service, and read them again: boto3
with `batch_writer` and a paginated `scan`, in one process, as its documentation shows. The tables
are made before the clock runs; redtool's time is that of the whole command. The service works on
the same two cores as both of them, so the ratio is lower than over a network.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from measure import BenchError, Series, run
from rows import Bar, Row, ratio_row

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.dynamodb.local import ENVIRONMENT, HERE, DynamoDBLocal

# Keys of the dump that are taken: a fraction of it, since the service is slow.
SAMPLE = "1/20"
# A turn takes minutes.
MOST_TURNS = 3
BARS = [
    Bar("dynamodb_import", "RDB -> DynamoDB Local", "boto3 batch_writer", 3),
    Bar("dynamodb_scan", "DynamoDB Local -> RDB", "boto3 scan", 3),
]


class Measured(Protocol):
    """What of a bench is needed here."""

    redtool: str
    rdb: Path
    work: Path
    runs: int

    def of(self, name: str) -> Series: ...
    def median(self, name: str) -> float | None: ...


def run_tables(bench: Measured) -> None:
    """Writes and reads a sample of the dump, each side in turn."""
    if not HERE:
        return
    with (
        tempfile.TemporaryDirectory(dir=bench.work) as folder,
        DynamoDBLocal(Path(folder)) as service,
    ):
        os.environ.update(ENVIRONMENT)
        sample = Path(folder) / "sample.rdb"
        convert = [bench.redtool, "convert", "--quiet"]
        run([*convert, str(bench.rdb), str(sample), "--sample", SAMPLE])
        run([*convert, str(sample), service.url("model"), "--create"])
        items = scan(boto3_table(service, "model"))
        # Once before the clock runs: the service compiles itself while it works.
        for turn in range(min(bench.runs, MOST_TURNS) + 1):
            ours = boto3_table(service, f"ours-{turn}", like="model")
            theirs = boto3_table(service, f"theirs-{turn}", like="model")
            made = run([*convert, str(sample), service.url(ours.name)])
            read = run([*convert, service.url(ours.name), str(Path(folder) / f"{turn}.rdb")])
            wrote_s, read_s = boto3_times(theirs, items)
            if turn > 0:
                bench.of("dynamodb_import").take(made)
                bench.of("dynamodb_scan").take(read)
                bench.of("boto3_write").add(wrote_s)
                bench.of("boto3_scan").add(read_s)
            for table in (ours, theirs):
                table.delete()


def boto3_table(service: DynamoDBLocal, name: str, like: str | None = None) -> Any:
    """A table as boto3 knows it, made like another when that is named."""
    import boto3

    resource = boto3.resource("dynamodb", endpoint_url=service.endpoint)
    if like is not None:
        model = resource.Table(like)
        resource.create_table(
            TableName=name,
            KeySchema=model.key_schema,
            AttributeDefinitions=model.attribute_definitions,
            BillingMode="PAY_PER_REQUEST",
        )
    return resource.Table(name)


def scan(table: Any) -> list[Any]:
    """Every item."""
    items: list[Any] = []
    page: dict[str, Any] = {}
    while not items or "LastEvaluatedKey" in page:
        start = page.get("LastEvaluatedKey")
        page = table.scan(**({"ExclusiveStartKey": start} if start else {}))
        items += page["Items"]
        if not page["Items"] and "LastEvaluatedKey" not in page:
            break
    return items


def boto3_times(table: Any, items: list[Any]) -> tuple[float, float]:
    """Seconds to write all items and to read them again."""
    started_s = time.perf_counter()
    with table.batch_writer() as batch:
        for item in items:
            batch.put_item(Item=item)
    wrote_s = time.perf_counter() - started_s
    started_s = time.perf_counter()
    found = scan(table)
    read_s = time.perf_counter() - started_s
    if len(found) != len(items):
        raise BenchError(f"boto3 wrote {len(items)} items and read {len(found)}")
    return wrote_s, read_s


def table_rows(bench: Measured) -> list[Row]:
    """The rows of what was measured."""
    peers = {"dynamodb_import": "boto3_write", "dynamodb_scan": "boto3_scan"}
    return [
        ratio_row(
            bar,
            bench.median(bar.name),
            bench.median(peers[bar.name]),
            "s",
            bench.of(bar.name).peak_bytes,
        )
        for bar in BARS
    ]
