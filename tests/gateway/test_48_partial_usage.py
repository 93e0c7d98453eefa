"""What a stream has used that breaks off: the counts that the upstream has
told are the record's, what it has not told is estimated, and the record says
which is which."""

import base64
import json
import socket
import threading
from decimal import Decimal

import pytest
from ask import chat, dial, hang_up
from bedrock_sim import frames
from canned import stop

# Anthropic's: 15 tokens of prompt, and 9 for an hour in a cache.
TOLD = {
    "input_tokens": 3,
    "cache_read_input_tokens": 2,
    "cache_creation_input_tokens": 10,
    "cache_creation": {
        "ephemeral_5m_input_tokens": 1,
        "ephemeral_1h_input_tokens": 9,
    },
    "output_tokens": 1,
}
TEXT = "0123456789" * 4  # ten tokens
PRICES = (
    "input-price=1 cached-price=2 cache-write-price=3 "
    "cache-write-1h-price=5 audio-input-price=7 audio-output-price=11 "
    "output-price=13"
)
CUT = r"AZL0030|AH01110"


def piece(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upstream:
    """Answers each request with the same bytes, in two pieces if the second is
    to come when the client has seen the first, and hangs up; or waits until
    the gateway does."""

    def __init__(self):
        self.says([])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(sock,),
                             daemon=True).start()

    def talk(self, sock):
        with sock:
            file = sock.makefile("rb")
            length = 0
            while (line := file.readline().strip()):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            file.read(length)
            sock.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: " + self.kind
                + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
                + piece(self.body)
            )
            if self.later:
                self.seen.wait(30)
                sock.sendall(piece(self.later))
            if self.hold:
                file.read(1)
            if self.whole:
                sock.sendall(b"0\r\n\r\n")

    def says(self, events, kind=b"text/event-stream", hold=False, later=(),
             whole=False):
        self.body = b"".join(events)
        self.later = b"".join(later)
        self.seen = threading.Event()
        self.kind = kind
        self.hold = hold
        self.whole = whole


@pytest.fixture(scope="module")
def upstream(env):
    upstream = Upstream()
    yield upstream
    stop(upstream.listener)


@pytest.fixture(scope="module")
def gateway(env, simulator, upstream):
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 0")
    for name, options in {
        "anthropic": "dialect=anthropic",
        "invoked": "dialect=anthropic hosting=bedrock",
        "gemini": "dialect=gemini",
        "databricks": "dialect=databricks",
        "converse": "dialect=bedrock",
        "openai": "dialect=openai",
    }.items():
        conf.endpoint(name, upstream.url, options)
        conf.model(name, f"{name}/up", PRICES)
    env.start(conf)
    yield env
    env.stop()


def sse(document, name=None):
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(document)}\n\n".encode()


def event(name, **members):
    return {"type": name, **members}


def message(*texts, told=TOLD):
    """The beginning of an answer of the Messages API."""
    return [
        event("message_start", message={
            "id": "msg_1", "type": "message", "role": "assistant",
            "model": "up", "content": [], "usage": told,
        }),
        event("content_block_start", index=0,
              content_block={"type": "text", "text": ""}),
    ] + [
        event("content_block_delta", index=0,
              delta={"type": "text_delta", "text": text})
        for text in texts
    ]


def stream(events):
    return [sse(one, one["type"]) for one in events]


def framed(events):
    return [
        frames.event("chunk", json.dumps(
            {"bytes": base64.b64encode(json.dumps(one).encode()).decode()}
        ).encode())
        for one in events
    ]


FAILURE = event("error", error={"type": "overloaded_error", "message": "x"})


def document(model, path):
    if path == "responses":
        return {"model": model, "stream": True, "input": "Hi"}
    return chat(model, stream=True, max_tokens=9)


def ask(client, model, path="chat/completions"):
    return client.post(f"/v1/{path}", json=document(model, path))


def one(gateway):
    """The last record, its numbers as they are written."""
    gateway.records(1)
    return json.loads(gateway.usage_log.read_text().splitlines()[-1],
                      parse_float=Decimal)


def counts(found):
    return [found[f"{name}_tokens"] for name in (
        "prompt", "cached", "cache_write", "cache_write_1h", "completion"
    )]


def check(found, status=200):
    """Told but for the text of the answer."""
    assert found["status"] == status
    assert counts(found) == [15, 2, 10, 9, 10]
    assert found["estimated"] is True
    assert found["estimated_part"] == "completion"
    # 3 x 1 + 2 x 2 + 1 x 3 + 9 x 5 + 10 x 13
    assert found["cost_usd"] == Decimal("0.000185")


PATHS = ["chat/completions", "messages", "responses"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("later", [[], [FAILURE]], ids=["cut", "failed"])
def test_the_prompt_is_told(gateway, client, upstream, log, path, later):
    log.expect(CUT)
    upstream.says(stream(message(TEXT)), later=stream(later))
    text = ""
    with client.stream("POST", f"/v1/{path}",
                       json=document("anthropic", path)) as answer:
        for more in answer.iter_text():
            text += more
            if TEXT in text:
                upstream.seen.set()
    assert TEXT in text and "error" in text
    assert "azurelit.usage" not in text
    found = one(gateway)
    assert found["error"] == "Truncated"
    check(found)


@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_in_frames(gateway, client, upstream, log, path):
    log.expect(CUT)
    upstream.says(framed(message(TEXT)), b"application/vnd.amazon.eventstream")
    assert TEXT in ask(client, "invoked", path).text
    check(one(gateway))


@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_the_client_leaves(gateway, upstream, path):
    upstream.says(stream(message(TEXT)), hold=True)
    sock = dial(gateway, chat("anthropic", stream=True, max_tokens=9),
                f"/v1/{path}")
    seen = b""
    while TEXT.encode() not in seen:
        seen += sock.recv(65536)
    hang_up(sock)
    check(one(gateway), 499)


@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_counted_on_the_way(gateway, client, upstream, log, path):
    """The last count stands, and what came behind it is added."""
    log.expect(CUT)
    between = event("message_delta", delta={"stop_reason": None},
                    usage={"output_tokens": 70})
    upstream.says(stream([*message(TEXT), between]))
    ask(client, "anthropic", path)
    found = one(gateway)
    assert counts(found) == [15, 2, 10, 9, 70]
    assert found["estimated"] is False and found["estimated_part"] is None
    gateway.forget_records()
    upstream.says(stream([*message(TEXT), between, message("01234567")[-1]]))
    ask(client, "anthropic", path)
    found = one(gateway)
    assert counts(found) == [15, 2, 10, 9, 72]
    assert found["estimated_part"] == "completion"


def parts(text, **counts):
    more = {"usageMetadata": counts} if counts else {}
    return sse({
        "candidates": [{"index": 0, "content": {"parts": [{"text": text}]}}],
        **more,
    })


@pytest.mark.parametrize("behind,part", [([], None), ([TEXT], "completion")])
def test_gemini(gateway, client, upstream, log, behind, part):
    log.expect(CUT)
    upstream.says([
        parts(TEXT, promptTokenCount=90, candidatesTokenCount=4,
              cachedContentTokenCount=20, promptTokensDetails=[
                  {"modality": "AUDIO", "tokenCount": 30}]),
        *map(parts, behind),
    ])
    ask(client, "gemini")
    found = one(gateway)
    completion = 4 + 10 * len(behind)
    assert counts(found) == [90, 20, 0, 0, completion]
    assert found["audio_prompt_tokens"] == 30
    assert found["estimated_part"] == part
    # 40 x 1 + 20 x 2 + 30 x 7
    assert found["cost_usd"] == Decimal(
        f"0.{290 + 13 * completion:06}".rstrip("0"))


def chunk(text, **more):
    return sse({
        "id": "c", "object": "chat.completion.chunk", "created": 1,
        "model": "up", "choices": [
            {"index": 0, "delta": {"content": text}, "finish_reason": None}
        ], **more,
    })


@pytest.mark.parametrize("model", ["databricks", "openai"])
def test_chunks_that_count(gateway, client, upstream, log, model):
    log.expect(CUT)
    upstream.says([
        chunk(TEXT, usage={"prompt_tokens": 90, "completion_tokens": 4}),
        chunk(TEXT),
    ])
    ask(client, model)
    found = one(gateway)
    assert counts(found) == [90, 0, 0, 0, 14]
    assert found["estimated_part"] == "completion"


def test_nothing_was_told(gateway, client, upstream, log):
    log.expect(CUT)
    upstream.says([
        frames.event("contentBlockDelta", json.dumps(
            {"contentBlockIndex": 0, "delta": {"text": TEXT}}).encode()),
    ], b"application/vnd.amazon.eventstream")
    ask(client, "converse")
    found = one(gateway)
    assert found["prompt_tokens"] > 0 and found["completion_tokens"] == 10
    assert found["estimated_part"] == "all"


def test_sound_that_is_whole(gateway, client, upstream):
    """Nothing is estimated, and sound has its price."""
    upstream.says([
        chunk("a"),
        sse({"id": "c", "object": "chat.completion.chunk", "created": 1,
             "model": "up", "choices": [
                 {"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        sse({"id": "c", "object": "chat.completion.chunk", "created": 1,
             "model": "up", "choices": [], "usage": {
                 "prompt_tokens": 10, "completion_tokens": 5,
                 "prompt_tokens_details": {"audio_tokens": 8},
                 "completion_tokens_details": {"audio_tokens": 4}}}),
        b"data: [DONE]\n\n",
    ], whole=True)
    ask(client, "openai")
    found = one(gateway)
    assert found["estimated"] is False and found["estimated_part"] is None
    assert found["audio_prompt_tokens"] == 8
    assert found["audio_completion_tokens"] == 4
    # 2 x 1 + 8 x 7 + 1 x 13 + 4 x 11
    assert found["cost_usd"] == Decimal("0.000115")
