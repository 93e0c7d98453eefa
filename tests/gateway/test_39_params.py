"""What a family of models does not take: renamed, passed on, left out or
refused. The simulator's models refuse what the real ones do."""

import openai
import pytest
import sdk
from ask import PROMPT, WORDS, chat, error_of, events, said
from simulator import Simulator

# Alias: base model. Deployments are called otherwise.
MODELS = {
    "classic": "gpt-4.1",
    "thinker": "gpt-5-mini",
    "o": "o3",
    "off": "gpt-5.1",
    "on": "gpt-5.5",
}
DROPPED = "x-azurelit-dropped-params"
SAMPLING = {"temperature": 0.2, "top_p": 0.9}


@pytest.fixture(scope="module", autouse=True)
def service(env):
    names = [f"x-{alias}={base}" for alias, base in MODELS.items()]
    sim = Simulator(env.root / "params", names, env.sim_key)
    env.params = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


@pytest.fixture(autouse=True)
def fresh(service):
    service.reset()


def build(env, params):
    conf = (
        env.conf()
        .add(f"AzureLITParams {params}", "AzureLITCooldown off")
        .endpoint("v1", env.params.url)
        .endpoint("classic", env.params.url, "api-version=2024-10-21")
        # the alias says what it is
        .model("openai/gpt-5-mini", "classic/x-thinker")
        # nothing says what it is: a deployment's name does not
        .model("free", "v1/x-thinker")
        # the second takes it
        .model("both", "v1/x-o", "base-model=o3 order=1")
        .model("both", "v1/x-classic", "base-model=gpt-4.1 order=2")
    )
    for alias, base in MODELS.items():
        conf.model(alias, f"v1/x-{alias}", f"base-model={base}")
    return conf


def configure(env, sim):
    return build(env, "drop")


@pytest.fixture
def ask(client):
    return lambda *model, **more: client.post(
        "/v1/chat/completions", json=chat(*model, **more)
    )


@pytest.mark.parametrize("model", ["thinker", "o", "off", "on"])
def test_renamed(ask, service, model):
    answer = ask(model, max_tokens=50)
    assert answer.status_code == 200, answer.text
    assert service.last()["json"]["max_completion_tokens"] == 50
    assert "max_tokens" not in service.last()["json"]
    assert DROPPED not in answer.headers


def test_not_renamed(ask, service):
    assert ask("classic", max_tokens=50).status_code == 200
    assert service.last()["json"]["max_tokens"] == 50


def test_name_of_a_deployment_says_nothing(ask):
    error_of(ask("free", max_tokens=50), 400, "unsupported_parameter")


def test_alias_with_a_provider(ask):
    answer = ask("openai/gpt-5-mini", max_tokens=50, stop="x")
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "stop"


def test_dropped(ask, service):
    answer = ask("thinker", **SAMPLING, stop=["x"], presence_penalty=1, top_k=3)
    assert answer.status_code == 200, answer.text
    names = answer.headers[DROPPED].split(",")
    assert names == [
        "top_k", "temperature", "top_p", "stop", "presence_penalty",
    ]
    assert set(service.last()["json"]) == {"model", "messages"}


def test_dropped_from_a_stream(ask, service):
    answer = ask("o", stream=True, **SAMPLING, max_tokens=50)
    assert answer.headers[DROPPED] == "temperature,top_p"
    assert said(events(answer)) == WORDS
    assert set(service.last()["json"]) == {
        "model", "messages", "stream", "stream_options",
        "max_completion_tokens",
    }


def test_effort_is_not_for_all(ask, service):
    answer = ask("classic", reasoning_effort="low", temperature=0.5)
    assert answer.headers[DROPPED] == "reasoning_effort"
    assert service.last()["json"]["temperature"] == 0.5


@pytest.mark.parametrize(
    ("model", "effort", "taken"),
    [
        ("off", None, True),
        ("off", "none", True),
        ("off", "low", False),
        ("on", None, False),
        ("on", "none", True),
        ("on", "high", False),
    ],
)
def test_sampling_without_effort(ask, service, model, effort, taken):
    more = {"reasoning_effort": effort} if effort else {}
    answer = ask(model, **SAMPLING, **more)
    assert answer.status_code == 200, answer.text
    arrived = service.last()["json"]
    assert ("temperature" in arrived) == ("top_p" in arrived) == taken
    assert (DROPPED in answer.headers) != taken


def test_for_the_model_that_is_asked(ask, service):
    """What was left out for the one that failed is there for the next."""
    service.script({"error": "server"}, deployment="x-o")
    answer = ask("both", **SAMPLING, reasoning_effort="low")
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "reasoning_effort"
    assert service.last()["json"]["temperature"] == 0.2


def test_responses_client(client, service, restart, gateway):
    """Their chat is held against the table as any other."""
    restart(build(gateway, "drop").model(
        "chat", "v1/x-thinker", "base-model=gpt-5-mini surface=chat"
    ))
    answer = client.post("/v1/responses", json={
        "model": "chat", "input": PROMPT, "temperature": 0.2, "store": False,
    })
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "temperature"
    assert "temperature" not in service.last()["json"]


@pytest.fixture
def respond(client):
    return lambda model, **more: client.post(
        "/v1/responses", json={"model": model, "input": PROMPT, **more}
    )


def test_responses(respond, service):
    """What passes as it is, is held against the table too."""
    answer = respond("thinker", **SAMPLING, reasoning={"effort": "low"})
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "temperature,top_p"
    assert set(service.last()["json"]) == {"model", "input", "reasoning"}
    answer = respond("classic", **SAMPLING, reasoning={"effort": "low"})
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "reasoning"
    assert service.last()["json"]["temperature"] == 0.2
    answer = respond("off", **SAMPLING, reasoning={"effort": "none"})
    assert answer.status_code == 200 and DROPPED not in answer.headers
    answer = respond("o", max_output_tokens=1)
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "max_output_tokens"
    assert service.last()["json"]["max_output_tokens"] == 16


@pytest.mark.parametrize(
    ("model", "effort", "becomes"),
    [
        ("thinker", "none", "minimal"),
        ("thinker", "max", "high"),
        ("o", "minimal", "low"),
        ("off", "minimal", "low"),
        ("on", "max", "xhigh"),
    ],
)
def test_effort(
    ask, respond, restart, gateway, service, model, effort, becomes
):
    """Of the levels a model has, the nearest."""
    answer = ask(model, reasoning_effort=effort)
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "reasoning_effort"
    assert service.last()["json"]["reasoning_effort"] == becomes
    answer = respond(model, reasoning={"summary": "auto", "effort": effort})
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "reasoning.effort"
    sent = service.last()["json"]["reasoning"]
    assert sent == {"summary": "auto", "effort": becomes}
    for params in ("keep", "reject"):
        restart(build(gateway, params))
        service.reset()
        for one, param in (
            (ask(model, reasoning_effort=effort), "reasoning_effort"),
            (
                respond(model, reasoning={"effort": effort}),
                "reasoning.effort",
            ),
        ):
            error = error_of(one, 400, "unsupported_value")
            assert error["param"] == param
            assert f"'{becomes}'" in error["message"]
        # with keep it is the upstream that says so
        assert len(service.journal()) == (2 if params == "keep" else 0)


def test_names_are_bounded(ask):
    """The header of a client that sends a hundred members of its own."""
    own = {f"{'own' * 15}-{n}": n for n in range(100)}
    answer = ask("thinker", **own, stop="x")
    assert answer.status_code == 200, answer.text
    names = answer.headers[DROPPED]
    assert 900 < len(names) <= 1024 and names.endswith(",...")
    assert set(names.split(",")[:-1]) <= set(own)


def test_sdk(gateway):
    client = openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=gateway.key, max_retries=0
    )
    for model in MODELS:
        sdk.chat(client, model)
        sdk.stream(client, model)
        answer = client.chat.completions.create(
            **chat(model), max_tokens=99, temperature=0, stop=["x"]
        )
        assert answer.choices[0].message.content == WORDS


def test_kept(restart, gateway, ask, service):
    """Nothing is touched but the name."""
    restart(build(gateway, "keep"))
    error = error_of(
        ask("thinker", max_tokens=5, **SAMPLING), 400, "unsupported_parameter"
    )
    assert error["param"] == "temperature"
    arrived = service.last()["json"]
    assert arrived["max_completion_tokens"] == 5
    assert arrived["top_p"] == 0.9
    assert ask("thinker", max_tokens=5).status_code == 200


def test_rejected(restart, gateway, ask, service):
    restart(build(gateway, "reject"))
    error = error_of(
        ask("thinker", max_tokens=5, top_p=0.9), 400, "unsupported_parameter"
    )
    assert error["param"] == "top_p"
    assert service.journal() == []
    assert ask("thinker", max_tokens=5, temperature=1).status_code == 200


def test_rejected_by_all_or_by_one(restart, gateway, ask, service):
    restart(build(gateway, "reject"))
    answer = ask("both", **SAMPLING)
    assert answer.status_code == 200, answer.text
    assert service.last()["json"]["temperature"] == 0.2
    error_of(
        ask("both", **SAMPLING, reasoning_effort="low"),
        400,
        "unsupported_parameter",
    )
    assert len(service.journal()) == 1
