"""What an upstream of another language can do wrong, told to each kind of
client in its own: as a stream that ends well, as one that ends with an error,
or as an error in place of an answer. Never anything else."""

import gzip
import http.client
import json
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from bedrock_sim import frames
from canned import END, HOLD, RESET, Canned
from processes import memory
from tongues import (
    CLIENTS,
    QUOTE,
    TEXT,
    UPSTREAMS,
    WORDS,
    chunked,
    dump,
    head,
)

BIG = 10 * 1024 * 1024
HUGE = 20 * 1024 * 1024
DEEP = 10_000
CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
LAST = b"0\r\n\r\n"
HTML = b"<html><body>PROMPT-MARK of a portal</body></html>"


@pytest.fixture(scope="module")
def canned():
    canned = Canned()
    yield canned
    canned.close()


@pytest.fixture(scope="module")
def gateway(env, simulator, canned):
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 0")
    for name, up in UPSTREAMS.items():
        conf.endpoint(name, canned.url, up.options)
        conf.model(name, f"{name}/up", up.model)
    env.start(conf)
    yield env
    env.stop()


def translated(upstream, client):
    return (upstream, client) not in (
        ("azure", "chat"), ("responses", "responses"),
        ("anthropic", "messages"),
    )


def ask(gateway, upstream, client, stream=True, release=None):
    """What the client is told. `release`: an upstream that goes on when the
    client has read the first words."""
    how = CLIENTS[client]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port,
                                            timeout=30)
    connection.request(
        "POST", how.path, json.dumps(how.ask(upstream, stream)),
        {"Authorization": f"Bearer {gateway.key}",
         "Content-Type": "application/json"},
    )
    answer = connection.getresponse()
    body = b""
    while release and answer.status == 200 and WORDS[0].encode() not in body:
        more = answer.read1()
        assert more, body
        body += more
    if release:
        release.release()
    body += answer.read()
    connection.close()
    out = how.read(answer.status, answer.headers["content-type"], body)
    if stream and how.after and translated(upstream, client):
        assert out.error is None or out.status != 200 or out.failed
    return out


# ------------------------------------------------------------------ answers


def streamed(up, events, *more, tail=LAST, size=None, end=END):
    """A head, the events in chunks, and the end of both."""
    return [
        head(up.kind, CHUNKED, CLOSE, *more)
        + chunked(b"".join(events), size) + tail,
        end,
    ]


def closed(up, events, *more, version="1.1"):
    """The end is that of the connection."""
    return [head(up.kind, CLOSE, *more, version=version) + b"".join(events),
            END]


def document(body, *more, kind="application/json"):
    if not isinstance(body, bytes):
        body = dump(body)
    return [head(kind, CLOSE, *more, length=len(body)) + body, END]


def nested(number=DEEP):
    return b"[" * number + b"]" * number


# A fault makes an answer of an upstream. The first words have been said in
# all of those that may be cut.


def begun(up):
    return [*up.begin(), up.text(WORDS[0])]


def rest(up):
    return [*map(up.text, WORDS[1:]), *up.end()]


def around(up, *events):
    """Good events before and behind these."""
    return [*begun(up), *events, *rest(up)]


def as_bytes(up, mark, put):
    """The middle words, with bytes in them that JSON cannot write."""
    event = up.text("upon " + mark)
    if up.kind == "text/event-stream":
        return event.replace(mark.encode(), put)
    payload = dump({"contentBlockIndex": 0, "delta": {"text": "upon " + mark}})
    return frames.event("contentBlockDelta",
                        payload.replace(mark.encode(), put))


def good(up):
    return streamed(up, up.stream())


def interim(up):
    first, end = good(up)
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    return [b"HTTP/1.1 100 Continue\r\n\r\n" + hints * 3 + first, end]


def garbage_behind(up):
    """More of everything, and what is nothing at all."""
    return streamed(up, [
        *up.stream(), up.text("never"), up.error(), up.junk(b"{]"),
        b"\x00\xff\xfe garbage\n\n" * 100,
    ])


FINE = {
    "good": good,
    "by 1": lambda up: streamed(up, up.stream(), size=1),
    "by 7": lambda up: streamed(up, up.stream(), size=7),
    "by 4096": lambda up: streamed(
        up, [*begun(up), up.text("x" * 20000), *rest(up)], size=4096
    ),
    "old http": lambda up: closed(up, up.stream(), version="1.0"),
    "closed": lambda up: closed(up, up.stream()),
    "length": lambda up: [
        head(up.kind, CLOSE, length=len(b"".join(up.stream())))
        + b"".join(up.stream()), END,
    ],
    "trailers": lambda up: streamed(
        up, up.stream(),
        tail=b"0\r\nX-Checksum: PROMPT-MARK\r\nGrpc-Status: 13\r\n\r\n",
    ),
    "interim": interim,
    "ends twice": lambda up: streamed(up, [*up.stream(), *up.end()]),
    "all twice": lambda up: streamed(up, up.stream() * 2),
    "garbage behind": garbage_behind,
    "error behind": lambda up: streamed(up, [*up.stream(), up.error()]),
    "reset behind": lambda up: streamed(up, up.stream(), tail=b"",
                                        end=RESET),
    "no last chunk": lambda up: streamed(up, up.stream(), tail=b""),
    "bad chunk behind": lambda up: streamed(up, up.stream(),
                                            tail=b"zebra\r\n"),
    "large": lambda up: streamed(up, around(up, up.text("x" * BIG))),
}


def each_client(gateway, canned, upstream, answer, stream=True,
                clients=tuple(CLIENTS), wait=False):
    """(client, what it is told), one after the other."""
    for client in clients:
        canned.answer(answer)
        yield client, ask(gateway, upstream, client, stream,
                          canned if wait else None)


def check_records(gateway, number, status, error):
    found = gateway.records(number)
    for one in found:
        assert (one["status"], one["error"]) == (status, error)
    return found


@pytest.fixture(params=UPSTREAMS)
def upstream(request, gateway):
    return request.param


# Google's streams have no other end than that of their transfer, so nothing is
# behind it.
ENDLESS = ("garbage behind", "error behind")


@pytest.mark.parametrize("upstream, name", [
    (upstream, name) for upstream in UPSTREAMS for name in FINE
    if upstream != "gemini" or name not in ENDLESS
])
def test_is_whole(gateway, canned, log, upstream, name):
    up = UPSTREAMS[upstream]
    log.expect(r"\[proxy")
    size = {"by 4096": 20000, "large": BIG}.get(name)
    text = TEXT
    if size:
        text = WORDS[0] + "x" * size + "".join(WORDS[1:])
    for client, out in each_client(gateway, canned, upstream, FINE[name](up)):
        assert out.status == 200 and out.whole, (client, out)
        assert out.text == text, (client, out)
        assert out.tokens == up.tokens, (client, out)
    for one in check_records(gateway, 3, 200, None):
        assert (one["prompt_tokens"], one["completion_tokens"]) == up.tokens


# ------------------------------------------------ before and behind a start


def spoilt(frame, at):
    return frames.flipped(frame, at)


def lying(up):
    """Headers longer than the frame, with good sums."""
    data = bytearray(up.text("upon"))
    data[4:8] = (len(data)).to_bytes(4, "big")
    data[8:12] = zlib.crc32(bytes(data[:8])).to_bytes(4, "big")
    data[-4:] = zlib.crc32(bytes(data[:-4])).to_bytes(4, "big")
    return bytes(data)


# name: (bytes of the body in place of the rest, what ends the transfer, and
# how). Where the rest follows it must not matter.
BREAKS = {
    "ends": lambda up: (b"", LAST, END),
    "closed": lambda up: (b"", b"", END),
    "reset": lambda up: (b"", b"", RESET),
    "bad chunk": lambda up: (b"", b"zebra\r\n" + up.text("x"), END),
    "half event": lambda up: (up.text("upon")[:-9], LAST, END),
    "half event, closed": lambda up: (up.text("upon")[:-9], b"", END),
    "error": lambda up: (up.error(), LAST, END),
    "error, then more": lambda up: (
        b"".join([up.error(), *rest(up)]), LAST, END,
    ),
    "huge": lambda up: (
        b"".join([up.text("x" * HUGE), *rest(up)]), LAST, END,
    ),
    "garbage": lambda up: (b"\x00\xff\xfe garbage" * 1000, LAST, END),
    "html": lambda up: (HTML, LAST, END),
}
FRAMES = {
    "sum of a frame": lambda up: spoilt(up.text("upon"), -1),
    "sum of a prelude": lambda up: spoilt(up.text("upon"), 8),
    "length": lambda up: spoilt(up.text("upon"), 3),
    "payload": lambda up: spoilt(up.text("upon"), -8),
    "lying": lying,
}
for name, make in FRAMES.items():
    BREAKS[name] = lambda up, make=make: (
        b"".join([make(up), *rest(up)]), LAST, END
    )


def broken(up, name, started):
    body, last, end = BREAKS[name](up)
    data = chunked(body) if body else b""
    start = head(up.kind, CHUNKED, CLOSE)
    if up.begin():
        start += chunked(b"".join(up.begin()))
    if started:
        start += chunked(up.text(WORDS[0]))
    return [start, *([HOLD] if started else []), data + last, end]


def breaks_of(upstream):
    return [
        name for name in BREAKS if upstream == "bedrock" or name not in FRAMES
    ]


def cause_of(upstream, name):
    """What the log says of it."""
    if name.startswith("error"):
        return r"it sent an error event \(\w+\)"
    framed = upstream == "bedrock" and name in [*FRAMES, "garbage", "html"]
    if framed or name == "huge":
        return "what it sent cannot be read, or is larger than may be held"
    return "it ended before the answer did"


def told(log, number, upstream, name):
    lines = [line for line in log.text().split("\n") if number in line]
    cause = re.compile(cause_of(upstream, name) + "$")
    assert all(cause.search(line) for line in lines), lines
    return len(lines)


ALL_BREAKS = [
    (upstream, name) for upstream in UPSTREAMS for name in breaks_of(upstream)
]


@pytest.mark.parametrize("upstream, name", ALL_BREAKS)
def test_breaks_behind_its_start(gateway, canned, log, upstream, name):
    up = UPSTREAMS[upstream]
    log.expect(r"\[proxy", "AZL0030")
    for client, out in each_client(gateway, canned, upstream,
                                   broken(up, name, True), wait=True):
        assert out.status == 200 and out.error, (client, out)
        assert out.text == WORDS[0], (client, out)
        if not name.startswith("error"):
            assert QUOTE not in out.error["message"]
    for one in check_records(gateway, 3, 200, "Truncated"):
        assert one["completion_tokens"] > 0
    assert told(log, "AZL0030", upstream, name) == 3


@pytest.mark.parametrize("upstream, name", ALL_BREAKS)
def test_breaks_before_its_start(gateway, canned, log, upstream, name):
    up = UPSTREAMS[upstream]
    log.expect(r"\[proxy")
    status = 502
    for client, out in each_client(gateway, canned, upstream,
                                   broken(up, name, False)):
        if name.startswith("error"):
            # what the upstream says, in words for its own kind of failure
            assert out.status in (500, 503), (client, out)
            status = out.status
        else:
            assert out.status == 502, (client, out)
            assert QUOTE not in out.error["message"]
    for one in check_records(gateway, 3, status, "Unknown"):
        assert one["prompt_tokens"] is None
    assert told(log, "AZL0031", upstream, name) == 3


def test_memory_is_given_back(gateway, canned, log):
    """Of large events, and of those that are larger than any may be, on many
    threads."""
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS["anthropic"]
    many = ["responses"] * 5
    for size in (BIG, HUGE):
        canned.answer(streamed(up, around(up, up.text("x" * size))))
        with ThreadPoolExecutor(len(many)) as pool:
            outs = list(pool.map(partial(ask, gateway, "anthropic"), many))
        assert [out.whole for out in outs] == [size == BIG] * len(many)
    gateway.records(2 * len(many))
    # The address sanitizer keeps what is freed for a while.
    if "sanitized" not in Path(gateway.httpd).resolve().name:
        # whoever writes a record has not freed its request yet
        gateway.until(lambda: memory(gateway.process.pid) < 100 * 1024 * 1024)


# --------------------------------------------------- more than can be told


def test_more_than_is_kept_for_responses(gateway, canned, log):
    """A client of Responses is told everything twice; what has become too
    much ends with an error, not in the middle of an event."""
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS["azure"]
    canned.answer(streamed(up, [
        *begun(up), *[up.text("x" * BIG)] * 2, *rest(up)
    ]))
    out = ask(gateway, "azure", "responses")
    assert out.status == 200 and out.error, out
    assert out.text == WORDS[0] + "x" * BIG
    check_records(gateway, 1, 200, "Truncated")


def test_more_than_waits_for_messages(gateway, canned, log):
    """Of two calls that take turns the second waits for the end."""
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS["azure"]

    def call(index, **function):
        more = {"id": f"c{index}"} if "name" in function else {}
        call = {"index": index, **more, "function": function}
        return up.chunk({"tool_calls": [call]})

    canned.answer(streamed(up, [
        *begun(up),
        call(0, name="f", arguments="{"),
        call(1, name="g", arguments="{"),
        *[call(1, arguments="x" * BIG)] * 2,
        *up.end(),
    ]))
    out = ask(gateway, "azure", "messages")
    assert out.status == 200 and out.error, out
    check_records(gateway, 1, 200, "Truncated")


# ---------------------------------------------------- events that are no good


# name: (the event, the text that comes of it; None: it is left out)
EVENTS = {
    "deep": (lambda up: up.junk(b'{"delta":' + nested() + b"}"), None),
    "deep member": (
        lambda up: up.text("").replace(b'""', b'"","deep":' + nested())
        if up.kind == "text/event-stream" else up.junk(
            b'{"contentBlockIndex":0,"delta":{"text":"","deep":' + nested()
            + b"}}"
        ),
        None,
    ),
    "no json": (lambda up: up.junk(b'{"delta":{"text":"x"'), None),
    "no object": (lambda up: up.junk(b"[]"), None),
    "nul": (lambda up: as_bytes(up, "MARK", b"a\0b"), None),
    "control": (lambda up: as_bytes(up, "MARK", b"a\tb"), None),
    "no utf-8": (lambda up: as_bytes(up, "MARK", b"a\xff\xfe\xc3b"),
                 "a???b"),
    "half a letter": (lambda up: as_bytes(up, "MARK", b"a\xe2\x82"), "a??"),
    "surrogate": (lambda up: as_bytes(up, "MARK", b"a\\ud800b"), "a\ud800b"),
    "escaped nul": (lambda up: as_bytes(up, "MARK", b"a\\u0000b"), "a\0b"),
}
# Where what is no event breaks the answer.
STRICT = ("gemini", "bedrock")
# Where nothing is translated they pass as they are.
BYTES = ("no utf-8", "half a letter")


@pytest.mark.parametrize("name", EVENTS)
def test_event_is_no_good(gateway, canned, log, upstream, name):
    up = UPSTREAMS[upstream]
    make, text = EVENTS[name]
    log.expect(r"\[proxy", "AZL0030")
    strict = text is None and upstream in STRICT
    said = TEXT
    if text is not None:
        said = WORDS[0] + "upon " + text + "".join(WORDS[1:])
    clients = [
        client for client in CLIENTS
        if translated(upstream, client) or name not in BYTES
    ]
    answer = [
        head(up.kind, CHUNKED, CLOSE) + chunked(b"".join(begun(up))), HOLD,
        chunked(b"".join([make(up), *rest(up)])) + LAST, END,
    ]
    for client, out in each_client(gateway, canned, upstream, answer,
                                   clients=clients, wait=True):
        if strict:
            assert out.error and out.text == WORDS[0], (client, out)
            continue
        assert out.whole and out.text == said, (client, out)
    check_records(gateway, len(clients), 200, "Truncated" if strict else None)
    left_out = len(re.findall("AZL0032", log.text()))
    assert left_out == (0 if text is not None or strict else len(clients))


# ---------------------------------------------------------- no stream at all


def squeezed(up):
    body = gzip.compress(b"".join(up.stream()))
    return [head(up.kind, CLOSE, "Content-Encoding: gzip", length=len(body))
            + body, END]


NOTHING = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
NONE = {
    "text": lambda up: document(b"".join(up.stream()), kind="text/plain"),
    "no type": lambda up: [NOTHING + b"\r\n" + b"".join(up.stream()), END],
    "html": lambda up: document(HTML, kind="text/html"),
    "empty html": lambda up: document(b"", kind="text/html"),
    "empty": lambda up: document(b"", kind=up.kind),
    "empty json": lambda up: document(b""),
    "nothing": lambda up: [NOTHING + b"Content-Length: 0\r\n\r\n", END],
    "gzip": squeezed,
    "half json": lambda up: document(dump(up.whole())[:-5]),
    "deep json": lambda up: document(b'{"deep":' + nested() + b"}"),
    "deep member": lambda up: document(
        dump(up.whole(deep="MARK")).replace(b'"MARK"', nested())
    ),
    "nul": lambda up: document(
        dump(up.whole("a MARK b")).replace(b"MARK", b"\0")
    ),
    "garbage behind": lambda up: document(dump(up.whole()) + b"{]"),
    "empty object": lambda up: document(b"{}"),
    "json list": lambda up: document(b"[]"),
    "html as json": lambda up: document(HTML),
    "silence": lambda up: [END],
    "only interim": lambda up: [b"HTTP/1.1 103 Early Hints\r\n\r\n", END],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NONE)
def test_is_no_answer(gateway, canned, log, upstream, name, stream):
    up = UPSTREAMS[upstream]
    log.expect(r"\[proxy")
    # What is not translated passes if it is JSON, whatever it says.
    clients = [
        client for client in CLIENTS
        if translated(upstream, client) or name != "empty object"
    ]
    for client, out in each_client(gateway, canned, upstream, NONE[name](up),
                                   stream, clients):
        assert out.status == 502, (client, out)
        assert out.error, (client, out)
    for one in check_records(gateway, len(clients), 502, "Unknown"):
        assert one["prompt_tokens"] is None
    assert len(re.findall("AZL0031", log.text())) == len(clients)


# ------------------------------------------------------------- whole answers


def spelt(up, put):
    return dump(up.whole("a MARK b")).replace(b"MARK", put)


# name: (document, text). A half of a pair is passed as it is, or as U+FFFD.
WHOLE = {
    "large": lambda up: (dump(up.whole("x" * BIG)), "x" * BIG),
    "no utf-8": lambda up: (spelt(up, b"\xff\xc3"), "a ?? b"),
    "surrogate": lambda up: (spelt(up, b"\\ud800"), "a \ufffd b"),
    "escaped nul": lambda up: (spelt(up, b"\\u0000"), "a \0 b"),
    "twice a nul": lambda up: (spelt(up, b"\\u0000\\u0000"), "a \0\0 b"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answer(gateway, canned, log, upstream, name):
    """All of the text arrives, whatever is in it."""
    up = UPSTREAMS[upstream]
    body, text = WHOLE[name](up)
    clients = [
        client for client in CLIENTS
        if translated(upstream, client) or name != "no utf-8"
    ]
    for client, out in each_client(gateway, canned, upstream, document(body),
                                   False, clients):
        assert out.status == 200, (client, out)
        assert out.text.replace("\ud800", "\ufffd") == text, (client, out)
        assert out.tokens == up.tokens
    check_records(gateway, len(clients), 200, None)
