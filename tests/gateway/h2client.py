"""HTTP/2 by hand over a plain connection, for what clients rarely do."""

import json
import socket

import h2.config
import h2.connection
import h2.events

ENDED = (h2.events.StreamEnded, h2.events.StreamReset)


class Connection:
    def __init__(self, port, key, sock=None):
        self.sock = sock or socket.create_connection(("127.0.0.1", port), 20)
        self.key = key
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(header_encoding="utf-8")
        )
        self.h2.initiate_connection()
        self.flush()
        self.streams = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def post(self, document, path="/v1/chat/completions", sent=None, key=None):
        """Start a request; of its body only the first `sent` bytes go out.
        Gives the number of its stream."""
        body = json.dumps(document).encode()
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = {"data": b"", "headers": {}, "end": None}
        self.h2.send_headers(
            stream,
            [
                (":method", "POST"),
                (":scheme", "http"),
                (":authority", "localhost"),
                (":path", path),
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("authorization", f"Bearer {key or self.key}"),
            ],
        )
        self.h2.send_data(stream, body[:sent], end_stream=sent is None)
        self.flush()
        return stream

    def reset(self, stream):
        self.h2.reset_stream(stream, error_code=8)  # CANCEL
        self.flush()

    def until(self, stream, condition):
        """Read until the condition on what is known of the stream holds."""
        state = self.streams[stream]
        while not condition(state):
            data = self.sock.recv(65536)
            assert data, f"the connection ended: {state}"
            for event in self.h2.receive_data(data):
                self.take(event)
            self.flush()
        return state

    def take(self, event):
        assert not isinstance(event, h2.events.ConnectionTerminated), event
        state = self.streams.get(getattr(event, "stream_id", None))
        if state is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            state["headers"] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            state["data"] += event.data
            self.h2.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id
            )
        elif isinstance(event, ENDED):
            state["end"] = type(event).__name__

    def answer(self, stream):
        return self.until(stream, lambda state: state["end"])
