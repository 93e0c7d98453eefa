"""Chats at Bedrock, by the official OpenAI SDK: Converse and ConverseStream
with every kind of credential, and the chat completions that AWS has there. The
simulator verifies signatures; botocore's own signer and parser of event
streams are held against what went over the wire."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import bedrock_service
import pytest
import sdk
from ask import PROMPT, chat, error_of, events, said
from bedrock_service import KEY, KEY_ID, REGION, SECRET
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from processes import tree
from services import running
from turns import (
    ERRORS,
    REPORTED,
    STRANGE,
    TURNS,
    check_cached_usage,
    tool_turn,
)

CONTAINER_TOKEN = "container-token-0123456789"
# alias: the model and what is known of it
MODELS = {
    "claude": (bedrock_service.CLAUDE, "claude-sonnet-4-5"),
    "nova": (bedrock_service.NOVA, "nova-micro"),
    "mistral": (bedrock_service.MISTRAL, "mistral-large"),
    "gpt": (bedrock_service.GPT, "gpt-oss-120b"),
    "profile": (bedrock_service.PROFILE, "claude-sonnet-4-5"),
}
SIGNED = ["env", "file", "container", "instance"]


@pytest.fixture(scope="module", autouse=True)
def service(env):
    sim = bedrock_service.start(
        env.root / "bedrock", "--container-token", CONTAINER_TOKEN
    )
    env.bedrock = sim
    env.secrets += [KEY, SECRET, CONTAINER_TOKEN]
    with running(env, sim):
        yield sim


@pytest.fixture(autouse=True)
def fresh(service):
    service.reset()


def key_file(env):
    return env.root / "aws" / "credentials"


def write_key(env, key_id, secret):
    """As a whole, as whoever changes keys does."""
    path = key_file(env)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    new = path.with_suffix(".new")
    new.write_text(
        "# not this one\n[default]\naws_access_key_id = AKIANOTTHISONE\n"
        "aws_secret_access_key = nothing\n\n[team]\n"
        f"aws_access_key_id={key_id}\n  aws_secret_access_key = {secret}  \n"
    )
    new.chmod(0o644)
    new.replace(path)


def aws_environment(env):
    return {
        "BEDROCK_KEY": KEY,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI":
            f"{env.bedrock.url}/v2/credentials/sim",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": CONTAINER_TOKEN,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": env.bedrock.url + "/",
    }


def configure(env, sim):
    url = env.bedrock.url
    write_key(env, KEY_ID, SECRET)
    env.environment.update(aws_environment(env))
    conf = (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("azure", sim.url)
        .endpoint("key", url, "dialect=bedrock", credential="env:BEDROCK_KEY")
    )
    sources = {
        "env": "aws:env",
        "file": f"aws:file:{key_file(env)}#team",
        "container": "aws:container",
        "instance": "aws:instance",
    }
    for name, source in sources.items():
        conf.endpoint(
            name, url, f"dialect=bedrock region={REGION}", credential=source
        )
        conf.model(
            name,
            f"{name}/{bedrock_service.CLAUDE}",
            "base-model=claude-sonnet-4-5",
        )
    conf.endpoint(
        "compatible",
        url + "/openai/v1",
        f"dialect=openai region={REGION}",
        credential="aws:env",
    )
    conf.model("compatible", f"compatible/{bedrock_service.GPT}")
    conf.endpoint(
        "invoke",
        url,
        f"dialect=anthropic hosting=bedrock region={REGION}",
        credential="aws:env",
    )
    conf.model(
        "invoke",
        f"invoke/{bedrock_service.CLAUDE}",
        "base-model=claude-sonnet-4-5",
    )
    for alias, (model, family) in MODELS.items():
        conf.model(alias, f"key/{model}", f"base-model={family}")
    return conf.model("both", "azure/d1", "order=1").model(
        "both",
        f"env/{bedrock_service.CLAUDE}",
        "order=2 base-model=claude-sonnet-4-5",
    )


def named(check):
    return check.__name__


CHECKS = [sdk.chat, sdk.stream, sdk.stream_helper, sdk.tools, sdk.structured]


@pytest.mark.parametrize("check", CHECKS, ids=named)
@pytest.mark.parametrize("model", MODELS)
def test_sdk(sdk_client, model, check):
    check(sdk_client, model)


@pytest.mark.parametrize("model", [*SIGNED, "compatible", "invoke"])
def test_signed(sdk_client, gateway, service, model):
    sdk.chat(sdk_client, model)
    sdk.stream(sdk_client, model)
    for entry in service.asked():
        assert entry["fields"]["authorization"].startswith("AWS4-HMAC-SHA256")
        assert gateway.key not in str(entry["fields"])


def test_the_key_as_bearer(client, service):
    client.post("/v1/chat/completions", json=chat("claude"))
    assert service.last()["fields"]["authorization"] == f"Bearer {KEY}"


ODD = ["é\u20ac", "a  b", "x" * 5000, '"\\\n', ""]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_botocore_signs_the_same(client, service, streamed):
    """The request as it arrived, signed once more by AWS's own library."""
    for text in ODD:
        client.post(
            "/v1/chat/completions",
            json=chat(
                "env",
                stream=streamed,
                messages=[{"role": "user", "content": "x" + text}],
            ),
        )
    entries = service.asked()
    assert len(entries) == len(ODD)
    for entry in entries:
        fields = entry["fields"]
        given = fields["authorization"]
        names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
        assert names == ["content-type", "host", "x-amz-date"]
        request = AWSRequest(
            method="POST",
            url=f"http://{fields['host']}{entry['target']}",
            headers={name: fields[name] for name in names[:2]},
            data=entry["raw"],
        )
        assert sign_as_botocore(request, fields["x-amz-date"]) == given


def sign_as_botocore(request, moment):
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), "bedrock", REGION)
    request.context["timestamp"] = moment
    signer._modify_request_before_signing(request)
    request.headers.replace_header("X-Amz-Date", moment)
    canonical = signer.canonical_request(request)
    signature = signer.signature(
        signer.string_to_sign(request, canonical), request
    )
    signer._inject_signature_to_request(request, signature)
    return request.headers["Authorization"]


def read_by_botocore(data):
    """What is said, thought and called; how it ends."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    read = {"content": "", "reasoning_content": "", "arguments": []}
    for event in buffer:
        payload = json.loads(event.payload)
        delta = payload.get("delta", {})
        read["content"] += delta.get("text", "")
        thought = delta.get("reasoningContent", {}).get("text", "")
        read["reasoning_content"] += thought
        if "start" in payload:
            read["arguments"].append("")
        if "toolUse" in delta:
            read["arguments"][-1] += delta["toolUse"]["input"]
        if "usage" in payload:
            read["tokens"] = payload["usage"]["outputTokens"]
    return read


def read_by_us(chunks):
    read = {"content": "", "reasoning_content": "", "arguments": []}
    for chunk in chunks[:-1]:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            for name in ("content", "reasoning_content"):
                read[name] += delta.get(name) or ""
            for part in delta.get("tool_calls", []):
                if "id" in part:
                    read["arguments"].append("")
                read["arguments"][-1] += part["function"]["arguments"]
        if chunk.get("usage"):
            read["tokens"] = chunk["usage"]["completion_tokens"]
    return read


@pytest.mark.parametrize(
    "behaviour",
    [{}, {"reasoning": True}, {"rare_headers": True}, {"split": 7}],
    ids=str,
)
def test_botocore_reads_the_same(client, service, behaviour):
    """The request as it arrived, sent once more without us between."""
    more = {"tools": sdk.TOOLS} if "reasoning" in behaviour else {}
    service.script({**behaviour, "times": 2})
    answer = client.post(
        "/v1/chat/completions",
        json=chat(
            "claude",
            stream=True,
            stream_options={"include_usage": True},
            **more,
        ),
    )
    entry = service.last()
    status, _, data = bedrock_service.ask(
        service, entry["target"], entry["json"]
    )
    assert status == 200
    assert read_by_us(events(answer)) == read_by_botocore(data)


def test_conversation(client, service):
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", messages=TURNS)
    ).json()
    assert answer["choices"][0]["message"]["content"].split("\n") == REPORTED


STREAMED = pytest.mark.parametrize(
    "streamed", [False, True], ids=["whole", "stream"]
)


@STREAMED
@pytest.mark.parametrize("model", ["claude", "nova", "mistral", "env"])
def test_tool_loop(client, model, streamed):
    answer = tool_turn(client, model, streamed)
    assert answer.status_code == 200, answer.text
    message = answer.json()["choices"][0]["message"]
    assert message["content"] == f"You said: {PROMPT}"


@STREAMED
def test_a_name_that_bedrock_does_not_take(client, service, streamed):
    name = "weather.get/" + "x" * 60
    answer = tool_turn(client, "nova", streamed, name)
    assert answer.status_code == 200, answer.text
    for entry in service.asked():
        spec = entry["json"]["toolConfig"]["tools"][0]["toolSpec"]
        assert len(spec["name"]) == 64 and spec["name"] != name


@STREAMED
def test_thinking_in_a_tool_loop(client, service, streamed):
    """The thoughts of the first turn come back with their signature."""
    answer = tool_turn(client, "claude", streamed, reasoning_effort="high")
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["reasoning_content"]
    first, second = (entry["json"] for entry in service.asked())
    fields = first["additionalModelRequestFields"]
    assert fields["thinking"] == {"type": "enabled", "budget_tokens": 4096}
    assert second["additionalModelRequestFields"] == fields
    blocks = second["messages"][1]["content"]
    assert blocks[0]["reasoningContent"]["reasoningText"]["signature"]
    assert "toolUse" in blocks[-1]


def test_thinking_that_is_gone(client, service):
    """Nobody has kept anything for a call of another provider."""
    answer = client.post(
        "/v1/chat/completions",
        json=chat("claude", messages=STRANGE, reasoning_effort="low"),
    )
    assert answer.status_code == 200, answer.text
    assert "additionalModelRequestFields" not in service.last()["json"]


@pytest.mark.parametrize("model", ["claude", "nova", "gpt"])
def test_reasoning(client, service, model):
    service.script({"reasoning": True, "times": 2})
    answer = client.post("/v1/chat/completions", json=chat(model)).json()
    assert answer["choices"][0]["message"]["reasoning_content"]
    answer = client.post(
        "/v1/chat/completions", json=chat(model, stream=True)
    )
    assert "reasoning_content" in answer.text
    assert said(events(answer)) == f"You said: {PROMPT}"


def test_json_object(client):
    for model in ("claude", "nova"):
        answer = client.post(
            "/v1/chat/completions",
            json=chat(model, response_format={"type": "json_object"}),
        ).json()
        choice = answer["choices"][0]
        assert isinstance(json.loads(choice["message"]["content"]), dict)
        assert choice["finish_reason"] == "stop"
        assert "tool_calls" not in choice["message"]


@STREAMED
def test_ends(client, service, streamed):
    for behaviour, finish in (
        ({}, "stop"),
        ({"finish": "length"}, "length"),
        ({"finish": "content_filter"}, "content_filter"),
        ({"finish": "a_reason_of_next_year"}, "stop"),
    ):
        service.script(behaviour)
        answer = client.post(
            "/v1/chat/completions", json=chat("claude", stream=streamed)
        )
        if not streamed:
            assert answer.json()["choices"][0]["finish_reason"] == finish
            continue
        got = [
            choice["finish_reason"]
            for chunk in events(answer)[:-1]
            for choice in chunk["choices"]
        ]
        assert got[-1] == finish and got.count(None) == len(got) - 1
        assert events(answer)[-1] == "[DONE]"


@STREAMED
def test_usage_with_cache(gateway, client, service, streamed):
    check_cached_usage(gateway, client, service, "claude", streamed)


@pytest.mark.parametrize(
    "name, status, code",
    [
        *ERRORS,
        ("timeout", 504, "gateway_timeout"),
        ("no_model", 404, "model_not_found"),
    ],
)
def test_errors(client, service, log, name, status, code):
    log.expect("AZL0034")
    service.script({"error": name, "times": 9})
    answer = client.post("/v1/chat/completions", json=chat("claude"))
    error_of(answer, status, code)


def test_exceptions_in_a_stream(client, service, log):
    log.expect("AZL0030")
    service.script({"error_event": 3, "event_error": "rate"})
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", stream=True)
    )
    assert events(answer)[-1]["error"]["code"] == "rate_limit_exceeded"
    # before content there is still a status to say it with
    service.script({"error_event": 1, "event_error": "rate", "times": 9})
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", stream=True)
    )
    error_of(answer, 429, "rate_limit_exceeded")


@pytest.mark.parametrize(
    "fault", ["bad_crc", "bad_prelude", "bad_payload", "truncated"]
)
def test_damaged_streams(client, service, log, fault):
    log.expect("AH01110", "AZL0030")
    service.script({fault: 4})
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", stream=True)
    )
    last = events(answer)[-1]
    assert last["error"]["code"] == "stream_truncated"


def test_frames_with_everything_in_them(client, service):
    service.script({"rare_headers": True, "unknown": True})
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", stream=True)
    )
    assert said(events(answer)) == f"You said: {PROMPT}"
    assert events(answer)[-1] == "[DONE]"


def test_azure_fails_over_to_bedrock(gateway, client, sim, log):
    """Cut before content: one stream, of the one that served."""
    log.expect("AH01110")
    for behaviour in ({"error": "server"}, {"cut_after": 1}):
        sim.reset()
        sim.script({**behaviour, "times": 9})
        gateway.forget_records()
        answer = client.post(
            "/v1/chat/completions", json=chat("both", stream=True)
        )
        chunks = events(answer)
        assert said(chunks) == f"You said: {PROMPT}"
        assert chunks[-1] == "[DONE]"
        assert gateway.records(1)[-1]["endpoint"] == "env"


def test_left_out_members_are_named(client):
    answer = client.post(
        "/v1/chat/completions", json=chat("claude", seed=1, user="u")
    )
    assert answer.headers["x-azurelit-dropped-params"] == "seed,user"
    answer = client.post("/v1/chat/completions", json=chat("claude", n=2))
    assert error_of(answer, 400, "unsupported_parameter")["param"] == "n"


def test_wrong_requests(client):
    for content, param in (
        ([{"type": "hologram"}], "messages[0].content[0]"),
        (
            [
                {
                    "type": "image_url",
                    "image_url": {"url": "https://example.com/a.png"},
                }
            ],
            "messages[0].content[0]",
        ),
    ):
        answer = client.post(
            "/v1/chat/completions",
            json=chat(
                "claude", messages=[{"role": "user", "content": content}]
            ),
        )
        assert error_of(answer, 400, "invalid_value")["param"] == param


def test_many_at_a_time(gateway, service):
    """The same credentials, read by many threads."""
    with gateway.client() as client, ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda n: client.post(
                "/v1/chat/completions",
                json=chat(SIGNED[n % 4], stream=n % 2 == 0),
            ).status_code,
            range(80),
        )
        assert set(answers) == {200}


# --------------------------------------------------- credentials that change


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def given_out(service, kind):
    """How often credentials were fetched."""
    tail = {"container": "/v2/credentials/sim", "instance": "/gateway-role"}
    return sum(
        entry["path"].endswith(tail[kind]) for entry in service.journal()
    )


def temporary_only(env, *kinds):
    conf = env.conf().add("AzureLITCooldown off")
    for kind in kinds:
        conf.endpoint(
            kind,
            env.bedrock.url,
            f"dialect=bedrock region={REGION}",
            credential=f"aws:{kind}",
        ).model(kind, f"{kind}/{bedrock_service.NOVA}", "base-model=nova")
    return conf


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_refreshed_before_they_end(restart, gateway, service, kind):
    """Good for 8 seconds each, and never is a request refused."""
    place = "metadata" if kind == "instance" else kind
    service.script({"lifetime": 8, "times": 100}, deployment=place)
    restart(temporary_only(gateway, kind))
    with gateway.client() as client:
        while given_out(service, kind) < 3:
            answer = client.post("/v1/chat/completions", json=chat(kind))
            assert answer.status_code == 200, answer.text
            time.sleep(0.2)


def test_credentials_that_are_not_given(restart, gateway, service, log):
    """The endpoint is not asked; when they are given it is, at once."""
    log.expect("AZL0100", "AZL0103", "AZL0034")
    service.script({"error": "server", "times": 100}, deployment="container")
    restart(
        temporary_only(gateway, "container").model(
            "two", f"container/{bedrock_service.NOVA}",
            "order=1 base-model=nova",
        ).endpoint(
            "key", service.url, "dialect=bedrock", credential="env:BEDROCK_KEY"
        ).model(
            "two", f"key/{bedrock_service.NOVA}", "order=2 base-model=nova"
        )
    )
    with gateway.client() as client:
        answer = client.post("/v1/chat/completions", json=chat("container"))
        assert answer.status_code == 502
        assert not service.asked()
        # another candidate answers
        answer = client.post("/v1/chat/completions", json=chat("two"))
        assert answer.status_code == 200
        service.heal()
        until(
            lambda: client.post(
                "/v1/chat/completions", json=chat("container")
            ).status_code == 200
        )


def test_the_first_request_waits(restart, gateway, service):
    """A process that has just begun does not refuse whom it could serve."""
    service.script({"delay": 0.5, "times": 2}, deployment="container")
    restart(temporary_only(gateway, "container"))
    with gateway.client() as client:
        answer = client.post("/v1/chat/completions", json=chat("container"))
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_graceful_restarts(restart, gateway, service, log, kind):
    """New processes know what the old ones fetched; whoever asks meanwhile is
    served, also by one that is told to end as soon as it has begun."""
    log.expect("AH03490")  # there are more of them than usual
    conf = temporary_only(gateway, kind)
    restart(conf)
    with gateway.client() as client:
        answer = client.post("/v1/chat/completions", json=chat(kind))
        assert answer.status_code == 200, answer.text
    fetched = given_out(service, kind)
    for _ in range(3):
        old = set(tree(gateway.process.pid)[1:])
        gateway.graceful(conf)
        while old & set(tree(gateway.process.pid)):
            # A connection that was kept may be closed by a restart.
            with gateway.client() as client:
                answer = client.post("/v1/chat/completions", json=chat(kind))
                assert answer.status_code == 200, answer.text
    assert given_out(service, kind) == fetched


def test_a_file_that_changes(gateway, client, service, log):
    """Read again; what cannot be read leaves the old ones."""
    log.expect("AZL0100", "AZL0034")
    key = {"model": "file", "messages": chat()["messages"]}
    try:
        write_key(gateway, "AKIAREPLACED00000000", "another-secret")
        until(
            lambda: client.post("/v1/chat/completions", json=key).status_code
            == 502
        )
        key_file(gateway).write_text("[team]\nno key\n")
        until(lambda: "AZL0100" in log.text())
        write_key(gateway, KEY_ID, SECRET)
        until(
            lambda: client.post("/v1/chat/completions", json=key).status_code
            == 200
        )
    finally:
        write_key(gateway, KEY_ID, SECRET)
    assert "another-secret" not in log.text()


@pytest.mark.parametrize(
    "options, environment, words",
    [
        ("credential=aws:env", {}, "region"),
        ("credential=aws:env region=a/b", {}, "region"),
        ("credential=aws:env region=eu-1 service=a/b", {}, "service="),
        (
            "credential=aws:env region=eu-1",
            {"AWS_SECRET_ACCESS_KEY": ""},
            "AWS_SECRET_ACCESS_KEY",
        ),
        ("credential=aws:file region=eu-1", {}, "aws:file:/path"),
        ("credential=aws:file:here region=eu-1", {}, "must begin with /"),
        (
            "credential=aws:file:/nowhere/at/all region=eu-1",
            {},
            "cannot be read",
        ),
        (
            "credential=aws:container region=eu-1",
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""},
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ("credential=none region=eu-1", {}, "region= and service="),
        ("credential=aws:env dialect=azure region=eu-1", {}, "dialect="),
    ],
)
def test_configurations_that_are_wrong(gateway, options, environment, words):
    before = gateway.environment
    gateway.environment = {**before, **environment}
    try:
        code, text = gateway.check(
            gateway.conf().add(
                "AzureLITEndpoint bad https://bedrock.example "
                f"dialect=bedrock tls-verify=off {options}"
                if "dialect=" not in options
                else f"AzureLITEndpoint bad http://bedrock.example {options}"
            )
        )
    finally:
        gateway.environment = before
    assert code != 0
    assert words in text


def test_a_profile_that_is_not_there(gateway):
    code, text = gateway.check(
        gateway.conf().add(
            "AzureLITEndpoint bad http://bedrock.example dialect=bedrock "
            f"region=eu-1 credential=aws:file:{key_file(gateway)}#nobody"
        )
    )
    assert code != 0
    assert "no such profile" in text


def test_the_region_in_the_name(gateway):
    code, text = gateway.check(
        gateway.conf().add(
            "AzureLITEndpoint aws https://bedrock-runtime.eu-central-1."
            "amazonaws.com dialect=bedrock credential=aws:env",
            "AzureLITEndpoint mantle https://bedrock-mantle.us-west-2.api.aws"
            "/v1 dialect=openai credential=aws:env",
            "AzureLITModel a aws/m",
            "AzureLITModel b mantle/m",
        )
    )
    assert code == 0, text


def test_a_probe_is_signed(gateway, client, service):
    answer = client.get(
        "/health?probe=1",
        headers={"Authorization": f"Bearer {gateway.master}"},
    )
    assert answer.status_code == 200
    assert answer.json()["unhealthy_count"] == 0
    # what has the same model at the same address is asked once
    signed = {
        entry["deployment"] for entry in service.asked()
        if entry["fields"]["authorization"].startswith("AWS4")
    }
    assert signed == {bedrock_service.CLAUDE, bedrock_service.GPT}
