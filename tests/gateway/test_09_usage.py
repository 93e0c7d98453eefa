"""The usage record: every member, exact costs, each token counted once."""

import csv
import hashlib
import io
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from ask import PROMPT, chat, error_of, events

MEMBERS = (
    "time request_id key_name key_hash surface model deployment endpoint "
    "status error attempts streamed prompt_tokens cached_tokens "
    "cache_write_tokens completion_tokens reasoning_tokens audio_seconds "
    "cost_usd first_token_ms total_ms bytes_in bytes_out estimated "
    "response estimated_part cache_write_1h_tokens audio_prompt_tokens "
    "audio_completion_tokens"
).split()
TOKENS = [name for name in MEMBERS if name.endswith("_tokens")]
PRICES = {
    "about": "test",
    "unit": "USD per million tokens",
    "models": [
        {
            "model": "listed",
            "aliases": ["chat"],
            "input": "2.50",
            "cached": "0.25",
            "output": "15.00",
            "source": "https://example.com",
            "date": "2026-11",
        }
    ],
}
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 50,
    "total_tokens": 1050,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 30},
}
# 600 x 2.50 + 400 x 0.25 + 50 x 15.00
COST = Decimal("0.00235")


def configure(env, sim):
    prices = env.root / "prices.json"
    prices.write_text(json.dumps(PRICES))
    conf = env.conf().add("AzureLITCooldown off").endpoint("a", sim.url)
    conf.add(
        f"AzureLITPriceFile {prices}",
        "AzureLITMaxBody 100k",
        "StartServers 2",
        'LogFormat "%{azurelit-tokens-in}n %{azurelit-tokens-out}n '
        "%{azurelit-tokens-cached}n %{azurelit-tokens-reasoning}n "
        "%{azurelit-cost}n %{azurelit-model}n %{azurelit-deployment}n "
        '%{azurelit-key}n %{azurelit-request-id}n" tokens',
        "CustomLog logs/tokens.log tokens",
    )
    conf.model("chat", "a/d1").model("chat", "a/d2", "order=2")
    conf.model("based", "a/d1", "base-model=listed")
    conf.model(
        "own", "a/d1", "base-model=listed", "input-price=0.123456",
        "output-price=3",
    )
    conf.model("unpriced", "a/d3")
    return conf.model("emb", "a/emb", "input-price=0.02", "output-price=0")


def post(client, path="chat/completions", **body):
    return client.post("/v1/" + path, json=body)


def one(gateway):
    return gateway.records(1)[0]


def exact(gateway):
    """The one record, its numbers as they are written."""
    gateway.records(1)
    return json.loads(gateway.usage_log.read_text(), parse_float=Decimal)


def test_every_member(client, gateway, sim):
    sim.script({"usage": USAGE})
    answer = client.post("/v1/chat/completions", json=chat("chat"))
    found = one(gateway)
    assert list(found) == MEMBERS
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                        found["time"])
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["key_name"] == "tester"
    digest = hashlib.sha256(gateway.key.encode()).hexdigest()
    assert found["key_hash"] == digest[:16]
    assert found["surface"] == "chat"
    assert found["model"] == "chat"
    assert (found["deployment"], found["endpoint"]) == ("a/d1", "a")
    assert (found["status"], found["error"]) == (200, None)
    assert (found["attempts"], found["streamed"]) == (1, False)
    assert [found[name] for name in TOKENS] == [1000, 400, 0, 50, 30, 0, 0, 0]
    assert found["audio_seconds"] == 0
    assert 0 < found["first_token_ms"] <= found["total_ms"] < 60000
    assert found["bytes_in"] == int(answer.request.headers["content-length"])
    assert found["bytes_out"] == len(answer.content)
    assert answer.headers["x-litellm-response-cost"] == str(COST)


@pytest.mark.parametrize("model, cost", [
    ("chat", COST),
    ("based", COST),
    # 600 x 0.123456 + 400 x 0.25 + 50 x 3
    ("own", Decimal("0.0003240736")),
    ("unpriced", None),
])
@pytest.mark.parametrize("stream", [False, True])
def test_cost(client, gateway, sim, model, cost, stream):
    sim.script({"usage": USAGE})
    answer = client.post(
        "/v1/chat/completions", json=chat(model, stream=stream)
    )
    assert answer.status_code == 200
    assert exact(gateway)["cost_usd"] == cost
    assert ("x-litellm-response-cost" in answer.headers) == (
        cost is not None and not stream
    )


@pytest.mark.parametrize("asked", [False, True])
def test_stream(client, gateway, sim, asked):
    options = {"stream_options": {"include_usage": True}} if asked else {}
    sim.script({"usage": USAGE})
    answer = client.post(
        "/v1/chat/completions", json=chat("chat", stream=True, **options)
    )
    assert events(answer)[-1] == "[DONE]"
    found = one(gateway)
    assert found["streamed"] is True
    assert [found[name] for name in TOKENS] == [1000, 400, 0, 50, 30, 0, 0, 0]
    assert found["bytes_out"] == len(answer.content)


def test_first_token(client, gateway, sim):
    """The first token is measured where it came, not at the end."""
    sim.script({"hold": 4})
    with client.stream(
        "POST", "/v1/chat/completions", json=chat("chat", stream=True)
    ) as answer:
        pieces = answer.iter_bytes()
        assert b"You" in next(pieces)
        # Nothing more comes until we say so.
        sim.release()
        assert b"[DONE]" in b"".join(pieces)
    found = one(gateway)
    assert 0 < found["first_token_ms"] < found["total_ms"]


@pytest.mark.parametrize("stream", [False, True])
def test_responses(client, gateway, sim, stream):
    sim.script({"reasoning": True})
    answer = post(client, "responses", model="chat", input=PROMPT,
                  stream=stream)
    assert answer.status_code == 200
    found = one(gateway)
    counted = sim.usage()
    assert (found["surface"], found["streamed"]) == ("responses", stream)
    assert found["prompt_tokens"] == counted["prompt_tokens"] > 0
    assert found["completion_tokens"] == counted["completion_tokens"] > 64
    assert found["reasoning_tokens"] == 64
    want = found["prompt_tokens"] * Decimal("2.5")
    want += found["completion_tokens"] * 15
    assert exact(gateway)["cost_usd"] == want / 1000000


def test_embeddings(client, gateway, sim):
    answer = post(client, "embeddings", model="emb", input=[PROMPT, "two"])
    found = one(gateway)
    assert found["surface"] == "embeddings"
    assert found["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert found["completion_tokens"] == 0
    assert exact(gateway)["cost_usd"] == (
        found["prompt_tokens"] * Decimal("0.00000002")
    )


def test_completions_and_images(client, gateway, sim):
    assert post(client, "completions", model="chat",
                prompt=PROMPT).status_code == 200
    assert post(client, "images/generations", model="chat",
                prompt=PROMPT).status_code == 200
    found = gateway.records(2)
    assert [record["surface"] for record in found] == [
        "completions", "images.generations",
    ]
    assert found[1]["completion_tokens"] == 272


@pytest.mark.parametrize("size", [10, 1200000], ids=["held", "passed"])
@pytest.mark.parametrize("tier, known", [("default", True), ("flex", False)])
def test_another_service_tier(client, gateway, sim, size, tier, known):
    """It has prices of its own: no cost is better than a wrong one."""
    message = {"role": "assistant", "content": "x" * size}
    sim.script({
        "status": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt",
            "service_tier": tier,
            "choices": [
                {"index": 0, "message": message, "finish_reason": "stop"}
            ],
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 20,
                "total_tokens": 30,
            },
        }),
    })
    assert client.post(
        "/v1/chat/completions", json=chat("chat")
    ).status_code == 200
    found = exact(gateway)
    assert found["completion_tokens"] == 20
    assert (found["cost_usd"] is not None) == known


def test_speech_has_no_usage(client, gateway):
    answer = post(client, "audio/speech", model="chat", input=PROMPT,
                  voice="alloy")
    assert answer.headers["content-type"] == "audio/mpeg"
    found = one(gateway)
    assert found["surface"] == "audio.speech"
    assert {found[name] for name in TOKENS} == {None}
    assert found["cost_usd"] is None
    assert found["bytes_out"] == len(answer.content)


def test_audio_by_seconds(client, gateway, sim):
    sim.script({
        "status": 200,
        "body": {"text": "x", "usage": {"type": "duration", "seconds": 7}},
        "headers": {"Content-Type": "application/json"},
    })
    answer = client.post(
        "/v1/audio/transcriptions",
        data={"model": "chat"},
        files={"file": ("a.mp3", b"RIFF" + PROMPT.encode(), "audio/mpeg")},
    )
    assert answer.status_code == 200
    found = one(gateway)
    assert found["audio_seconds"] == 7
    assert found["surface"] == "audio.transcriptions"


REFUSED = {
    "no key": (dict(headers={"Authorization": "Bearer sk-no"}), 401,
               "AuthenticationError"),
    "no model": (dict(json=chat("none")), 404, "ValidationError"),
    "broken": (dict(content=b'{"model":"chat",'), 400, "ValidationError"),
    "large": (dict(content=b"x" * 200000), 413, "ValidationError"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(client, gateway, sim, name):
    request, status, kind = REFUSED[name]
    request.setdefault("json", chat("chat"))
    if "content" in request:
        del request["json"]
    answer = client.post("/v1/chat/completions", **request)
    assert answer.status_code == status
    found = one(gateway)
    assert list(found) == MEMBERS
    assert (found["status"], found["error"]) == (status, kind)
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["attempts"] == 0
    assert found["bytes_out"] == len(answer.content)
    for member in ("model", "deployment", "endpoint", "cost_usd",
                   "first_token_ms", *TOKENS):
        assert found[member] is None
    if name == "no key":
        assert found["key_name"] is found["key_hash"] is None
    else:
        assert found["key_name"] == "tester"
    # What was refused by its length or its key was not read.
    assert (found["bytes_in"] is None) == (name in ("no key", "large"))
    assert sim.journal() == []


def test_what_is_no_model_call(client, gateway):
    client.get("/v1/models")
    client.get("/health/liveliness")
    client.get("/v1/chat/completions")
    client.get("/v1/nothing")
    client.post("/v1/chat/completions", json=chat("chat"))
    assert one(gateway)["surface"] == "chat"


def test_notes(client, gateway, sim):
    """%{azurelit-tokens-out}n and the others, for a LogFormat."""
    sim.script({"usage": USAGE})
    answer = client.post("/v1/chat/completions", json=chat("chat"))
    digest = hashlib.sha256(gateway.key.encode()).hexdigest()
    request_id = answer.headers["x-request-id"]
    want = f"1000 50 400 30 {COST} chat a/d1 {digest[:16]} {request_id}"
    log = gateway.logs / "tokens.log"
    gateway.until(lambda: want in log.read_text().splitlines())
    # nor is its record left for the next
    gateway.records(1)


def test_notes_of_a_refused_request(client, gateway):
    error_of(
        client.post("/v1/chat/completions", json=chat("none")), 404,
        "model_not_found",
    )
    request_id = one(gateway)["request_id"]
    log = gateway.logs / "tokens.log"
    gateway.until(lambda: f"{request_id}\n" in log.read_text())
    lines = log.read_text().splitlines()
    line = [line for line in lines if line.endswith(request_id)][0]
    assert line.startswith("- - - - - - - ")


# --------------------------------------------------------------- the report


def report(gateway, *arguments):
    return subprocess.run(
        [gateway.ctl, "usage", *arguments, gateway.usage_log],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout


def load(gateway, number):
    """A mixed load; (status, tokens the client was told or None)."""
    body = [
        lambda: ("chat/completions", chat("chat")),
        lambda: ("chat/completions", chat("chat", stream=True)),
        lambda: ("chat/completions", chat(
            "chat", stream=True, stream_options={"include_usage": True})),
        lambda: ("embeddings", {"model": "emb", "input": PROMPT}),
        lambda: ("responses", {"model": "unpriced", "input": PROMPT}),
        lambda: ("responses",
                 {"model": "chat", "input": PROMPT, "stream": True}),
    ]

    def ask(index):
        path, document = body[index % len(body)]()
        return client.post("/v1/" + path, json=document).status_code

    with gateway.client() as client, ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, range(number)))


def test_each_token_is_counted_once(gateway, sim, log):
    """Failed attempts, streams and everything at once: the report says what
    the service has counted."""
    log.expect(r"\[proxy")
    number = 300
    sim.script({"error": "rate_ms", "times": 20}, {"fault": "reset",
               "times": 20}, {"error": "server", "times": 5}, deployment="d1")
    assert load(gateway, number) == [200] * number
    records = gateway.records(number)
    counted = sim.usage()
    total = json.loads(report(gateway, "--format=json"),
                       parse_float=Decimal)
    for name in ("prompt_tokens", "completion_tokens"):
        assert sum(record[name] for record in records) == counted[name]
    assert len({record["request_id"] for record in records}) == number
    assert sum(record["attempts"] for record in records) == number + 45
    check_report(gateway, total["total"], counted, number)


def check_report(gateway, total, counted, number):
    lines = gateway.usage_log.read_text().splitlines()
    records = [json.loads(line, parse_float=Decimal) for line in lines]
    cost = sum(record["cost_usd"] or 0 for record in records)
    assert total["requests"] == number
    assert total["errors"] == 0
    assert total["prompt_tokens"] == counted["prompt_tokens"]
    assert total["completion_tokens"] == counted["completion_tokens"]
    assert total["cost_usd"] == cost > 0
    rows = list(csv.DictReader(io.StringIO(
        report(gateway, "--group-by=model", "--format=csv"))))
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == cost


# ----------------------------------------------------------------- the file


PIPES = {
    "program": "|/usr/bin/tee -a {file}",
    "shell": "|$cat >> {file}",
}


@pytest.mark.parametrize("name", PIPES)
def test_piped(gateway, sim, log, restart, name):
    file = gateway.logs / "usage.jsonl"
    conf = configure(gateway, sim)
    conf.lines = [line for line in conf.lines if "AzureLITUsageLog" not in line]
    conf.add(f'AzureLITUsageLog "{PIPES[name].format(file=file)}"')
    restart(conf)
    assert load(gateway, 60) == [200] * 60
    records = gateway.records(60)
    assert {tuple(record) for record in records} == {tuple(MEMBERS)}


def test_no_folder(gateway, log, restart):
    """A log that cannot be opened stops the start, and it is said why."""
    log.expect("AZL0041", "AH00020")
    folder = gateway.root / "a-folder"
    folder.mkdir(exist_ok=True)
    conf = gateway.conf().add(f"AzureLITUsageLog {folder}")
    with pytest.raises(RuntimeError, match="AZL0041.*a-folder"):
        restart(conf)


def test_file_is_for_the_operator(client, gateway):
    client.post("/v1/chat/completions", json=chat("chat"))
    one(gateway)
    assert gateway.usage_log.stat().st_mode & 0o7 == 0


# ------------------------------------------------------------------ secrets


def test_every_log_level(gateway, sim, log, restart):
    """Whatever httpd says of our requests at its most talkative, the check
    after the test finds no secret and no text in it."""
    log.expect(r"\[proxy", "AZL0030", "AZL0034")
    conf = configure(gateway, sim).add("Protocols h2c http/1.1")
    restart(conf.add("LogLevel trace8"))
    clients = [gateway.client(), gateway.client(http1=False, http2=True)]
    for behaviour in ({}, {"error": "rate_ms"}, {"error": "bad_key"},
                      {"error": "filtered"}, {"fault": "reset"}):
        for client in clients:
            for stream in (False, True):
                sim.script(behaviour, deployment="d1")
                client.post(
                    "/v1/chat/completions", json=chat("chat", stream=stream)
                )
            client.post(
                "/v1/chat/completions",
                content=b'{"model":"chat",' + PROMPT.encode(),
                headers={"api-key": gateway.master},
            )
            client.get("/v1/nothing")
    for client in clients:
        client.close()
    gateway.records(30)
    assert ":trace8]" in log.text()


def test_leaks_are_seen(gateway):
    """The check after each test would find one."""
    file = gateway.tmp / "spool"
    file.write_bytes(b"..." + PROMPT.encode())
    assert gateway.leaks() == ["spool: PROMPT-MARK"]
    file.unlink()
