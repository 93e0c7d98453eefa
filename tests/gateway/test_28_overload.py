"""More than a server or a key may have: refused at once, in words that a
client can act on, while everything else still answers."""

import concurrent.futures
import json
import os
import signal
import time

import httpx
import pytest
from ask import PROMPT, WORDS, chat, dial, error_of, events, hang_up, said
from h2client import Connection
from processes import owners, tree

FOREVER = 10**6
SERVER = 4
KEY = 2
# Far less than an answer that is held takes.
AT_ONCE = 5


def configure(env, sim):
    env.narrow = "sk-narrow-" + env.key[-16:]
    env.other = "sk-other-" + env.key[-16:]
    env.secrets += [env.narrow, env.other]
    conf = env.conf().add("AzureLITCooldown off", "Protocols h2c http/1.1")
    conf.key("narrow", env.narrow, f"max-parallel={KEY}")
    conf.key("other", env.other, f"max-parallel={KEY}")
    conf.endpoint("a", sim.url).model("m1", "a/d1")
    conf.model("m2", "a/d2").model("emb", "a/emb")
    return conf.add(f"AzureLITMaxInFlight {SERVER}")


@pytest.fixture
def held(gateway, sim):
    """held(n, key=None): requests that stay under way, one after the other."""
    socks = []

    def hold(number, key=None, document=None):
        before = gateway.key
        for _ in range(number):
            sim.script({"hold": "head"}, deployment="d1")
            seen = len(sim.journal())
            gateway.key = key or before
            try:
                socks.append(dial(gateway, document or chat()))
            finally:
                gateway.key = before
            gateway.until(lambda: len(sim.journal()) > seen)
        return socks

    yield hold
    sim.heal()
    for sock in socks:
        sock.close()
    gateway.until(lambda: in_flight(gateway) == places(gateway) == 0)


def in_flight(gateway):
    answer = httpx.get(
        f"{gateway.url}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=30,
    ).json()
    items = answer["healthy_endpoints"] + answer["unhealthy_endpoints"]
    return sum(item["in_flight"] for item in items)


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def places(gateway):
    """That are taken: a request gives its own back when all is done."""
    text = httpx.get(
        f"{gateway.url}/metrics", headers=bearer(gateway.master),
        timeout=30,
    ).text
    name = "litellm_in_flight_requests "
    (line,) = [one for one in text.splitlines() if one.startswith(name)]
    return float(line.removeprefix(name))


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def post(client, model="m2", headers=None, **more):
    return client.post("/v1/chat/completions", json=chat(model, **more),
                       headers=headers)


def check_refused(answer, status, code):
    error_of(answer, status, code)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers.get("x-should-retry") != "false"


def finish(sock):
    with sock:
        got = b""
        while more := sock.recv(65536):
            got += more
            if b'"usage"' in got or got.endswith(b"0\r\n\r\n"):
                break
    return got


# ------------------------------------------------- the server's


@pytest.mark.parametrize("stream", [False, True])
def test_server_is_full(gateway, client, sim, held, stream):
    socks = held(SERVER)
    for _ in range(3):
        start = time.monotonic()
        answer = post(client, stream=stream)
        assert time.monotonic() - start < AT_ONCE
        check_refused(answer, 503, "server_overloaded")
    assert len(sim.journal()) == SERVER
    sim.release()
    for sock in list(socks):
        assert finish(sock).startswith(b"HTTP/1.1 200 ")
        socks.remove(sock)
    gateway.records(SERVER + 3)
    assert post(client, stream=stream).status_code == 200
    found = gateway.records(SERVER + 4)
    refused = [one for one in found if one["status"] == 503]
    assert len(refused) == 3
    for one in refused:
        assert (one["error"], one["attempts"]) == ("RateLimit", 0)
        assert one["key_name"] == "tester" and one["cost_usd"] is None


@pytest.mark.parametrize("path", [
    "/v1/models", "/v1/models/m1", "/health/liveliness", "/health/liveness",
    "/health/readiness", "/health", "/metrics",
])
def test_the_rest_still_answers(gateway, held, path):
    held(SERVER)
    key = gateway.key if path.startswith("/v1/") else gateway.master
    start = time.monotonic()
    answer = httpx.get(gateway.url + path, headers=bearer(key), timeout=30)
    assert time.monotonic() - start < AT_ONCE
    assert answer.status_code == 200


def test_every_operation_counts(gateway, client, sim, held):
    held(SERVER)
    for path, document in (
        ("completions", {"model": "m2", "prompt": PROMPT}),
        ("embeddings", {"model": "emb", "input": PROMPT}),
        ("responses", {"model": "m2", "input": PROMPT}),
    ):
        answer = client.post(f"/v1/{path}", json=document)
        check_refused(answer, 503, "server_overloaded")
    assert len(sim.journal()) == SERVER


def test_who_is_refused_for_another_reason(gateway, client, held):
    """Nobody learns from an overload what a key is for."""
    held(SERVER)
    answer = post(client, headers=bearer("sk-nobody"))
    error_of(answer, 401, "invalid_api_key")


def test_refusals_take_no_place(gateway, client, sim, held):
    held(SERVER - 1)
    for _ in range(2 * SERVER):
        error_of(post(client, "m9"), 404, "model_not_found")
        error_of(post(client, headers=bearer("sk-nobody")), 401,
                 "invalid_api_key")
        answer = client.post("/v1/chat/completions", content=b"{,}")
        assert answer.status_code == 400
    assert post(client).status_code == 200


@pytest.mark.parametrize("behaviour", [
    {"error": "server"}, {"error": "filtered"}, {"error": "bad_key"},
    {"fault": "reset"}, {"cut_after": 5}, {"cut_bytes": 30},
], ids=str)
def test_failures_give_their_place_back(gateway, client, sim, log, held,
                                        behaviour):
    log.expect(r"\[proxy", "AZL0030", "AZL0034")
    held(SERVER - 1)
    sim.script({**behaviour, "close": True, "times": FOREVER},
               deployment="d2")
    for _ in range(SERVER):
        answer = post(client, stream="cut_after" in behaviour)
        assert answer.headers.get("retry-after") is None
    answer = client.post("/v1/embeddings",
                         json={"model": "emb", "input": PROMPT})
    assert answer.status_code == 200
    assert in_flight(gateway) == SERVER - 1


def test_client_that_leaves_gives_its_place_back(gateway, client, held):
    socks = held(SERVER)
    check_refused(post(client), 503, "server_overloaded")
    hang_up(socks.pop())
    gateway.until(lambda: in_flight(gateway) == SERVER - 1)
    gateway.until(lambda: post(client).status_code == 200)


def test_many_at_the_last_places(gateway, sim, held):
    """However they come: never more than there are places."""
    held(SERVER - 2)
    sim.script({"hold": "head", "times": FOREVER}, deployment="d2")
    number = 20
    done = []

    def ask(_):
        with gateway.fresh_client() as client:
            done.append(post(client).status_code)
        if len(done) == number - 2:
            gateway.until(lambda: served(sim).count("d2") == 2)
            sim.heal()

    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        list(pool.map(ask, range(number)))
    assert sorted(done) == [200] * 2 + [503] * (number - 2)
    assert served(sim).count("d2") == 2


def test_over_all_processes(gateway, sim, restart, log):
    """One that is killed takes its places with it, no more and no less; a
    restart keeps those of the former generation."""
    log.expect("AH00052")
    number = 40
    conf = configure(gateway, sim)
    conf.lines[-1] = f"AzureLITMaxInFlight {number}"
    restart(conf.add("StartServers 3", "MinSpareThreads 64",
                     "MaxSpareThreads 128", "ServerLimit 12"))
    sim.script({"hold": 5, "times": number})
    socks = []
    with gateway.client() as client:
        for _ in range(number):
            socks.append(dial(gateway, chat(stream=True)))
            socks[-1].recv(1)
        holders = owners(gateway.process.pid, gateway.port, socks)
        assert len(set(holders.values())) > 1
        check_refused(post(client), 503, "server_overloaded")
        # Another generation knows of them.
        before = set(tree(gateway.process.pid)[1:])
        gateway.graceful()
        gateway.until(
            lambda: set(tree(gateway.process.pid)[1:]) - before
        )
        gateway.until(lambda: log.text().count("AH00489") > 1)
    with gateway.fresh_client() as client:
        check_refused(post(client), 503, "server_overloaded")
        assert in_flight(gateway) == number
        victim = holders[socks[0]]
        lost = list(holders.values()).count(victim)
        os.kill(victim, signal.SIGKILL)
        gateway.until(lambda: in_flight(gateway) == number - lost)
        gateway.until(lambda: post(client).status_code == 200)
        sim.release()
        gateway.until(lambda: in_flight(gateway) == 0)
        for sock in socks:
            sock.close()


def test_http2(gateway, sim, held):
    held(SERVER - 1)
    sim.script({"hold": 5, "content": "word " * 20}, deployment="d2")
    with Connection(gateway.port, gateway.key) as wire:
        first = wire.post(chat("m2", stream=True))
        wire.until(first, lambda state: b"word" in state["data"])
        refused = wire.answer(wire.post(chat("m2")))
        assert refused["headers"][":status"] == "503"
        assert refused["headers"]["retry-after"]
        error = json.loads(refused["data"])["error"]
        assert error["code"] == "server_overloaded"
        # Its place is free when it is given up.
        wire.reset(first)
        gateway.until(lambda: in_flight(gateway) == SERVER - 1)

        def good():
            state = wire.answer(wire.post(chat("m2")))
            return state["headers"][":status"] == "200"

        gateway.until(good)


# ------------------------------------------------- a key's


@pytest.mark.parametrize("stream", [False, True])
def test_key_is_full(gateway, client, sim, held, stream):
    held(KEY, gateway.narrow)
    start = time.monotonic()
    answer = post(client, headers=bearer(gateway.narrow), stream=stream)
    assert time.monotonic() - start < AT_ONCE
    check_refused(answer, 429, "max_parallel_requests")
    assert len(sim.journal()) == KEY
    # The others' business is not touched, nor what takes no place.
    for key in (gateway.key, gateway.other):
        answer = post(client, headers=bearer(key), stream=stream)
        assert answer.status_code == 200
        if stream:
            assert said(events(answer)) == WORDS
    answer = client.get("/v1/models", headers=bearer(gateway.narrow))
    assert answer.status_code == 200
    (record,) = [
        one for one in gateway.records(3) if one["key_name"] == "narrow"
    ]
    assert (record["status"], record["error"]) == (429, "RateLimit")
    assert record["attempts"] == 0


def test_key_gets_its_places_back(gateway, client, sim, held):
    socks = held(KEY, gateway.narrow)
    check_refused(post(client, headers=bearer(gateway.narrow)), 429,
                  "max_parallel_requests")
    hang_up(socks.pop())
    gateway.until(lambda: in_flight(gateway) == KEY - 1)
    gateway.until(
        lambda: post(client, headers=bearer(gateway.narrow)).is_success
    )
    for _ in range(3):
        answer = post(client, headers=bearer(gateway.narrow))
        assert answer.status_code == 200
    sim.release()
    gateway.until(lambda: in_flight(gateway) == 0)
    for _ in range(3):
        answer = post(client, headers=bearer(gateway.narrow))
        assert answer.status_code == 200


def test_refused_key_takes_no_place_of_the_server(gateway, client, held):
    held(KEY, gateway.narrow)
    held(SERVER - KEY - 1)
    for _ in range(2 * SERVER):
        check_refused(post(client, headers=bearer(gateway.narrow)), 429,
                      "max_parallel_requests")
    assert post(client).status_code == 200


def test_places_survive_a_restart(gateway, client, sim, held, log):
    """What is in flight in the old generation counts in the new one."""
    held(KEY, gateway.narrow)
    before = log.text().count("AH00489")
    gateway.graceful()
    gateway.until(lambda: log.text().count("AH00489") > before)
    with gateway.fresh_client() as fresh:
        check_refused(post(fresh, headers=bearer(gateway.narrow)), 429,
                      "max_parallel_requests")
        assert post(fresh).status_code == 200
    sim.release()
    gateway.until(lambda: in_flight(gateway) == 0)
    with gateway.fresh_client() as fresh:
        answer = post(fresh, headers=bearer(gateway.narrow))
        assert answer.status_code == 200
