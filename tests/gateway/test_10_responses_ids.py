"""Response ids: what the client gets is sealed, and good for its key only."""

import secrets

import pytest
from ask import PROMPT, error_of, events
from env import Env

OTHER = "sk-other-" + secrets.token_hex(8)
NARROW = "sk-narrow-" + secrets.token_hex(8)
SHARED = "sk-shared-" + secrets.token_hex(8)
BIG = 2 * 1024 * 1024


def configure(env, sim):
    env.secrets += [OTHER, NARROW, SHARED]
    conf = env.conf().key("other", OTHER).key("narrow", NARROW, "models=m1")
    conf.add("AzureLITCooldown off")
    conf.key("shared", SHARED, "models=both")
    conf.endpoint("azure", sim.url)
    # The same service a second time, by its classic surface.
    conf.endpoint("classic", sim.url, "api-version=2025-04-01-preview")
    conf.endpoint("plain", env.plain.url + "/v1", "dialect=openai")
    conf.model("m1", "azure/d1")
    conf.model("both", "azure/d1").model("both", "plain/d2")
    return conf.model("m2", "classic/d2")


def ask(client, model="m1", **more):
    return client.post(
        "/v1/responses", json={"model": model, "input": PROMPT, **more}
    )


def made_by(gateway, sim):
    """{the simulators' ids of what they have stored}"""
    found = set()
    for service in (sim, gateway.plain):
        found |= set(service.control("GET", "stored"))
    return found


def sealed_everywhere(text, gateway, sim):
    """None of the ids the services know is in this text."""
    ids = made_by(gateway, sim)
    assert ids
    assert not [one for one in ids if one in text]


# ------------------------------------------------------------- in the answers


@pytest.mark.parametrize("model", ["m1", "m2", "both"])
def test_answer(client, gateway, sim, plain, model):
    answer = ask(client, model)
    document = answer.json()
    assert answer.status_code == 200
    assert document["id"].startswith("resp_")
    assert document["model"] == model
    sealed_everywhere(answer.text, gateway, sim)
    sealed_everywhere(str(answer.headers), gateway, sim)


@pytest.mark.parametrize("behaviour", [
    {}, {"split": 1}, {"reasoning": True}, {"outcome": "incomplete"},
], ids=str)
def test_every_event(client, gateway, sim, plain, behaviour):
    first = ask(client).json()["id"]
    sim.script(behaviour)
    answer = ask(client, stream=True, previous_response_id=first)
    sealed_everywhere(answer.text, gateway, sim)
    data = events(answer)
    whole = [one["response"] for one in data if "response" in one]
    assert len(whole) >= 3
    assert len({one["id"] for one in whole}) == 1
    assert {one["previous_response_id"] for one in whole} == {first}
    assert {one["model"] for one in whole} == {"m1"}
    assert "[DONE]" not in data
    # ... and is good for the next turn.
    assert ask(
        client, previous_response_id=whole[0]["id"]
    ).status_code == 200


def test_large_answer(client, gateway, sim, plain):
    """An answer that is too large to be held is sealed all the same."""
    first = ask(client).json()["id"]
    sim.script({"content": "x" * BIG})
    answer = ask(client, previous_response_id=first)
    sealed_everywhere(answer.text, gateway, sim)
    document = answer.json()
    assert document["previous_response_id"] == first
    assert document["output"][-1]["content"][0]["text"] == "x" * BIG
    assert client.get("/v1/responses/" + document["id"]).status_code == 200


# ------------------------------------------------------------ further requests


def test_previous_goes_where_it_was_made(client, gateway, sim, plain):
    """Of two services that share the load only one knows the response."""
    served = set()
    for _ in range(40):
        sim.reset()
        plain.reset()
        first = ask(client, "both").json()["id"]
        maker, stranger = (sim, plain) if sim.journal() else (plain, sim)
        served.add(maker.port)
        for _ in range(3):
            answer = ask(client, "both", previous_response_id=first)
            assert answer.status_code == 200
            assert answer.json()["previous_response_id"] == first
        assert len(maker.journal()) == 4
        assert stranger.journal() == []
        upstream = maker.last()["json"]["previous_response_id"]
        assert upstream in maker.control("GET", "stored")
        if len(served) == 2:
            break
    assert len(served) == 2


def test_no_failover_from_where_it_is_stored(client, gateway, sim, plain):
    """Another deployment does not know it: its error would hide ours."""
    while True:
        first = ask(client, "both").json()["id"]
        if sim.journal():
            break
        plain.reset()
    plain.reset()
    sim.script({"error": "rate_ms", "times": 3})
    answer = ask(client, "both", previous_response_id=first)
    assert answer.status_code == 429
    assert plain.journal() == []


@pytest.mark.parametrize("model", ["m1", "m2"])
def test_stored(client, gateway, sim, plain, model):
    made = ask(client, model).json()
    path = "/v1/responses/" + made["id"]
    got = client.get(path)
    assert got.status_code == 200
    assert got.json()["id"] == made["id"]
    assert got.json()["output"] == made["output"]
    sealed_everywhere(got.text, gateway, sim)
    items = client.get(path + "/input_items?limit=5&api-version=2020-01-01")
    assert items.json()["data"][0]["content"][0]["text"] == PROMPT
    assert sim.last()["query"].get("limit") == "5"
    assert sim.last()["query"].get("api-version") != "2020-01-01"
    deleted = client.delete(path)
    assert deleted.json() == {
        "id": made["id"], "object": "response.deleted", "deleted": True,
    }
    assert client.get(path).status_code == 404


def test_cancel(client, gateway, sim, plain):
    made = ask(client, background=True).json()
    assert made["status"] == "queued"
    answer = client.post(f"/v1/responses/{made['id']}/cancel")
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["id"] == made["id"]


def test_openai_paths(client, sim):
    made = ask(client).json()
    for path in ("/responses/", "/openai/v1/responses/"):
        assert client.get(path + made["id"]).json()["id"] == made["id"]


# ------------------------------------------------------------- somebody else's


def without(text, *names):
    for name in names:
        text = text.replace(name, "ID")
    return text


def answers_to(client, identifier, key):
    """Everything that can be asked about a response, as that key."""
    headers = {"Authorization": f"Bearer {key}"}
    path = "/v1/responses/" + identifier
    yield client.get(path, headers=headers)
    yield client.delete(path, headers=headers)
    yield client.get(path + "/input_items", headers=headers)
    yield client.post(path + "/cancel", headers=headers)
    yield client.post(
        "/v1/responses",
        headers=headers,
        json={"model": "m1", "input": "x", "previous_response_id": identifier},
    )


def test_another_key(client, gateway, sim):
    """Who did not make it cannot tell it from one that never was."""
    made = ask(client).json()["id"]
    sim.control("DELETE", "journal")
    strange = [
        "resp_nothing",
        "resp_" + secrets.token_hex(24),
        made[:-1] + ("A" if made[-1] != "A" else "B"),
        made[5:],
    ]
    hers = list(answers_to(client, made, OTHER))
    assert [answer.status_code for answer in hers] == [404] * 4 + [400]
    for answer, code in zip(
        hers, ["response_not_found"] * 4 + ["previous_response_not_found"]
    ):
        error_of(answer, answer.status_code, code)
    for identifier in strange:
        for mine, other in zip(
            answers_to(client, identifier, gateway.key), hers
        ):
            assert mine.status_code == other.status_code
            assert without(mine.text, identifier) == without(other.text, made)
    assert sim.journal() == []


def test_upstream_id_is_no_id(client, sim):
    ask(client)
    upstream = sim.control("GET", "stored")[0]
    for answer in answers_to(client, upstream, client.headers[
        "Authorization"].removeprefix("Bearer ")):
        assert answer.status_code in (400, 404)
    assert len(sim.journal()) == 1


def test_key_without_the_model(client, gateway, sim):
    """The same key, but its models are fewer now: not through an id."""
    headers = {"Authorization": f"Bearer {NARROW}"}
    made = client.post(
        "/v1/responses", headers=headers, json={"model": "m1", "input": "x"}
    ).json()["id"]
    assert client.get(
        "/v1/responses/" + made, headers=headers
    ).status_code == 200
    conf = configure(gateway, sim)
    conf.lines = [line.replace("models=m1", "models=m2") for line in conf.lines]
    gateway.start(conf)
    error_of(
        client.get("/v1/responses/" + made, headers=headers), 404,
        "response_not_found",
    )
    gateway.start(configure(gateway, sim))


def test_models_that_share_a_deployment(client, sim, plain):
    """`both` and `m1` are served by azure/d1; the key may only use `both`."""
    headers = {"Authorization": f"Bearer {SHARED}"}
    served = set()
    for _ in range(40):
        sim.reset()
        body = {"model": "both", "input": PROMPT}
        made = client.post("/v1/responses", headers=headers, json=body).json()
        served.add(bool(sim.journal()))
        found = client.get("/v1/responses/" + made["id"], headers=headers)
        assert found.status_code == 200
        assert found.json()["model"] == "both"
        if len(served) == 2:
            break
    assert len(served) == 2


def test_another_model_cannot_go_on(client, sim):
    """It would be served, and priced, by a deployment nobody asked for."""
    made = ask(client, "m1").json()["id"]
    count = len(sim.journal())
    error_of(
        ask(client, "m2", previous_response_id=made), 400,
        "previous_response_not_found",
    )
    assert len(sim.journal()) == count


def test_head(client, sim):
    made = ask(client).json()["id"]
    answer = client.head("/v1/responses/" + made)
    assert answer.status_code == 200 and answer.content == b""


# ---------------------------------------------------- restarts and instances


def test_after_a_restart(client, gateway, sim):
    made = ask(client).json()["id"]
    gateway.start(configure(gateway, sim))
    with gateway.client() as again:
        assert again.get("/v1/responses/" + made).json()["id"] == made
        assert ask(again, previous_response_id=made).status_code == 200


@pytest.fixture
def second(gateway):
    """Another httpd of the same keys, on its own port."""
    env = Env(f"{gateway.root.name}-second")
    env.key, env.master, env.sim_key = (
        gateway.key, gateway.master, gateway.sim_key,
    )
    env.plain = gateway.plain
    env.secrets = list(gateway.secrets)
    env.environment.update(SIM_KEY=env.sim_key, MASTER_KEY=env.master)
    yield env
    env.stop()
    assert env.leaks() == []


def test_second_instance(client, second, sim):
    made = ask(client).json()["id"]
    second.start(configure(second, sim))
    with second.client() as there:
        assert there.get("/v1/responses/" + made).json()["id"] == made
        answer = ask(there, previous_response_id=made)
        assert answer.json()["previous_response_id"] == made
        # ... and back.
        assert ask(
            client, previous_response_id=answer.json()["id"]
        ).status_code == 200


def test_same_credential_from_elsewhere(client, second, sim):
    """It is the service that has the response, wherever its key comes from."""
    made = ask(client).json()["id"]
    second.environment["MOVED_KEY"] = second.sim_key
    text = configure(second, sim).text()
    second.start(text.replace("env:SIM_KEY", "env:MOVED_KEY"))
    with second.client() as there:
        assert there.get("/v1/responses/" + made).json()["id"] == made
        assert ask(there, previous_response_id=made).status_code == 200


def test_another_master_key(client, second, sim):
    made = ask(client).json()["id"]
    second.environment["MASTER_KEY"] = "sk-another-master-key-0123456789"
    second.start(configure(second, sim))
    with second.client() as there:
        error_of(
            there.get("/v1/responses/" + made), 404, "response_not_found"
        )


def test_without_a_master_key(client, second, gateway, sim):
    """Sealed with the credentials then: still good after a restart."""
    conf = configure(second, sim)
    conf.lines = [line for line in conf.lines if "MasterKey" not in line]
    second.start(conf)
    with second.client() as there:
        made = ask(there).json()["id"]
    assert made not in sim.control("GET", "stored")
    second.start(conf)
    with second.client() as there:
        assert there.get("/v1/responses/" + made).status_code == 200
    assert client.get("/v1/responses/" + made).status_code == 404
