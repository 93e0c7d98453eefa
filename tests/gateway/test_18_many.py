"""200 models and 10 000 keys: read, checked, found."""

import secrets

import pytest
from ask import chat, error_of
from conf import digest

MODELS = 200
KEYS = 10000
SEED = secrets.token_hex(8)


def key(number):
    return f"sk-crowd-{SEED}-{number}"


def key_line(number):
    return f"c{number} {digest(key(number))} models=crowd-{number % MODELS}\n"


def configure(env, sim):
    env.secrets.append(f"sk-crowd-{SEED}")
    env.crowd = env.root / "crowd.keys"
    env.crowd.write_text("".join(map(key_line, range(KEYS))))
    return configuration(env, sim)


def configuration(env, sim):
    conf = env.conf().add(f"AzureLITKeyFile {env.crowd}")
    conf.endpoint("a", sim.url)
    for number in range(MODELS):
        for order in (1, 2):
            # Deployments of one group must differ.
            conf.model(f"crowd-{number}", f"a/d{order}", f"order={order}")
    return conf


def as_key(number):
    return {"Authorization": f"Bearer {key(number)}"}


def test_is_accepted(gateway, sim):
    status, text = gateway.check(configuration(gateway, sim))
    assert status == 0 and "AZL" not in text


def test_mistake_in_the_last_line(gateway, sim):
    """It is found, and told with file and line."""
    good = gateway.crowd.read_text()
    gateway.crowd.write_text(good + "last sha256:12\n")
    status, text = gateway.check(configuration(gateway, sim))
    gateway.crowd.write_text(good)
    assert status != 0
    assert str(gateway.crowd) in text and f"{KEYS + 1}" in text
    assert "64" in text


def test_same_name_twice(gateway, sim):
    good = gateway.crowd.read_text()
    gateway.crowd.write_text(good + f"c5 {digest('sk-another')}\n")
    status, text = gateway.check(configuration(gateway, sim))
    gateway.crowd.write_text(good)
    assert status != 0
    assert "c5" in text and f"{KEYS + 1}" in text


@pytest.mark.parametrize("number", [0, 1, MODELS, KEYS // 2 + 1, KEYS - 1])
def test_each_sees_its_model(client, gateway, number):
    own = f"crowd-{number % MODELS}"
    answer = client.get("/v1/models", headers=as_key(number))
    assert [item["id"] for item in answer.json()["data"]] == [own]
    answer = client.post("/v1/chat/completions", json=chat(own),
                         headers=as_key(number))
    assert answer.json()["model"] == own
    other = client.post(
        "/v1/chat/completions",
        json=chat(f"crowd-{(number + 1) % MODELS}"),
        headers=as_key(number),
    )
    error_of(other, 404, "model_not_found")
    names = {record["key_name"] for record in gateway.records(2)}
    assert names == {f"c{number}"}


def test_who_is_not_among_them(client):
    for number in (KEYS, -1):
        answer = client.get("/v1/models", headers=as_key(number))
        error_of(answer, 401, "invalid_api_key")


def test_all_models(client):
    answer = client.get("/v1/models")
    ids = [item["id"] for item in answer.json()["data"]]
    assert ids == [f"crowd-{number}" for number in range(MODELS)]


def test_keys_of_all_of_the_file(client):
    """A sample of all of them."""
    for number in range(0, KEYS, 37):
        answer = client.get(
            f"/v1/models/crowd-{number % MODELS}", headers=as_key(number)
        )
        assert answer.status_code == 200
