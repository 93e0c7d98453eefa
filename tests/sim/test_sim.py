"""The simulator by itself: the official SDKs accept it as the service."""

import http.client
import json
import socket
import time

import openai
import pytest
import sdk
import sdk_node
from simulator import Simulator

MODEL = "gpt-sim"
KEY = "sim-key-0123456789"
VERSION = "2024-10-21"


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(
        tmp_path_factory.mktemp("sim"), [MODEL], KEY, "--token", "entra-token"
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.fixture
def v1(sim):
    return openai.OpenAI(
        base_url=sim.url + "/openai/v1", api_key=KEY, max_retries=0
    )


@pytest.fixture
def classic(sim):
    return openai.AzureOpenAI(
        azure_endpoint=sim.url,
        api_key=KEY,
        api_version=VERSION,
        max_retries=0,
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The same program as api.openai.com."""
    sim = Simulator(
        tmp_path_factory.mktemp("plain"), [MODEL], KEY, "--mode", "openai"
    )
    yield sim
    sim.stop()


@pytest.mark.parametrize("check", sdk.ALL, ids=lambda check: check.__name__)
def test_v1_surface(v1, check):
    check(v1, MODEL)


@pytest.mark.parametrize(
    "check", sdk.DEPLOYMENT_ONLY, ids=lambda check: check.__name__
)
def test_classic_surface(classic, check):
    check(classic, MODEL)


@pytest.mark.parametrize("check", sdk.ALL, ids=lambda check: check.__name__)
def test_openai_mode(plain, check):
    client = openai.OpenAI(
        base_url=plain.url + "/v1", api_key=KEY, max_retries=0
    )
    check(client, MODEL)


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_node(sim, plain, kind):
    base = plain.url + "/v1" if kind == "openai" else sim.url
    checks = [
        "chat",
        "stream",
        "structured",
        "embeddings",
        "audio",
        "images",
    ]
    if kind == "openai":
        checks += ["stream_helper", "stream_helper_many", "run_tools",
                   "responses", "responses_stream", "unknown_key"]
    results = sdk_node.run(
        kind=kind, baseURL=base, key=KEY, model=MODEL, checks=checks
    )
    assert results == dict.fromkeys(checks, "ok")


def ask(sim, path, headers, body=None):
    connection = http.client.HTTPConnection(sim.host, sim.port)
    body = {"model": MODEL, "messages": sdk.MESSAGES} if body is None else body
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


CLASSIC_PATH = f"/openai/deployments/{MODEL}/chat/completions"
V1_PATH = "/openai/v1/chat/completions"


@pytest.mark.parametrize(
    "path, headers, status, code",
    [
        (CLASSIC_PATH, {"api-key": KEY}, 404, "404"),
        (
            "/openai/deployments/other/chat/completions?api-version=" + VERSION,
            {"api-key": KEY},
            404,
            "DeploymentNotFound",
        ),
        (CLASSIC_PATH + "?api-version=" + VERSION, {}, 401, "401"),
        (
            CLASSIC_PATH + "?api-version=" + VERSION,
            {"Authorization": "Bearer " + KEY},
            401,
            "401",
        ),
        (
            V1_PATH,
            {"Authorization": "Bearer " + KEY, "api-key": KEY},
            401,
            "401",
        ),
        (V1_PATH + "?api-version=" + VERSION, {"api-key": KEY}, 404, "404"),
    ],
)
def test_refusals(sim, path, headers, status, code):
    answer, text = ask(sim, path, headers)
    assert answer.status == status
    assert json.loads(text)["error"]["code"] == code
    assert answer.getheader("apim-request-id")


@pytest.mark.parametrize(
    "path, headers",
    [
        (
            CLASSIC_PATH + "?api-version=" + VERSION,
            {"Authorization": "Bearer entra-token"},
        ),
        (V1_PATH, {"Authorization": "Bearer " + KEY}),
        (V1_PATH + "?api-version=preview", {"api-key": KEY}),
    ],
)
def test_accepted(sim, path, headers):
    assert ask(sim, path, headers)[0].status == 200


@pytest.mark.parametrize(
    "name, error",
    [
        ("bad_key", openai.AuthenticationError),
        ("rate_ms", openai.RateLimitError),
        ("rate_text", openai.RateLimitError),
        ("filtered", openai.BadRequestError),
        ("too_long", openai.BadRequestError),
        ("server", openai.InternalServerError),
        ("front_door", openai.InternalServerError),
    ],
)
def test_errors(sim, v1, name, error):
    sim.script({"error": name})
    with pytest.raises(error):
        sdk.chat(v1, MODEL)
    sdk.chat(v1, MODEL)


@pytest.mark.parametrize(
    "fault", ["close", "reset", "garbage", "status_line"]
)
def test_faults(sim, v1, fault):
    sim.script({"fault": fault})
    with pytest.raises(openai.APIConnectionError):
        sdk.chat(v1, MODEL)


def dial(sim, stream=False):
    """A connection on which a request has been sent."""
    sock = socket.create_connection((sim.host, sim.port), 20)
    send(sock, stream)
    return sock


def send(sock, stream=False):
    body = {"model": MODEL, "messages": sdk.MESSAGES, "stream": stream}
    body = json.dumps(body).encode()
    sock.sendall(
        f"POST {V1_PATH} HTTP/1.1\r\nHost: sim\r\napi-key: {KEY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


def receive(sock, complete):
    got = b""
    while not complete(got):
        more = sock.recv(65536)
        if not more:
            break
        got += more
    return got


ENDLESS_HEADS = {
    "head": b"HTTP/1.1 200 OK\r\nX-Pad: xx",
    "interim": b"HTTP/1.1 103 Early Hints\r\n",
    "event": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n",
    "error": b"HTTP/1.1 500 ",
}


@pytest.mark.parametrize("name", ENDLESS_HEADS)
def test_endless(sim, name):
    sim.script({"endless": name})
    with dial(sim) as sock:
        got = receive(sock, lambda data: len(data) > 10**6)
    assert got.startswith(ENDLESS_HEADS[name])
    if name == "head":
        assert b"\r\n\r\n" not in got
    if name == "event":
        assert b"\n" not in got.partition(b"\r\n\r\n")[2]
    # It ends with the connection.
    assert ask(sim, V1_PATH, {"api-key": KEY})[0].status == 200


def test_old_server(sim, v1):
    sim.script({"protocol": "1.0"})
    with dial(sim) as sock:
        got = receive(sock, lambda data: False)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    for name in (b"content-length", b"transfer-encoding", b"connection"):
        assert name + b":" not in head.lower()
    assert json.loads(body)["object"] == "chat.completion"
    sim.script({"protocol": "1.0"})
    sdk.chat(v1, MODEL)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_next_request_of_a_connection(sim, how):
    sim.script({"next": how})
    with dial(sim) as sock:
        got = receive(sock, lambda data: data.endswith(b"}"))
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close" not in got.lower()
        send(sock)
        if how == "close":
            assert sock.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
    first, second = sim.journal()
    assert first["connection"] == second["connection"]
    assert second["json"] == first["json"]


def test_idle_connection(sim):
    sim.script({"idle": 0.1})
    with dial(sim) as sock:
        got = receive(sock, lambda data: False)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") and got.endswith(b"}")
    assert b"connection: close" not in got.lower()


def test_bad_chunk(sim):
    sim.script({"bad_chunk": 3})
    with dial(sim, stream=True) as sock:
        got = receive(sock, lambda data: False)
    good, bad, _ = got.partition(b"\r\nzebra\r\n")
    assert good.count(b"\r\ndata: ") == 3 and bad


def test_slow_head(sim):
    """All of it may be there for who looks late, but not always."""
    for _ in range(4):
        sim.script({"slow_head": 0.05})
        with dial(sim) as sock:
            first = receive(sock, lambda data: b"\r\n" in data)
            got = first + receive(
                sock, lambda data: (first + data).endswith(b"}")
            )
        assert got.count(b"\r\n\r\n") == 1
        if b"\r\n\r\n" not in first:
            break
    assert b"\r\n\r\n" not in first


def test_open_connections_and_busy(sim):
    sim.script({"hold": 2, "times": 2})
    socks = [dial(sim, stream=True), dial(sim, stream=True)]
    for sock in socks:
        receive(sock, lambda data: data.count(b"data: ") >= 2)
    assert sorted(entry["busy"] for entry in sim.journal()) == [1, 2]
    held = {entry["connection"] for entry in sim.journal()}
    assert held <= set(sim.open())
    for sock in socks:
        sock.close()
    while held & set(sim.open()):
        time.sleep(0.02)


def test_journal_knows_the_end(sim):
    """... of a connection while its answer is held, on the simulator's own
    clock."""
    sim.script({"hold": "head"})
    connection = http.client.HTTPConnection(sim.host, sim.port)
    body = json.dumps({"model": MODEL, "messages": sdk.MESSAGES})
    connection.request("POST", V1_PATH, body, {"api-key": KEY})
    while not sim.journal():
        time.sleep(0.02)
    assert sim.last()["closed"] is None
    before = time.time()
    connection.close()
    while not sim.last()["closed"]:
        time.sleep(0.02)
    assert before <= sim.last()["closed"] <= time.time()


def test_heal(sim, v1):
    sim.script({"error": "server", "times": 1000})
    with pytest.raises(openai.InternalServerError):
        sdk.chat(v1, MODEL)
    sim.heal()
    sdk.chat(v1, MODEL)
    assert len(sim.journal()) == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        {"split": 1},
        {"split": 3, "eol": "\r\n"},
        {"eol": "\r"},
        {"comments": True},
        {"shape": "openai"},
        {"shape": "async"},
        {"shape": "deepseek", "reasoning": True},
    ],
    ids=str,
)
def test_stream_shapes(sim, v1, behaviour):
    sim.script(behaviour)
    chunks = list(
        v1.chat.completions.create(
            model=MODEL, messages=sdk.MESSAGES, stream=True
        )
    )
    text = ""
    for chunk in chunks:
        for choice in chunk.choices:
            text += (choice.delta and choice.delta.content) or ""
    assert text == sdk.WORDS
    finished = [
        number
        for number, chunk in enumerate(chunks)
        if chunk.choices and chunk.choices[0].finish_reason
    ]
    assert len(finished) == 1
    after = chunks[finished[0] + 1 :]
    assert bool(after) == (behaviour.get("shape") == "async")
    assert all(chunk.choices[0].delta is None for chunk in after)
    preamble = behaviour.get("shape") not in ("openai", "deepseek")
    assert (not chunks[0].choices) == preamble


@pytest.mark.parametrize("cut", ["close", "reset"])
def test_cut(sim, v1, cut):
    sim.script({"cut_after": 3, "cut": cut})
    stream = v1.chat.completions.create(
        model=MODEL, messages=sdk.MESSAGES, stream=True
    )
    with pytest.raises(openai.APIConnectionError):
        list(stream)


def test_error_event(sim, v1):
    sim.script({"error_event": 3})
    with pytest.raises(openai.APIError, match="had an error"):
        list(
            v1.chat.completions.create(
                model=MODEL, messages=sdk.MESSAGES, stream=True
            )
        )


def test_error_event_of_a_name(sim):
    """What Azure does when it runs out in the middle."""
    sim.script({"error_event": 3, "event_error": "rate_text"})
    with dial(sim, stream=True) as sock:
        got = receive(sock, lambda data: data.endswith(b"0\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'data: {"error":{"code":"429",' in got
    assert b"[DONE]" not in got


@pytest.mark.parametrize("outcome", ["incomplete", "failed"])
def test_response_outcomes(sim, v1, outcome):
    sim.script({"outcome": outcome, "reasoning": True, "times": 2})
    answer = v1.responses.create(model=MODEL, input="x")
    assert answer.status == outcome
    assert answer.output[0].type == "reasoning"
    assert answer.usage.output_tokens_details.reasoning_tokens == 64
    events = list(v1.responses.create(model=MODEL, input="x", stream=True))
    assert events[-1].type == f"response.{outcome}"


def test_response_error_event(sim, v1):
    sim.script({"outcome": "error"})
    events = list(v1.responses.create(model=MODEL, input="x", stream=True))
    assert events[-1].type == "error"
    assert events[-1].code == "rate_limit_exceeded"


def test_journal(sim, v1):
    sdk.chat(v1, MODEL)
    entry = sim.last()
    assert entry["method"] == "POST"
    assert entry["path"] == V1_PATH
    assert entry["deployment"] == MODEL
    assert entry["fields"]["authorization"] == "Bearer " + KEY
    assert entry["json"]["messages"] == sdk.MESSAGES


@pytest.mark.parametrize("member", ["error", "event_error"])
def test_script_refuses_unknown_errors(sim, member):
    with pytest.raises(Exception, match="400"):
        sim.script({member: "no-such-error"})


def test_another_address(tmp_path, sim):
    """The same port at another address, as after a move."""
    other = Simulator(
        tmp_path, [MODEL], KEY, address="127.0.0.2", port=sim.port
    )
    try:
        assert ask(other, V1_PATH, {"api-key": KEY})[0].status == 200
        assert len(other.journal()) == 1 and sim.journal() == []
    finally:
        other.stop()
