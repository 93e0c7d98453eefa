"""Clients that speak HTTP/2 over TLS, and upstreams behind TLS."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import threading

import httpx
import pytest
from ask import WORDS, chat, error_of, events, said
from canned import stop
from certs import Authority
from h2client import Connection
from ports import free_port
from simulator import Simulator

TLS_ERRORS = (r"\[proxy", r"\[ssl:")


class Recorder:
    """A TLS server that only writes down what it is told: the names asked
    for, and every byte that came through the encryption."""

    def __init__(self, pem):
        self.names = []
        self.data = b""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        context.sni_callback = self.take_name
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def take_name(self, _sock, name, _context):
        self.names.append(name)

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            # A handshake that the other side ends is what is expected.
            with contextlib.suppress(OSError), sock:
                sock.settimeout(5)
                with self.context.wrap_socket(sock, server_side=True) as tls:
                    self.data += tls.recv(65536)

    def close(self):
        stop(self.listener)


WRONG = ["wrong-name", "expired", "self-signed", "untrusted"]


@pytest.fixture(scope="module")
def upstreams(env):
    """TLS servers: good ones that answer, wrong ones that write down."""
    where = env.root / "tls"
    ours = Authority(where / "ours")
    middle = Authority(where / "middle", "middle", ours)
    low = Authority(where / "low", "low", middle)
    stranger = Authority(where / "stranger", "stranger")

    class Upstreams:
        ca = ours.ca
        server_pem = ours.leaf("gateway.test")
        good = Simulator(where / "good", ["d1", "d2"], env.sim_key,
                         tls=ours.leaf())
        deep = Simulator(where / "deep", ["d1"], env.sim_key, tls=low.leaf())
        odd = Simulator(
            where / "odd",
            ["d1"],
            env.sim_key,
            tls=stranger.leaf("other.test", self_signed=True),
        )
        wrong = {
            "wrong-name": Recorder(ours.leaf("other.test")),
            "expired": Recorder(ours.leaf(expired=True)),
            "self-signed": Recorder(ours.leaf(self_signed=True)),
            "untrusted": Recorder(stranger.leaf()),
        }

    yield Upstreams
    for simulator in (Upstreams.good, Upstreams.deep, Upstreams.odd):
        simulator.stop()
    for recorder in Upstreams.wrong.values():
        recorder.close()


def configuration(env, sim, upstreams):
    env.tls_port = free_port()
    ca = f"tls-ca={upstreams.ca}"
    conf = env.conf().add("Protocols h2 h2c http/1.1")
    conf.add("AzureLITCooldown off")
    conf.endpoint("a", sim.url)
    conf.model("m1", "a/d1").model("one", "a/d2")
    conf.model("pair", "a/d1").model("pair", "a/d2", "order=2")
    conf.endpoint("good", upstreams.good.url, ca).model("good", "good/d1")
    conf.endpoint("deep", upstreams.deep.url, ca).model("deep", "deep/d1")
    conf.endpoint("odd", upstreams.odd.url, "tls-verify=off")
    conf.model("odd", "odd/d1")
    # The system's authorities, which do not know ours.
    conf.endpoint("system", upstreams.good.url).model("system", "system/d1")
    for name, recorder in upstreams.wrong.items():
        conf.endpoint(name, f"https://localhost:{recorder.port}", ca)
        conf.model(name, f"{name}/d1")
        conf.model(f"{name}-group", f"{name}/d1")
        conf.model(f"{name}-group", "a/d1", "order=2")
    return conf.tls(env.tls_port, upstreams.server_pem)


@pytest.fixture(scope="module")
def gateway(env, simulator, upstreams):
    env.start(configuration(env, simulator, upstreams))
    yield env
    env.stop()


@pytest.fixture
def good(upstreams):
    upstreams.good.reset()
    return upstreams.good


def h2_options(gateway, upstreams):
    context = ssl.create_default_context(cafile=str(upstreams.ca))
    return {
        "base_url": f"https://127.0.0.1:{gateway.tls_port}",
        "http1": False,
        "http2": True,
        "verify": context,
        "timeout": 30,
        "headers": {
            "Host": "gateway.test",
            "Authorization": f"Bearer {gateway.key}",
        },
    }


# One name for the certificate, whatever the address is.
SNI = {"sni_hostname": "gateway.test"}


@pytest.fixture
def h2(gateway, upstreams):
    with httpx.Client(**h2_options(gateway, upstreams)) as client:
        yield client


@pytest.fixture
def wire(gateway):
    with Connection(gateway.port, gateway.key) as connection:
        yield connection


def post(client, model="m1", **more):
    answer = client.post("/v1/chat/completions", json=chat(model, **more),
                         extensions=SNI)
    if "content-length" in answer.headers:
        assert int(answer.headers["content-length"]) == len(answer.content)
    return answer


def local_port(answer):
    stream = answer.extensions["network_stream"]
    return stream.get_extra_info("client_addr")[1]


def text_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


# ------------------------------------------------------------ HTTP/2 clients


def test_chat_and_stream(h2):
    answer = post(h2)
    assert answer.http_version == "HTTP/2"
    assert text_of(answer) == WORDS
    data = events(post(h2, stream=True))
    assert said(data) == WORDS and data[-1] == "[DONE]"
    assert h2.get("/v1/models", extensions=SNI).status_code == 200


def test_many_streams_on_one_connection(gateway, upstreams, sim):
    sim.script({"chunk_delay": 0.05, "times": 12})

    async def one(client, number):
        words = f"PROMPT-MARK number {number}"
        document = chat(stream=True)
        document["messages"][0]["content"] = words
        answer = await client.post("/v1/chat/completions", json=document,
                                   extensions=SNI)
        data = events(answer)
        assert data[-1] == "[DONE]"
        assert said(data) == f"You said: {words}"
        return local_port(answer)

    async def all_of_them():
        options = h2_options(gateway, upstreams)
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(**options, limits=limits) as client:
            first = await one(client, 0)
            ports = await asyncio.gather(
                *[one(client, number) for number in range(1, 12)]
            )
        return {first, *ports}

    assert len(asyncio.run(all_of_them())) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "behaviour",
    [{"fault": "close"}, {"fault": "reset"}, {"fault": "garbage"},
     {"error": "rate_ms"}, {"error": "front_door"}],
    ids=str,
)
def test_failover(h2, sim, log, behaviour, stream):
    """Each HTTP/2 stream is a kept connection to mod_proxy_http, which then
    answers a silent upstream in its own way."""
    log.expect(r"\[proxy")
    sim.script({**behaviour, "times": 2}, deployment="d1")
    answer = post(h2, "pair", stream=stream)
    sim.heal()
    if stream:
        assert said(events(answer)) == WORDS
    else:
        assert text_of(answer) == WORDS
    retries = int(answer.headers["x-litellm-attempted-retries"])
    assert retries == len(sim.journal()) - 1
    entry = sim.last()
    assert entry["deployment"] == "d2" and entry["json"]["model"] == "d2"
    assert local_port(post(h2)) == local_port(answer)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["close", "reset"])
@pytest.mark.parametrize("times", [1, 2])
def test_single_candidate(h2, sim, log, fault, stream, times):
    """The upstream hangs up before a word, on a connection that was used
    before and on a new one; the client's connection lives on."""
    log.expect(r"\[proxy")
    before = local_port(post(h2, "one"))
    sim.script({"fault": fault, "times": times}, deployment="d2")
    if times == 1:
        assert post(h2, "one", stream=stream).status_code == 200
    else:
        error_of(post(h2, "one", stream=stream), 502, "upstream_unreachable")
    after = post(h2, "one")
    assert text_of(after) == WORDS and local_port(after) == before


def test_errors(h2, sim):
    error_of(post(h2, "m9"), 404, "model_not_found")
    wrong = h2.get("/v1/chat/completions", extensions=SNI)
    error_of(wrong, 405, "method_not_allowed")
    error_of(h2.get("/v1/nothing", extensions=SNI), 404, "not_found")
    sim.script({"error": "filtered"})
    error_of(post(h2), 400, "content_filter")
    sim.script({"error": "rate_ms", "times": 3})
    assert post(h2, "one").status_code == 429


def test_cut_stream(h2, sim, log):
    log.expect("AZL0030", r"\[proxy")
    sim.script({"cut_after": 5})
    data = events(post(h2, stream=True))
    assert data[-1]["error"] and "[DONE]" not in data
    assert text_of(post(h2)) == WORDS


def test_refused_with_unread_body(gateway, wire, sim):
    """401 while the body is still to come; other streams go on."""
    refused = wire.post(chat(user="x" * 100000), sent=1000, key="sk-nobody")
    state = wire.answer(refused)
    assert state["headers"][":status"] == "401"
    error = json.loads(state["data"])["error"]
    assert error["code"] == "invalid_api_key"
    state = wire.answer(wire.post(chat()))
    assert state["headers"][":status"] == "200"
    assert len(sim.journal()) == 1
    records = gateway.records(2)
    assert sorted(one["status"] for one in records) == [200, 401]


def test_client_cancels(gateway, wire, sim):
    """One stream is cancelled; the other of its connection is not, and what
    was cancelled is known as that."""
    sim.script({"chunk_delay": 0.05, "content": "word " * 400},
               deployment="d1")
    cancelled = wire.post(chat(stream=True))
    wire.until(cancelled, lambda state: b"word" in state["data"])
    sim.script({"chunk_delay": 0.05}, deployment="d2")
    other = wire.post(chat("one", stream=True))
    wire.until(other, lambda state: state["data"])
    wire.reset(cancelled)
    state = wire.answer(other)
    assert state["end"] == "StreamEnded"
    assert state["data"].endswith(b"data: [DONE]\n\n")
    state = wire.answer(wire.post(chat("one")))
    assert state["headers"][":status"] == "200"
    records = {
        (record["model"], record["streamed"]): record
        for record in gateway.records(3)
    }
    assert records["m1", True]["status"] == 499
    assert records["m1", True]["error"] == "ClientClosed"
    assert records["one", True]["status"] == 200


def test_records(gateway, wire, sim):
    """The HTTP/2 side may be done with a stream, and end what stands for its
    connection, before the record is made: the client had all of it."""
    number = 200
    for count in range(number):
        wire.answer(wire.post(chat(stream=bool(count % 2))))
    records = gateway.records(number)
    assert {(one["status"], one["error"]) for one in records} == {(200, None)}


def test_large_body(h2, sim):
    body = chat(user="PROMPT-MARK" + "y" * 200000)
    answer = h2.post("/v1/chat/completions", json=body, extensions=SNI)
    assert text_of(answer) == WORDS
    assert sim.last()["json"] == {**body, "model": "d1"}


# ------------------------------------------------------------- TLS upstreams


def test_own_authority(client, good):
    assert text_of(post(client, "good")) == WORDS
    data = events(post(client, "good", stream=True))
    assert said(data) == WORDS and data[-1] == "[DONE]"


def test_chain(client):
    """Root, two intermediates, leaf: public chains look like that."""
    assert text_of(post(client, "deep")) == WORDS


def test_connection_is_used_again(client, good):
    for _ in range(20):
        assert text_of(post(client, "good")) == WORDS
    used = {entry["connection"] for entry in good.journal()}
    # More than one only where the next request was faster than the return of
    # the connection to the pool.
    assert len(used) <= 5


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_server(client, upstreams, log, name, stream):
    log.expect(*TLS_ERRORS)
    recorder = upstreams.wrong[name]
    answer = post(client, name, stream=stream)
    error_of(answer, 502, "upstream_unreachable")
    assert recorder.data == b""
    assert set(recorder.names) == {"localhost"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_server_of_a_group(client, upstreams, sim, log, name, stream):
    log.expect(*TLS_ERRORS)
    answer = post(client, f"{name}-group", stream=stream)
    if stream:
        assert said(events(answer)) == WORDS
    else:
        assert text_of(answer) == WORDS
    assert answer.headers["x-litellm-attempted-retries"] == "1"
    assert upstreams.wrong[name].data == b""


@pytest.mark.parametrize("name", WRONG)
def test_wrong_server_over_h2(h2, upstreams, sim, log, name):
    log.expect(*TLS_ERRORS)
    error_of(post(h2, name), 502, "upstream_unreachable")
    assert text_of(post(h2, f"{name}-group")) == WORDS
    assert upstreams.wrong[name].data == b""


def test_system_authorities_by_default(client, good, log):
    """They exist, and do not vouch for a server of ours."""
    log.expect(*TLS_ERRORS)
    assert os.path.exists("/etc/ssl/certs/ca-certificates.crt")
    error_of(post(client, "system"), 502, "upstream_unreachable")
    assert good.journal() == []


def test_verification_off(client):
    """Neither the name nor the authority fits, and the operator said so."""
    assert text_of(post(client, "odd")) == WORDS


# ------------------------------------------------- checks of the configuration


def test_verification_off_warns(env, upstreams):
    conf = env.conf().endpoint("x", "https://x.test", "tls-verify=off")
    status, text = env.check(conf.model("m1", "x/d"))
    assert status == 0
    assert "AZL0002" in text and "x.test" in text
    conf = env.conf().endpoint("x", "https://x.test")
    assert "AZL0002" not in env.check(conf.model("m1", "x/d"))[1]


def test_missing_authority_file(env, upstreams):
    conf = env.conf().endpoint("x", "https://x.test", "tls-ca=no/such.pem")
    status, text = env.check(conf.model("m1", "x/d"))
    assert status != 0
    assert "AzureLITEndpoint" in text and "no/such.pem" in text


def test_authority_file_that_is_none(env, upstreams):
    path = env.root / "not-a-ca.pem"
    path.write_text("no certificate\n")
    conf = env.conf().endpoint("x", "https://x.test", f"tls-ca={path}")
    status, text = env.check(conf.model("m1", "x/d"))
    assert status != 0
    assert "AzureLITEndpoint" in text and str(path) in text
