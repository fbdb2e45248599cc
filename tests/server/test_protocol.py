"""The protocol tortured: pieces, floods, garbage, hang-ups; nobody else notices any of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from random import Random

import pytest

from tests.differential.wire import Connection, Decoder, encode


class Wire:
    """A bare socket to a server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """All of it."""
        self.socket.sendall(data)

    def take(self, length: int) -> bytes:
        """So many bytes, or what there was before the server hung up."""
        data = bytearray()
        while len(data) < length:
            got = self.socket.recv(length - len(data))
            if not got:
                break
            data += got
        return bytes(data)

    def rest(self) -> bytes:
        """All until the server hangs up."""
        data = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while got := self.socket.recv(1 << 16):
                data += got
        return bytes(data)


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    """One connection; when the test is over, others are still served."""
    made = Wire(port)
    yield made
    made.socket.close()
    link = Connection(port, resp3=False)
    assert link([b"PING"]).value == b"PONG"
    link.close()


def test_commands_come_byte_by_byte(wire: Wire) -> None:
    sent = encode([b"SET", b"k", b"a\r\nb"]) + encode([b"GET", b"k"]) + b"PING\r\n"
    for at in range(len(sent)):
        wire.send(sent[at : at + 1])
    expected = b"+OK\r\n$4\r\na\r\nb\r\n+PONG\r\n"
    assert wire.take(len(expected)) == expected


def test_commands_come_in_any_pieces(wire: Wire) -> None:
    rng = Random(1)
    values = [rng.randbytes(rng.choice([0, 1, 100, 20_000])) for _ in range(40)]
    sent = b"".join(encode([b"ECHO", value]) for value in values)
    expected = b"".join(b"$%d\r\n%b\r\n" % (len(value), value) for value in values)

    def send() -> None:
        at = 0
        while at < len(sent):
            size = rng.choice([1, 2, 17, 1000, 30_000])
            wire.send(sent[at : at + size])
            at += size

    sender = threading.Thread(target=send)
    sender.start()
    assert wire.take(len(expected)) == expected
    sender.join()


def test_a_hundred_thousand_commands_come_at_once(wire: Wire) -> None:
    count = 100_000
    sender = threading.Thread(target=wire.send, args=(encode([b"INCR", b"n"]) * count,))
    sender.start()
    expected = b"".join(b":%d\r\n" % at for at in range(1, count + 1))
    assert wire.take(len(expected)) == expected
    sender.join()


def test_replies_are_read_when_all_is_sent(wire: Wire) -> None:
    count = 20_000
    wire.socket.settimeout(60)
    wire.send(encode([b"PING"]) * count)
    time.sleep(0.2)
    assert wire.take(7 * count) == b"+PONG\r\n" * count


def test_a_long_value_goes_in_and_out(wire: Wire) -> None:
    value = Random(2).randbytes(1 << 20) * 32
    sender = threading.Thread(target=wire.send, args=(encode([b"SET", b"k", value]),))
    sender.start()
    assert wire.take(5) == b"+OK\r\n"
    sender.join()
    wire.send(encode([b"GET", b"k"]))
    assert wire.take(len(b"$33554432\r\n")) == b"$33554432\r\n"
    assert wire.take(len(value) + 2) == value + b"\r\n"


def test_who_reads_slowly_holds_nobody_up(wire: Wire, port: int) -> None:
    other = Connection(port, resp3=False)
    other([b"SET", b"big", b"x" * (1 << 20)])
    wire.send(encode([b"GET", b"big"]) * 64)
    time.sleep(0.2)
    started = time.monotonic()
    for _ in range(100):
        assert other([b"PING"]).value == b"PONG"
    assert time.monotonic() - started < 5
    expected = b"$1048576\r\n" + b"x" * (1 << 20) + b"\r\n"
    for _ in range(64):
        assert wire.take(len(expected)) == expected
    other.close()


def test_who_stops_sending_still_gets_the_replies(wire: Wire) -> None:
    wire.send(encode([b"SET", b"k", b"v"]) + encode([b"GET", b"k"]))
    assert wire.take(5) == b"+OK\r\n"
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.rest() == b"$1\r\nv\r\n"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"PING\r\n", b"+PONG\r\n"),
        (b"PING\n", b"+PONG\r\n"),
        (b"  PING   hello \r\n", b"$5\r\nhello\r\n"),
        (b"\r\n\r\nPING\r\n", b"+PONG\r\n"),
        (b'ECHO "a b\\x41\\n"\r\n', b"$5\r\na bA\n\r\n"),
        (b"ECHO 'it\\'s'\r\n", b"$4\r\nit's\r\n"),
        (b'ECHO ""\r\n', b"$0\r\n\r\n"),
        (b"*0\r\nPING\r\n", b"+PONG\r\n"),
        (b"*-1\r\nPING\r\n", b"+PONG\r\n"),
        (b"*1\r\n$4\r\nPING\r\nPING\r\n", b"+PONG\r\n+PONG\r\n"),
        (
            b"NOSUCH a b\r\n",
            b"-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n",
        ),
    ],
)
def test_lines_and_odd_requests_are_understood(wire: Wire, line: bytes, reply: bytes) -> None:
    wire.send(line)
    assert wire.take(len(reply)) == reply


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"*abc\r\n", b"invalid multibulk length"),
        (b"*2147483648\r\n", b"invalid multibulk length"),
        (b"*1\r\n!3\r\nfoo\r\n", b"expected '$', got '!'"),
        (b"*1\r\n*1\r\n$4\r\nPING\r\n", b"expected '$', got '*'"),
        (b"*1\r\n$abc\r\n", b"invalid bulk length"),
        (b"*1\r\n$-1\r\n", b"invalid bulk length"),
        (b"*1\r\n$536870913\r\n", b"invalid bulk length"),
        (b"*1\r\n$9999999999999999999\r\n", b"invalid bulk length"),
        (b'ECHO "open\r\n', b"unbalanced quotes in request"),
        (b'ECHO "a"b\r\n', b"unbalanced quotes in request"),
        (b"a" * 70_000, b"too big inline request"),
        (b"*" + b"1" * 70_000, b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, b"too big bulk count string"),
    ],
)
def test_what_breaks_the_protocol_is_told_and_ended(wire: Wire, sent: bytes, words: bytes) -> None:
    # In the same breath: what was right before it is answered first.
    wire.send(encode([b"PING"]) + sent)
    assert wire.rest() == b"+PONG\r\n-ERR Protocol error: " + words + b"\r\n"


def test_a_request_of_the_web_is_ended(wire: Wire) -> None:
    wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n")
    assert b"OK" not in wire.rest()
    link = Connection(wire.socket.getpeername()[1], resp3=False)
    assert link([b"EXISTS", b"k"]).value == 0
    link.close()


def test_noise_harms_nobody(port: int) -> None:
    rng = Random(3)
    other = Connection(port, resp3=False)
    starts = [b"", b"*", b"$", b"*3\r\n", b"*1\r\n$5\r\n", b"\x00", b"\x16\x03\x01\x02\x00"]
    for _ in range(300):
        noisy = Wire(port)
        with contextlib.suppress(OSError):
            noisy.send(rng.choice(starts) + rng.randbytes(rng.randrange(300)))
        noisy.socket.close()
        assert other([b"PING"]).value == b"PONG"
    other.close()


def test_what_is_sent_in_part_is_not_done(port: int) -> None:
    other = Connection(port, resp3=False)
    for cut in (
        encode([b"SET", b"k", b"v"])[:-1],
        encode([b"MULTI"]) + encode([b"SET", b"k", b"v"]),
    ):
        half = Wire(port)
        half.send(cut)
        time.sleep(0.05)
        half.socket.close()
        time.sleep(0.05)
        assert other([b"EXISTS", b"k"]).value == 0
    other.close()


def test_a_thousand_connections_come_and_go(port: int) -> None:
    links = []
    for _ in range(1000):
        links.append(Wire(port))
        links[-1].send(b"PING\r\n")
    for link in links:
        assert link.take(7) == b"+PONG\r\n"
        link.socket.close()


def test_long_and_binary_names_are_kept(wire: Wire) -> None:
    key = bytes(range(256)) * 40
    wire.send(encode([b"HSET", key, key, key]) + encode([b"HGETALL", key]))
    decoder = Decoder()
    expected = b":1\r\n*2\r\n" + (b"$%d\r\n%b\r\n" % (len(key), key)) * 2
    decoder.feed(wire.take(len(expected)))
    assert decoder.reply().value == 1
    assert [item.value for item in decoder.reply().items] == [key, key]
