"""An answer as it comes from the network: in pieces of any size, its lines cut
anywhere, and what follows it belongs to nobody."""

import contextlib
import json
import socket
import ssl
import threading

import pytest
from ask import chat, events, said
from canned import stop

WORDS = "All is well."
# A line may be longer than what is read at once.
LONG = "x" * 7000
DOCUMENT = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": WORDS},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 7,
        },
    }
).encode()


def chunk(**more):
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "m",
        "choices": [],
    }
    return f"data: {json.dumps({**document, **more})}\n\n".encode()


def delta(reason=None, **what):
    return [{"index": 0, "delta": what, "finish_reason": reason}]


STREAM = [
    chunk(choices=delta(role="assistant", content="All is ")),
    chunk(choices=delta(content="well.")),
    chunk(choices=delta("stop")),
    chunk(usage={"prompt_tokens": 3, "completion_tokens": 4}),
    b"data: [DONE]\n\n",
]


def head(kind, *more):
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", *more, "", ""]
    return "\r\n".join(lines).encode()


def chunked(parts):
    coded = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return coded + b"0\r\n\r\n"


ANSWERS = {
    "document": head("application/json", f"Content-Length: {len(DOCUMENT)}")
    + DOCUMENT,
    "chunked": head("application/json", "Transfer-Encoding: chunked")
    + chunked([DOCUMENT[:100], DOCUMENT[100:]]),
    "long": head(
        "application/json",
        f"X-Long: {LONG}",
        f"X-Longer: {LONG}",
        f"Content-Length: {len(DOCUMENT)}",
    )
    + DOCUMENT,
    "stream": head("text/event-stream", "Transfer-Encoding: chunked")
    + chunked(STREAM),
}


class Upstream(threading.Thread):
    """Answers each request with the same bytes, `step` of them at a time;
    `served` has the number of the connection of each."""

    def __init__(self, tls=None):
        super().__init__(daemon=True)
        self.tls = tls
        self.socket = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self.socket.getsockname()[1]}"
        self.start()

    def will(self, answer, step):
        self.answer, self.step, self.served = answer, step, []

    def run(self):
        number = 0
        with contextlib.suppress(OSError):  # the end
            while True:
                peer, _ = self.socket.accept()
                number += 1
                threading.Thread(
                    target=self.serve, args=(peer, number), daemon=True
                ).start()

    def serve(self, peer, number):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # whoever is not asked again closes the connection
        with contextlib.suppress(OSError):
            if self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            with peer, peer.makefile("rb") as file:
                while self.swallow(file):
                    self.served.append(number)
                    for at in range(0, len(self.answer), self.step):
                        peer.sendall(self.answer[at : at + self.step])

    @staticmethod
    def swallow(file):
        length = 0
        while True:
            line = file.readline()
            if not line.strip():
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        file.read(length)
        return line != b""

    def stop(self):
        stop(self.socket)


@pytest.fixture(scope="module", params=["plain", "tls"])
def upstream(request, authority):
    tls = None
    if request.param == "tls":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.leaf())
    upstream = Upstream(tls)
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gateway(env, upstream, authority):
    conf = env.conf()
    options = [f"tls-ca={authority.ca}"] if upstream.tls else []
    conf.endpoint("a", upstream.url, *options)
    conf.model("m1", "a/d1")
    env.start(conf)
    yield env
    env.stop()


def ask(client, name):
    stream = name == "stream"
    answer = client.post("/v1/chat/completions", json=chat(stream=stream))
    assert answer.status_code == 200, answer.text
    if stream:
        data = events(answer)
        assert data[-1] == "[DONE]"
        return said(data)
    return answer.json()["choices"][0]["message"]["content"]


# 14 000 packets say no more than 2 000. A record of TLS with two bytes is as
# long as one that says goodbye.
STEPS = [1, 2, 3, 7, 100, 4096, 10**6]


@pytest.mark.parametrize(
    "name, step",
    [
        (name, step) for name in ANSWERS for step in STEPS
        if name != "long" or step >= 7
    ],
)
def test_pieces(client, gateway, upstream, name, step):
    for _ in range(5):
        gateway.forget_records()
        upstream.will(ANSWERS[name], step)
        assert [ask(client, name) for _ in range(3)] == [WORDS] * 3
        assert len(upstream.served) == 3
        # what was cut off belonged to it, and its connection is used again; if
        # its end was not too late, as it may be now and then
        if len(set(upstream.served)) == 1:
            break
    assert len(set(upstream.served)) == 1
    for record in gateway.records(3):
        assert (record["error"], record["completion_tokens"]) == (None, 4)


@pytest.mark.parametrize("step", [7, 10**6])
@pytest.mark.parametrize("behind", [b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
@pytest.mark.parametrize("name", ["document", "stream"])
def test_what_is_behind_is_nobodys(
    client, gateway, upstream, log, name, behind, step
):
    """A connection that says more than it was asked is not used again."""
    log.expect(r"\[proxy")
    upstream.will(ANSWERS[name] + behind * 2, step)
    assert [ask(client, name) for _ in range(3)] == [WORDS] * 3
    assert len(set(upstream.served)) == 3
