"""application/vnd.amazon.eventstream: frames with two checksums."""

import struct
import zlib

TRUE, FALSE, BYTE, SHORT, INT, LONG, BYTES, STRING, TIME, UUID = range(10)
# One header of every type there is, to be read over.
RARE = (
    ("rare-true", TRUE, b""),
    ("rare-false", FALSE, b""),
    ("rare-byte", BYTE, b"\xff"),
    ("rare-short", SHORT, b"\x80\x00"),
    ("rare-int", INT, struct.pack(">i", -2)),
    ("rare-long", LONG, struct.pack(">q", 2**40)),
    ("rare-bytes", BYTES, struct.pack(">H", 3) + b"\x00\xff:"),
    ("rare-time", TIME, struct.pack(">q", 1_790_000_000_000)),
    ("rare-uuid", UUID, bytes(range(16))),
)


def header(name, kind, value):
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def string(name, value):
    data = value.encode()
    return header(name, STRING, struct.pack(">H", len(data)) + data)


def frame(headers, payload):
    """headers: bytes of all of them"""
    total = 12 + len(headers) + len(payload) + 4
    prelude = struct.pack(">II", total, len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    data = prelude + headers + payload
    return data + struct.pack(">I", zlib.crc32(data))


def event(name, payload, rare=False):
    headers = string(":event-type", name)
    if rare:
        headers += b"".join(header(*one) for one in RARE)
    headers += string(":content-type", "application/json")
    headers += string(":message-type", "event")
    return frame(headers, payload)


def exception(name, payload):
    return frame(
        string(":exception-type", name)
        + string(":content-type", "application/json")
        + string(":message-type", "exception"),
        payload,
    )


def error(code, message):
    return frame(
        string(":error-code", code)
        + string(":error-message", message)
        + string(":message-type", "error"),
        b"",
    )


def flipped(data, at):
    """One bit is not as it was."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
