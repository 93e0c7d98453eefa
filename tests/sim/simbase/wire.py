"""HTTP/1.1 as far as a simulated service needs it, and ways to break it."""

import asyncio
import socket
import struct
import time
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_BODY = 256 * 1024 * 1024


class Closed(Exception):
    """The connection has been ended on purpose."""


class Request:
    def __init__(self, method, target, headers, body, connection):
        split = urlsplit(target)
        self.method = method
        self.target = target
        self.path = unquote(split.path)
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        self.headers = headers  # list of (name as it came, value)
        self.body = body
        self.connection = connection
        self.time = time.time()

    def header(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default


async def read_request(reader, writer, number):
    line = await reader.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = []
    while True:
        line = (await reader.readline()).decode("latin-1")
        if line in ("\r\n", "\n", ""):
            break
        name, value = line.split(":", 1)
        headers.append((name, value.strip()))
    request = Request(method, target, headers, b"", number)
    if (request.header("expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in (request.header("transfer-encoding") or "").lower():
        request.body = await read_chunked(reader)
    else:
        length = int(request.header("content-length") or 0)
        if length > MAX_BODY:
            raise ValueError("body too large")
        request.body = await reader.readexactly(length)
    return request


async def read_chunked(reader):
    pieces = []
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if size == 0:
            while (await reader.readline()).strip():
                pass
            return b"".join(pieces)
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)


def end(writer, reset=False):
    if reset:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()
    else:
        writer.close()
    raise Closed


class Reply:
    """Writes one answer; `how` is the behaviour that may spoil it, `gate`
    is passed when the test says so."""

    def __init__(self, writer, request, how, gate=None):
        self.writer = writer
        self.request = request
        self.how = how
        self.gate = gate
        self.chunked = False
        self.sent = 0
        self.old = how.get("protocol") == "1.0"
        self.close = (
            (request.header("connection") or "").lower() == "close"
            or bool(how.get("close"))
            or self.old
        )

    def end(self, reset=False):
        end(self.writer, reset)

    async def held(self, at):
        if self.gate and self.how.get("hold") == at:
            await self.gate.wait()

    async def put(self, data):
        """Body bytes: in pieces of `split`, `trickle` seconds apart."""
        step = self.how.get("split") or len(data) or 1
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            if self.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.writer.write(piece)
            await self.writer.drain()
            if self.how.get("trickle"):
                await asyncio.sleep(self.how["trickle"])
            elif self.how.get("split"):
                await asyncio.sleep(0)

    async def head(self, status, headers, length=None):
        await self.held("head")
        delay = self.how.get("delay")
        if delay:
            await asyncio.sleep(delay)
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Status"
        version = "1.0" if self.old else "1.1"
        lines = [f"HTTP/{version} {status} {phrase}"]
        headers = dict(headers)
        for name, value in self.how.get("headers", {}).items():
            for known in list(headers):
                if known.lower() == name.lower():
                    del headers[known]
            if value is not None:
                headers[name] = value
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(f"{name}: {one}")
        if self.old:
            pass  # the body ends where the connection does
        elif length is None:
            self.chunked = True
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append(f"Content-Length: {length}")
        if self.close and not self.old:
            lines.append("Connection: close")
        pause = self.how.get("slow_head")
        while pause and lines:
            await asyncio.sleep(pause)
            self.writer.write(lines.pop(0).encode("latin-1") + b"\r\n")
        ending = "\r\n\r\n" if lines else "\r\n"
        self.writer.write(("\r\n".join(lines) + ending).encode("latin-1"))
        await self.writer.drain()

    async def forever(self, start, data):
        """Until the other side has enough, which ends this with an error."""
        self.writer.write(start)
        while True:
            self.writer.write(data)
            await self.writer.drain()
            # Below TLS the end of a connection is told by another task.
            await asyncio.sleep(0)

    async def document(self, status, headers, body):
        await self.head(status, headers, len(body))
        if self.request.method == "HEAD":
            return
        cut = self.how.get("cut_bytes")
        if cut is not None:
            await self.put(body[:cut])
            self.end(self.how.get("cut") == "reset")
        await self.put(body)

    async def events(self, headers, events):
        """Server-sent events: (name or None, data as bytes)."""
        eol = self.how.get("eol", "\n").encode()
        await self.parts(
            headers,
            (
                (b"event: " + name.encode() + eol if name else b"")
                + b"data: "
                + data
                + eol
                + eol
                for name, data in events
            ),
        )

    async def parts(self, headers, parts):
        """A body that comes in parts, each of which is an event."""
        wait = self.how.get("chunk_delay")
        await self.head(200, headers)
        for data in parts:
            if self.how.get("cut_after") == self.sent:
                self.end(self.how.get("cut") == "reset")
            if self.how.get("bad_chunk") == self.sent:
                self.writer.write(b"zebra\r\n" + data)
                await self.writer.drain()
                self.end()
            if wait and self.sent:
                await asyncio.sleep(wait)
            await self.held(self.sent)
            await self.put(data)
            self.sent += 1
        await self.held(self.sent)
        if self.how.get("cut_after") == self.sent:
            self.end(self.how.get("cut") == "reset")

    async def finish(self):
        if self.chunked:
            self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
