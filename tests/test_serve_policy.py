"""The server is closed by default: nothing beyond loopback without a word that says so."""

from __future__ import annotations

import pytest

from redtool.errors import UsageError

pytestmark = pytest.mark.usefixtures("native")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost", "::1", "[::1]", "-::1"])
def test_loopback_needs_nothing(host: str) -> None:
    from redtool.verbs.serve import refuse_open_doors

    refuse_open_doors([host], 6379, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "::", "10.0.0.1", "127.example.com", "example"])
def test_beyond_loopback_needs_a_word(host: str) -> None:
    from redtool.verbs.serve import refuse_open_doors

    with pytest.raises(UsageError, match="is not loopback"):
        refuse_open_doors(["127.0.0.1", host], 6379, insecure=False)
    refuse_open_doors([host], 6379, insecure=True)
    refuse_open_doors([host], -1, insecure=False)
