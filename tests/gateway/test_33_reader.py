"""What a second reading found: who is blamed, what is counted, what a client
gets when nobody has an answer for it."""

import json
import socket
import time

import pytest
from ask import chat, dial, error_of, events
from ports import free_port


def configure(env, sim):
    conf = env.conf().add("AzureLITMidStream continue")
    conf.add("AzureLITCooldown fails=1")
    conf.endpoint("a", sim.url)
    conf.endpoint("b", env.plain.url, "dialect=openai prefill=vllm")
    conf.endpoint("gone", f"http://127.0.0.1:{free_port()}",
                  "dialect=openai prefill=vllm")
    conf.model("refused", "a/d1").model("refused", "gone/d2", "order=2")
    conf.model("goes-on", "a/d2").model("goes-on", "b/d1", "order=2")
    conf.model("goes-on", "a/emb", "order=3")
    conf.model("two", "a/d1").model("two", "a/d2", "order=2")
    conf.model("alone", "a/d3").model("dead", "gone/d1")
    conf.model("made", "a/d3")
    conf.model("polled", "a/emb", "tpm=100", "limits=hard")
    conf.model("looked-at", "a/emb", "rpm=20", "limits=hard")
    conf.model("m1", "a/d1").model("stand-in", "a/d2")
    conf.add("AzureLITFallback m1 stand-in")
    env.few = "sk-few-0123456789abcdef0123456789abcdef"
    return conf.key("few", env.few, "models=m1")


# ----------------------------------------------------------- going on


def test_refused_when_it_should_go_on(client, gateway, sim, log):
    """The next one takes no connection: there is nothing of it to read."""
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": 5}, deployment="d1")
    answer = client.post("/v1/chat/completions",
                         json=chat("refused", stream=True))
    data = events(answer)
    assert "error" in data[-1] and "[DONE]" not in data
    record = gateway.records(1)[0]
    assert (record["error"], record["attempts"]) == ("Truncated", 2)


def test_a_request_it_does_not_take_is_no_failure(client, gateway, sim, plain,
                                                  log):
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": 5}, deployment="d2")
    plain.script({"status": 400, "body": '{"error":{"message":"no"}}'})
    answer = client.post("/v1/chat/completions",
                         json=chat("goes-on", stream=True))
    assert "error" in events(answer)[-1]
    gateway.records(1)
    gateway.until(lambda: "a/d2 cools down" in log.text())
    assert "b/d1 cools down" not in log.text()


# -------------------------------------------------------------- blame


@pytest.mark.parametrize("stream, header", [
    (False, "x-litellm-timeout"),
    (True, "x-litellm-timeout"),
    (True, "x-litellm-stream-timeout"),
])
def test_an_impatient_client_cools_nobody(client, gateway, sim, log, stream,
                                          header):
    """Else any key could take a deployment away from all others."""
    log.expect("AZL0030")
    sim.script({"delay": 1, "times": 9})
    answer = client.post("/v1/chat/completions",
                         json=chat("two", stream=stream),
                         headers={header: "0.1"})
    error_of(answer, 504, "upstream_timeout")
    assert "cools down" not in log.text()
    sim.heal()


# ------------------------------------------- a client that half closes


@pytest.mark.parametrize("model", ["alone", "dead"])
def test_half_closed_while_it_waits(gateway, sim, log, model):
    """It is taken for gone, and must not read an empty 200."""
    log.expect(r"\[proxy")
    sim.script({"status": 429, "headers": {"retry-after-ms": "2000"},
                "body": "{}", "times": 99}, deployment="d3")
    for _ in range(10):
        gateway.forget_records()
        with dial(gateway, chat(model)) as sock:
            time.sleep(0.1)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(30)
            got = sock.recv(65536)
        # Its answer may be there before, but not always.
        if got == b"":
            break
        assert not got.startswith(b"HTTP/1.1 200 ")
        gateway.records(1)
    assert got == b""
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (499, "ClientClosed")
    sim.heal()


# ----------------------------------------------------- stored responses


def test_a_background_stream_that_breaks_off(client, gateway, sim, log):
    """The provider goes on; what it used is told by a GET, once and whole."""
    log.expect("AZL0030", r"\[proxy")
    sim.script({"cut_after": 6})
    answer = client.post("/v1/responses", json={
        "model": "made", "input": "x", "background": True, "stream": True})
    begun = json.loads(answer.text.split("data: ")[1].split("\n")[0])
    path = "/v1/responses/" + begun["response"]["id"]
    for _ in range(4):
        last = client.get(path).json()
    assert last["status"] == "completed"
    posted, told = gateway.records(2)
    assert posted["error"] == "Truncated"
    assert posted["prompt_tokens"] is None and posted["cost_usd"] is None
    assert told["prompt_tokens"] == last["usage"]["input_tokens"]
    assert posted["response"] == told["response"]


def test_reading_a_response_uses_no_tokens(client, sim):
    body = {"model": "polled", "input": "x"}
    made = client.post("/v1/responses", json=body).json()
    for _ in range(200 // made["usage"]["total_tokens"]):
        client.get("/v1/responses/" + made["id"])
    assert client.post("/v1/responses", json=body).status_code == 200


def test_to_look_is_no_call(client):
    """rpm= is for calls to the model."""
    body = {"model": "looked-at", "input": "x"}
    made = client.post("/v1/responses", json=body).json()
    path = "/v1/responses/" + made["id"]
    for _ in range(25):
        assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 200
    assert client.post("/v1/responses", json=body).status_code == 200


@pytest.mark.parametrize("background", [False, True])
def test_a_connection_that_dies_late(client, gateway, sim, log, background):
    """It was kept, but the upstream has worked on the request: not again."""
    log.expect(r"\[proxy")
    body = {"model": "made", "input": "x", "background": background}
    assert client.post("/v1/responses", json=body).status_code == 200
    sim.control("DELETE", "journal")
    sim.script({"delay": 1.5, "fault": "reset", "times": 9}, deployment="d3")
    answer = client.post("/v1/responses", json=body)
    error_of(answer, 502, "upstream_unreachable")
    assert len(sim.journal()) == 1
    sim.heal()


def test_a_conversation_after_a_fallback(gateway, sim, log):
    """Also for a key that may not ask for the stand-in itself."""
    log.expect(r"\[proxy")
    sim.script({"error": "server", "times": 9}, deployment="d1")
    headers = {"Authorization": f"Bearer {gateway.few}"}
    with gateway.client(headers=headers) as client:
        body = {"model": "m1", "input": "x"}
        made = client.post("/v1/responses", json=body)
        assert made.headers["x-litellm-model-group"] == "stand-in"
        sim.heal()
        found = client.get("/v1/responses/" + made.json()["id"])
        assert found.status_code == 200
        body["previous_response_id"] = made.json()["id"]
        assert client.post("/v1/responses", json=body).status_code == 200
    assert sim.last()["deployment"] == "d2"


# ------------------------------------------------- estimates, gone on with


def test_each_reads_the_prompt(env, sim, plain, restart, log):
    """Whoever goes on with an answer reads all of the request once more, also
    if it breaks off as well."""
    log.expect(r"\[proxy", "AZL0030")
    conf = env.conf().add("AzureLITMidStream continue", "AzureLITCooldown off")
    conf.endpoint("a", sim.url)
    conf.endpoint("b", env.plain.url, "dialect=openai prefill=vllm")
    restart(conf.model("m", "a/d2").model("m", "b/d1", "order=2"))
    sim.script({"cut_after": 5, "times": 2}, deployment="d2")
    plain.script({"error": "server"},
                 {"cut_after": 4, "content": " one two three four"})
    with env.client() as client:
        for _ in range(2):
            client.post("/v1/chat/completions", json=chat("m", stream=True))
    first, second = env.records(2)
    assert first["estimated"] and second["estimated"]
    assert second["prompt_tokens"] == 2 * first["prompt_tokens"] > 0


# ------------------------------------------------------- shared memory


def test_no_room_for_the_server(env, sim, restart, log):
    """A restart with other names, before the old ones may be forgotten."""

    def conf(letter, n):
        own = env.conf().add("AzureLITMaxInFlight 10")
        own.endpoint("a", sim.url)
        for i in range(n):
            own.model(f"{letter}{i}", f"a/{letter}{i}",
                      f"spill=a/s{letter}{i}")
        own.model("m1", "a/d1")
        own.vhost(env.port, f"ServerName {letter}.test",
                  "AzureLITModel m1 a/d1")
        return own

    log.expect("AZL0012")
    restart(conf("x", 60))
    env.graceful(conf("y", 124))
    env.until(lambda: "AZL0012" in log.text())
    headers = {"Authorization": f"Bearer {env.key}", "Host": "y.test"}
    with env.fresh_client(headers=headers) as client:
        for number in range(3):
            answer = client.post("/v1/chat/completions", json=chat("m1"))
            assert answer.status_code == 200
            env.records(number + 1)
    assert "Segmentation" not in log.text()
