"""DUMP payloads of RDB version 11 as a redis-server 7.0 takes them: version 10, if a type allows.

type (1 byte), value, RDB version (u16 LE), CRC-64 of all before it (u64 LE)
"""

from __future__ import annotations

PEER_RDB_VERSION = 10
# 7.2 wrote two types anew: sets as listpacks and streams with the consumers' active times.
NEWER_TYPES = {20, 21}
# The polynomial of Jones, reflected.
POLYNOMIAL = 0x95AC9329AC4BC9B5


def table() -> list[int]:
    """The CRC of each byte."""
    made = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
        made.append(crc)
    return made


TABLE = table()


def crc64(data: bytes) -> int:
    """Redis' checksum."""
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def for_the_peer(payload: bytes) -> bytes | None:
    """The payload under the peer's version; None when its type has no form there."""
    version = int.from_bytes(payload[-10:-8], "little")
    if version <= PEER_RDB_VERSION:
        return payload
    if payload[0] in NEWER_TYPES:
        return None
    body = payload[:-10] + PEER_RDB_VERSION.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")
