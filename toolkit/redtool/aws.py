"""DynamoDB tables as AWS' own tools see them: names, credentials, administration. The one door to
boto3.

A table's name is `dynamodb://TABLE`, with `?region=`, `?endpoint=` and `?profile=` behind it where
the usual chain (AWS_* variables, `~/.aws/config`, AWS_ENDPOINT_URL_DYNAMODB, SSO, roles, instance
metadata) is not to decide. boto3 walks that chain; the core, which moves the bytes, is told the
outcome and asks for credentials again when they are about to end.
"""

from __future__ import annotations

import re
from functools import cached_property
from urllib.parse import parse_qsl

from redtool.errors import (
    DatasetNotFoundError,
    RedtoolError,
    StoreError,
    TargetExistsError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from redtool._native import Url

Keys = tuple[str, str, str | None, float | None]
"""Access key, secret key, session token, and when they end (Unix seconds)."""

PARTITION_KEY = "pk"
SORT_KEY = "sk"
TTL_ATTRIBUTE = "ttl"

_SCHEME = "dynamodb://"
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_PARAMETERS = ("region", "endpoint", "profile")
# What requests to an endpoint of one's own are signed for when no region is named.
_ANY_REGION = "us-east-1"
# A new table is there within seconds; asked for once a second, for at most five minutes.
_WAIT = {"Delay": 1, "MaxAttempts": 300}


class Table:
    """A table by its name, and the service it is in. Nothing is asked before it is needed.

    >>> table = Table("dynamodb://cache?region=eu-west-1&endpoint=http://127.0.0.1:8000")
    >>> table.name, table.region, table.endpoint
    ('cache', 'eu-west-1', 'http://127.0.0.1:8000')
    """

    def __init__(self, url: str) -> None:
        name, _, query = url.removeprefix(_SCHEME).partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        unknown = [word for word in parameters if word not in _PARAMETERS]
        if unknown:
            hint = f"known are {', '.join(_PARAMETERS)}"
            raise UsageError(f"unknown parameter {unknown[0]!r}", path=url, hint=hint)
        if not _TABLE_NAME.fullmatch(name):
            hint = "3 to 255 letters, digits, '_', '-' and '.'"
            raise UsageError(f"{name!r} is not the name of a table", path=url, hint=hint)
        self.url = url
        self.name = name
        self._asked = {word: value for word, value in parameters.items() if value}

    @cached_property
    def session(self) -> Any:
        """The boto3 session: of the profile, if one is named."""
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            return boto3.Session(
                profile_name=self._asked.get("profile"), region_name=self._asked.get("region")
            )
        except BotoCoreError as error:
            raise self.failed(error) from None

    @cached_property
    def client(self) -> Any:
        """A client of the service."""
        from botocore.exceptions import BotoCoreError

        endpoint = self._asked.get("endpoint")
        region = self.session.region_name or (_ANY_REGION if endpoint else None)
        try:
            return self.session.client("dynamodb", region_name=region, endpoint_url=endpoint)
        except (BotoCoreError, ValueError) as error:
            raise self.failed(error) from None

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return str(self.client.meta.region_name)

    @property
    def endpoint(self) -> str | None:
        """The service's URL, when it is not the region's own."""
        url = str(self.client.meta.endpoint_url)
        return None if url == f"https://dynamodb.{self.region}.amazonaws.com" else url

    def keys(self) -> Keys:
        """The credentials to sign with now."""
        from botocore.exceptions import BotoCoreError

        try:
            credentials = self.session.get_credentials()
            if credentials is None:
                raise StoreError("no AWS credentials", path=self.url, hint=_CREDENTIALS_HINT)
            frozen = credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise self.failed(error) from None
        # Only credentials that are renewed have one; what has none is asked for again soon.
        expiry = getattr(credentials, "_expiry_time", None)
        until = expiry.timestamp() if expiry is not None else None
        return frozen.access_key, frozen.secret_key, frozen.token, until

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Asks the service, and puts what it refuses into words."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = getattr(self.client, operation)(TableName=self.name, **parameters)
        except (BotoCoreError, ClientError) as error:
            raise self.failed(error) from None
        return dict(answer)

    def failed(self, error: Exception) -> RedtoolError:
        """An error of boto3's as one of redtool's."""
        response = getattr(error, "response", {}) or {}
        code = response.get("Error", {}).get("Code", type(error).__name__)
        message = response.get("Error", {}).get("Message") or str(error)
        kind, hint = _ERRORS.get(code, (StoreError, None))
        return kind(message.rstrip("."), path=self.url, hint=hint)


_CREDENTIALS_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or add ?profile=NAME"
)
_LOGIN_HINT = "log in again ('aws sso login'), or renew the session's keys"
# Code: the class to raise, and what to do.
_ERRORS: dict[str, tuple[type[RedtoolError], str | None]] = {
    "NoRegionError": (UsageError, "add ?region=NAME, or set AWS_REGION or the profile's region"),
    "ProfileNotFound": (UsageError, "'aws configure list-profiles' lists those there are"),
    "ValueError": (UsageError, "an endpoint is a URL, as in ?endpoint=http://127.0.0.1:8000"),
    "NoCredentialsError": (StoreError, _CREDENTIALS_HINT),
    "PartialCredentialsError": (StoreError, _CREDENTIALS_HINT),
    "CredentialRetrievalError": (StoreError, _LOGIN_HINT),
    "SSOTokenLoadError": (StoreError, _LOGIN_HINT),
    "UnauthorizedSSOTokenError": (StoreError, _LOGIN_HINT),
    "TokenRetrievalError": (StoreError, _LOGIN_HINT),
    "ExpiredTokenException": (StoreError, _LOGIN_HINT),
    "ExpiredToken": (StoreError, _LOGIN_HINT),
    "EndpointConnectionError": (StoreError, "check the endpoint, the region and the network"),
    "ConnectTimeoutError": (StoreError, "check the endpoint, the region and the network"),
    "ResourceNotFoundException": (DatasetNotFoundError, "add --create to make the table"),
    "ResourceInUseException": (TargetExistsError, "the table is there, or being changed"),
    "AccessDeniedException": (StoreError, "the credentials need a policy that allows it"),
}


def source_table(url: str, tuning: Mapping[str, str]) -> Url:
    """The native url of a table that is to be read.

    raises: UsageError, StoreError when there are no credentials or they cannot be had.
    """
    table = Table(url)
    return "dynamodb", table.name, {**_resolve(table), **tuning}


def target_table(url: str, tuning: Mapping[str, str]) -> Url:
    """The native url of a table that is to be filled. With `create` in the tuning it is made first,
    unless it is there: billed by request, or with the `capacity` given as READ,WRITE units.

    raises: what `create_table` does
    """
    options = dict(tuning)
    create, capacity = options.pop("create", ""), options.pop("capacity", "")
    if capacity and not create:
        raise UsageError("a capacity is for a table to be made", path=url, hint="add --create")
    table = Table(url)
    resolved = _resolve(table)
    if create:
        _create_unless_there(table, *_capacity(url, capacity))
    if options.get("native_ttl") == "yes":
        _enable_ttl(table)
    return "dynamodb", table.name, {**resolved, **options}


def _capacity(url: str, words: str) -> tuple[int | None, int | None]:
    if not words:
        return None, None
    read_units, comma, write_units = words.partition(",")
    if not (comma and read_units.isdecimal() and write_units.isdecimal()):
        hint = "give READ,WRITE units, as in 100,500"
        raise UsageError(f"{words!r} is not a capacity", path=url, hint=hint)
    return int(read_units), int(write_units)


def _resolve(table: Table) -> dict[str, Any]:
    """What the core needs to reach a table: where it is, and a function that gives credentials."""
    # Asked for once here, so that what is wrong with them is told before the work begins.
    table.keys()
    where: dict[str, Any] = {"region": table.region, "credentials": table.keys}
    return {**where, "endpoint": table.endpoint} if table.endpoint else where


def create_table(
    url: str,
    *,
    read_units: int | None = None,
    write_units: int | None = None,
    native_ttl: bool = False,
) -> bool:
    """Makes the table unless it is there; whether it was made.

    It is billed by request, or has the capacity given. With `native_ttl`, also of a table that was
    there, DynamoDB is told to remove what has expired.

    raises: UsageError, StoreError; also for a table whose keys are not redtool's.
    """
    if (read_units is None) != (write_units is None):
        raise UsageError("read and write capacity go together", path=url, hint="give both")
    table = Table(url)
    made = _create_unless_there(table, read_units, write_units)
    if native_ttl:
        _enable_ttl(table)
    return made


def _create_unless_there(table: Table, read_units: int | None, write_units: int | None) -> bool:
    try:
        description = _describe(table)
    except DatasetNotFoundError:
        _create(table, read_units, write_units)
        return True
    if not _has_our_keys(description):
        raise StoreError(
            'the table\'s keys are not binary "pk" and "sk"',
            path=table.url,
            hint="name another table, or one that is not there yet",
        )
    return False


def describe_table(url: str) -> dict[str, Any]:
    """What the service tells about the table.

    raises: DatasetNotFoundError, UsageError, StoreError
    """
    return _describe(Table(url))


def _describe(table: Table) -> dict[str, Any]:
    return dict(table.call("describe_table")["Table"])


def _create(table: Table, read_units: int | None, write_units: int | None) -> None:
    names = {PARTITION_KEY: "HASH", SORT_KEY: "RANGE"}
    billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
    if read_units is not None:
        units = {"ReadCapacityUnits": read_units, "WriteCapacityUnits": write_units}
        billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    table.call(
        "create_table",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "B"} for n in names],
        KeySchema=[{"AttributeName": n, "KeyType": role} for n, role in names.items()],
        **billing,
    )
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        table.client.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig=_WAIT)
    except (BotoCoreError, ClientError) as error:
        raise table.failed(error) from None


def _has_our_keys(description: dict[str, Any]) -> bool:
    types = {a["AttributeName"]: a["AttributeType"] for a in description["AttributeDefinitions"]}
    keys = [(key["AttributeName"], key["KeyType"]) for key in description["KeySchema"]]
    ours = [(PARTITION_KEY, "HASH"), (SORT_KEY, "RANGE")]
    return keys == ours and types[PARTITION_KEY] == types[SORT_KEY] == "B"


def _enable_ttl(table: Table) -> None:
    state = table.call("describe_time_to_live").get("TimeToLiveDescription", {})
    if state.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
        if state.get("AttributeName") not in (None, TTL_ATTRIBUTE):
            raise StoreError(
                f"the table's time to live is kept in {state['AttributeName']!r}",
                path=table.url,
                hint=f"turn it off, or name another table: redtool's is {TTL_ATTRIBUTE!r}",
            )
        return
    specification = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    table.call("update_time_to_live", TimeToLiveSpecification=specification)
