"""What a table's name means, and what is said about one that is not there or not ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

import redtool
from redtool.aws import Table, create_table, describe_table
from tests.conftest import MIXED, Runner
from tests.dynamodb.local import DynamoDBLocal, needs_dynamodb_local

pytestmark = [needs_dynamodb_local, pytest.mark.usefixtures("service")]


def test_a_table_is_made_once_billed_as_asked(table: str) -> None:
    assert create_table(table)
    assert not create_table(table)
    assert describe_table(table)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert create_table(f"{table}-p", read_units=7, write_units=9)
    units = describe_table(f"{table}-p")["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (7, 9)


def test_region_endpoint_and_profile_are_found_as_aws_tools_find_them(
    service: DynamoDBLocal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Table("dynamodb://cache").endpoint == service.endpoint
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB")
    assert Table("dynamodb://cache?region=eu-north-1").region == "eu-north-1"
    assert Table("dynamodb://cache?region=eu-north-1").endpoint is None
    config = tmp_path / "config"
    config.write_text(
        "[profile other]\nregion = sa-east-1\n"
        "aws_access_key_id = of-other\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    other = Table("dynamodb://cache?profile=other")
    assert other.region == "sa-east-1"
    assert other.keys()[:2] == ("of-other", "secret")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?profile=nobody", "profile"),
        ("?reigon=x", "unknown parameter 'reigon'"),
        ("?endpoint=nowhere", "endpoint"),
        ("?endpoint=http://127.0.0.1:9", "http://127.0.0.1:9 cannot be reached"),
        ("", "no table"),
    ],
)
def test_what_cannot_be_found_is_said_in_a_sentence(query: str, words: str, run: Runner) -> None:
    ran = run("info", f"dynamodb://absent{query}")
    assert ran.status == 2
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_no_region_and_no_credentials_are_said_so(
    monkeypatch: pytest.MonkeyPatch, run: Runner
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name)
    ran = run("info", "dynamodb://cache")
    assert (ran.status, "region" in ran.err) == (2, True)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    ran = run("info", "dynamodb://cache?region=eu-west-1")
    assert (ran.status, "no AWS credentials" in ran.err) == (2, True)


def test_tables_of_others_are_refused_and_stay_as_they_are(table: str, run: Runner) -> None:
    client = boto3.client("dynamodb")
    name = table.partition("://")[2]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client.put_item(TableName=name, Item={"id": {"S": "mine"}})
    for words in (
        ("info", table),
        ("import", str(MIXED), "--to", table),
        ("import", str(MIXED), "--to", table, "--create"),
    ):
        ran = run(*words)
        assert ran.status == 2
        assert "keys are not binary" in ran.err
    assert client.scan(TableName=name)["Items"] == [{"id": {"S": "mine"}}]


def test_a_table_with_our_keys_and_their_items_is_refused(table: str) -> None:
    create_table(table)
    theirs = {"pk": b"\0\0\0\0x", "sk": b"x", "theirs": True}
    client = boto3.resource("dynamodb").Table(table.partition("://")[2])
    client.put_item(Item=theirs)
    with pytest.raises(redtool.RedtoolError, match="not a dataset of redtool's"):
        redtool.import_(MIXED, table)
    with pytest.raises(redtool.RedtoolError, match="not a redtool store"):
        redtool.open(table)
    assert client.scan()["Count"] == 1


def test_a_newer_layout_is_refused(table: str) -> None:
    redtool.import_(MIXED, table, tuning={"create": "yes"})
    client = boto3.resource("dynamodb").Table(table.partition("://")[2])
    client.put_item(Item={"pk": b"m", "sk": b"layout", "v": b"redtool 2"})
    with pytest.raises(redtool.RedtoolError, match="newer than this redtool"):
        redtool.open(table)


def test_boto3_is_not_imported_for_other_datasets(run: Runner, dump: Path) -> None:
    code = f"import redtool, sys; redtool.info({str(dump)!r}); print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
