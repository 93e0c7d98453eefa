"""What every simulated service does with a request."""

import asyncio
import base64
import collections
import hashlib

from simbase import entra
from simbase.script import Script, text_of
from simbase.text import dump
from simbase.wire import Reply

# What is written before the connection ends.
FAULTS = {
    "close": b"",
    "reset": b"",
    "garbage": b"\x15\x03\x01\x00\x02\x02\x28 no HTTP at all\r\n\r\n",
    "status_line": b"HTTP/1.1 banana OK\r\nContent-Length: 2\r\n\r\n{}",
}
PAD = b"x" * 4096
# How an answer without end begins, and what follows again and again.
ENDLESS = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"X-Pad: " + PAD + b"\r\n"),
    "interim": (b"", b"HTTP/1.1 103 Early Hints\r\nX-Pad: 1\r\n\r\n"),
    "event": (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Connection: close\r\n\r\ndata: ",
        PAD,
    ),
    "error": (
        b"HTTP/1.1 500 No\r\nContent-Type: text/html\r\n"
        b"Connection: close\r\n\r\n",
        PAD,
    ),
}
COUNTS = {
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens"),
}


class Refused(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Call:
    """A request understood: which operation of which deployment; the rest
    is what the provider wants to remember."""

    def __init__(self, operation, deployment, **more):
        self.operation = operation
        self.deployment = deployment
        self.__dict__.update(more)


class Service:
    """A provider overrides what is above the line."""

    # What /__sim/config may set.
    settings = ("deployments", "key", "token", "entra_since")
    # What tokens of Entra are for.
    audiences = ()
    # name: (status, headers, document); at least "no_model".
    errors = {}
    # A comment after each event of a stream.
    comment = None

    def __init__(self, deployments, key, token=None):
        self.deployments = deployments
        self.key = key
        self.token = token  # also good as Bearer
        self.entra = None  # key of entra_sim
        self.entra_since = 0  # its tokens from before are taken back
        self.script = Script(self.errors)
        self.stored = {}
        self.counted = {}
        self.busy = collections.Counter()

    def understand(self, request):
        """The Call of a request, or Refused."""
        raise NotImplementedError

    def headers(self, call):
        """Of every answer; call is None if it is not understood."""
        return {"Content-Type": "application/json"}

    def refusal(self, request, call, error):
        """(headers, document) of a Refused."""
        return {**self.headers(call), **error.headers}, error.body

    def known(self, call):
        """Refused if there is no such deployment."""
        if call.deployment not in self.deployments:
            raise self.error("no_model")

    async def operate(self, request, call, how, reply):
        """Answer as one that no behaviour has spoilt."""
        name = call.operation.replace("/", "_")
        await getattr(self, "do_" + name)(request, call, how, reply)

    # ----------------------------------------------------------------------

    def bears(self, bearer):
        """Is that a token?"""
        return bool(self.token and bearer == self.token) or entra.good(
            self.entra, bearer, self.audiences, self.entra_since
        )

    def error(self, name):
        status, headers, document = self.errors[name]
        return Refused(status, document, headers)

    def count(self, usage):
        """Add up what was answered, whatever the names of the members."""
        for kind, names in COUNTS.items():
            total = sum(usage.get(name) or 0 for name in names)
            self.counted[kind] = self.counted.get(kind, 0) + total

    def take(self, request):
        """(what is asked for or None, why it is refused or None)"""
        call = None
        try:
            call = self.understand(request)
            self.known(call)
        except Refused as refused:
            return call, refused
        return call, None

    async def handle(self, request, writer):
        call, refused = self.take(request)
        name = call.deployment if call else None
        how = self.script.next(name) if call else {}
        self.busy[name] += 1
        try:
            self.note(request, call)
            reply = Reply(writer, request, how, self.script.gate)
            await self.give(call, refused, reply)
        finally:
            self.busy[name] -= 1
        return reply

    async def give(self, call, refused, reply):
        try:
            if refused:
                raise refused
            await self.answer(reply.request, call, reply.how, reply)
        except Refused as error:
            headers, body = self.refusal(reply.request, call, error)
            await reply.document(error.status, headers, text_of(body))
        await reply.finish()

    def note(self, request, call):
        self.script.journal.append(
            {
                "method": request.method,
                "target": request.target,
                "path": request.path,
                "query": request.query,
                "headers": request.headers,
                "sha256": hashlib.sha256(request.body).hexdigest(),
                "size": len(request.body),
                "body": base64.b64encode(request.body).decode(),
                "connection": request.connection,
                "deployment": call.deployment if call else None,
                "operation": call.operation if call else None,
                "time": request.time,
                "closed": None,  # when the connection was ended
                # answers of this deployment under way, this one included
                "busy": self.busy[call.deployment if call else None],
            }
        )

    async def answer(self, request, call, how, reply):
        fault = how.get("fault")
        if fault:
            if how.get("delay"):
                await asyncio.sleep(how["delay"])
            reply.writer.write(FAULTS[fault])
            await reply.writer.drain()
            reply.end(fault == "reset")
        if how.get("endless"):
            await reply.forever(*ENDLESS[how["endless"]])
        if how.get("error"):
            raise self.error(how["error"])
        if "status" in how or "body" in how:
            body = how.get("body", "")
            if isinstance(body, str) and body:
                raise Refused(
                    how.get("status", 200), body, {"Content-Type": "text/plain"}
                )
            raise Refused(how.get("status", 200), body)
        await self.operate(request, call, how, reply)

    async def send(self, call, reply, document, kind="application/json"):
        if not isinstance(document, bytes):
            document = dump(document).encode()
        headers = {**self.headers(call), "Content-Type": kind}
        await reply.document(200, headers, document)

    async def stream(self, call, how, reply, events):
        headers = {
            **self.headers(call),
            "Content-Type": "text/event-stream; charset=utf-8",
        }
        comment = "keep-alive" if how.get("comments") else self.comment
        if comment:
            events = with_comments(events, comment)
        await reply.events(headers, events)


def with_comments(events, comment):
    for name, data in events:
        yield name, data + b"\n\n: " + comment.encode()

