"""The listening side: connections, and the control paths below /__sim/.

  POST /__sim/script   {"deployment": "name or *", "behaviours": [{...}]};
                       DELETE forgets them and lets held answers go on
  GET  /__sim/journal  what came in, oldest first; DELETE empties it
  GET  /__sim/usage    the tokens of all answers since the last reset
  GET  /__sim/stored   the ids of the stored responses
  GET  /__sim/open     the numbers of the connections that the other side has
                       not ended
  POST /__sim/reset    empties scripts, journal and stored responses
  POST /__sim/release  lets answers go on that a behaviour holds
  POST /__sim/config   {"deployments": {...}, "key": ..., "token": ...}
"""

import asyncio
import functools
import itertools
import json
import ssl

from simbase.wire import Closed, Reply, end, read_request

LINE_LIMIT = 1024 * 1024


class Connection(asyncio.StreamReaderProtocol):
    """Says at once when the other side has ended it, also while nobody
    reads."""

    def __init__(self, reader, serve, ended):
        super().__init__(reader, serve)
        self.ended = ended

    def eof_received(self):
        self.ended()
        return super().eof_received()

    def connection_lost(self, exc):
        self.ended()
        super().connection_lost(exc)


class Server:
    def __init__(self, service):
        self.service = service
        self.numbers = itertools.count(1)
        self.readers = {}
        self.listener = None

    async def listen(self, host, port, cert=None, key=None):
        context = None
        if cert:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(cert, key)
        self.listener = await asyncio.get_running_loop().create_server(
            self.accepted, host, port, ssl=context, backlog=512
        )
        return self.listener.sockets[0].getsockname()[1]

    def accepted(self):
        number = next(self.numbers)
        return Connection(
            asyncio.StreamReader(limit=LINE_LIMIT),
            functools.partial(self.connection, number),
            functools.partial(self.service.script.closed, number),
        )

    async def connection(self, number, reader, writer):
        self.readers[number] = reader
        how = {}
        try:
            while True:
                request = await asyncio.wait_for(
                    read_request(reader, writer, number), how.get("idle")
                )
                if request is None:
                    break
                if how.get("next"):
                    self.service.note(request, self.service.take(request)[0])
                    end(writer, how["next"] == "reset")
                if request.path.startswith("/__sim/"):
                    reply = await self.control(request, writer)
                else:
                    reply = await self.service.handle(request, writer)
                if reply.close:
                    break
                how = reply.how
        except (
            Closed,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.TimeoutError,
        ):
            pass
        except ValueError as error:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                         b"Connection: close\r\n\r\n")
            print(f"simulator: {error}", flush=True)
        finally:
            del self.readers[number]
            writer.close()

    async def control(self, request, writer):
        reply = Reply(writer, request, {})
        name = request.path[len("/__sim/") :]
        answer = getattr(self, f"on_{request.method.lower()}_{name}", None)
        status, document = 404, {"error": "no such control path"}
        if answer:
            try:
                given = json.loads(request.body) if request.body else {}
                status, document = 200, answer(given)
            except (ValueError, KeyError) as error:
                status, document = 400, {"error": str(error)}
        body = json.dumps(document).encode()
        await reply.document(
            status, {"Content-Type": "application/json"}, body
        )
        return reply

    def on_post_script(self, given):
        self.service.script.add(
            given.get("deployment", "*"), given["behaviours"]
        )
        return {}

    def on_delete_script(self, _):
        self.service.script.forget()
        return {}

    def on_get_open(self, _):
        return [
            number
            for number, reader in self.readers.items()
            if not reader.at_eof() and not reader.exception()
        ]

    def on_get_journal(self, _):
        return self.service.script.journal

    def on_get_stored(self, _):
        return list(self.service.stored)

    def on_get_usage(self, _):
        return self.service.counted

    def on_delete_journal(self, _):
        self.service.script.journal = []
        return {}

    def on_post_reset(self, _):
        self.service.script.reset()
        self.service.stored.clear()
        self.service.counted.clear()
        return {}

    def on_post_release(self, _):
        self.service.script.gate.open()
        return {}

    def on_post_config(self, given):
        for name in self.service.settings:
            if name in given:
                setattr(self.service, name, given[name])
        return {}
