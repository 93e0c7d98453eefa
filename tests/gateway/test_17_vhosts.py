"""Virtual hosts: what one inherits, and that none sees another's."""

import json

import pytest
from ask import chat, error_of
from conf import digest
from ports import free_port

OTHER = "sk-vhost-other-key"
SMALL = 2000
MANY = 50


def many_key(number):
    return f"sk-vhost-many-{number:02}-key"


def key_line(name, key):
    return f"AzureLITKey {name} {digest(key)}"


def configure(env, sim):
    env.secrets += [OTHER, many_key(7)]
    env.main_port = free_port()
    (env.root / "other-master").write_text("master-of-one-vhost")
    env.secrets.append("master-of-one-vhost")
    port = env.port
    conf = env.conf().add(f"Listen 127.0.0.1:{env.main_port}")
    conf.add("AzureLITCooldown off")
    conf.add("AzureLITMaxBody 100000", "AzureLITRetry 0")
    conf.endpoint("a", sim.url).model("m1", "a/d1")
    conf.model("pair", "a/d1").model("pair", "a/d2", "order=2")

    def vhost(name, *lines):
        conf.vhost(port, f"ServerName {name}", *lines)

    vhost("all.test")
    vhost("off.test", "AzureLIT off")
    vhost("models.test", "AzureLITModel m2 a/d2", "AzureLITModel s a/d1")
    vhost("keys.test", key_line("other", OTHER))
    vhost("master.test", f"AzureLITMasterKey file:{env.root}/other-master")
    vhost("small.test", f"AzureLITMaxBody {SMALL}", "AzureLITBasePath /llm")
    vhost(
        "retry.test",
        "AzureLITRetry 1",
        f"AzureLITUsageLog {env.logs}/retry.jsonl",
    )
    vhost(
        "endpoint.test",
        f"AzureLITEndpoint b {sim.url} credential=env:SIM_KEY "
        "api-version=2024-10-21",
        "AzureLITModel m1 b/d3",
        "AzureLITModel m2 a/d2",
    )
    vhost(
        "redefined.test",
        f"AzureLITEndpoint a {sim.url} credential=env:SIM_KEY "
        "api-version=2024-10-21",
    )
    for number in range(MANY):
        vhost(
            f"many{number}.test",
            key_line(f"many{number}", many_key(number)),
            f"AzureLITModel model-{number} a/d{number % 3 + 1}",
        )
    return conf


def as_key(key):
    return {"Authorization": f"Bearer {key}"} if key else {}


def post(client, host, model="m1", key=None, path="/v1", **more):
    return client.post(
        f"{path}/chat/completions",
        json=chat(model, **more),
        headers={"Host": host, **as_key(key)},
    )


def models(client, host, key=None):
    answer = client.get(
        "/v1/models", headers={"Host": host, **as_key(key)}
    )
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


def test_main_server(gateway, sim):
    url = f"http://127.0.0.1:{gateway.main_port}"
    with gateway.client(base_url=url) as client:
        assert models(client, "x") == ["m1", "pair"]
        assert post(client, "x").status_code == 200
        error_of(post(client, "x", "m2"), 404, "model_not_found")
        error_of(post(client, "x", key=OTHER), 401, "invalid_api_key")


def test_inherits_everything(client):
    assert models(client, "all.test") == ["m1", "pair"]
    assert post(client, "all.test").status_code == 200
    error_of(post(client, "all.test", key=OTHER), 401, "invalid_api_key")
    answer = post(client, "all.test", user="x" * 100000)
    error_of(answer, 413, "request_too_large")


def test_off(client, sim):
    """A host without the API: httpd's own answer, in httpd's form."""
    answer = post(client, "off.test")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert sim.journal() == []


def test_own_models_replace(client, gateway, sim):
    assert models(client, "models.test") == ["m2", "s"]
    assert post(client, "models.test", "m2").json()["model"] == "m2"
    assert sim.last()["deployment"] == "d2"
    error_of(post(client, "models.test", "m1"), 404, "model_not_found")
    # The master key may use every model: of this host.
    assert models(client, "models.test", gateway.master) == ["m2", "s"]


def test_own_keys_replace(client, gateway):
    error_of(post(client, "keys.test"), 401, "invalid_api_key")
    answer = post(client, "keys.test", key=OTHER)
    assert answer.status_code == 200
    assert gateway.records(2)[-1]["key_name"] == "other"
    assert models(client, "keys.test", OTHER) == ["m1", "pair"]
    # The master key is a setting of its own, and inherited.
    assert post(client, "keys.test", key=gateway.master).status_code == 200


def test_own_master_key(client, gateway):
    own = post(client, "master.test", key="master-of-one-vhost")
    assert own.status_code == 200
    main = post(client, "master.test", key=gateway.master)
    error_of(main, 401, "invalid_api_key")
    assert post(client, "master.test").status_code == 200
    elsewhere = post(client, "all.test", key="master-of-one-vhost")
    error_of(elsewhere, 401, "invalid_api_key")


def test_own_limit_and_base_path(client):
    assert post(client, "small.test", path="/llm/v1").status_code == 200
    assert post(client, "small.test", path="/llm").status_code == 200
    answer = post(client, "small.test", path="/llm/v1", user="x" * SMALL)
    error_of(answer, 413, "request_too_large")
    # The API is not at its usual place here, nor below /llm elsewhere.
    assert post(client, "small.test").status_code == 404
    assert post(client, "all.test", path="/llm/v1").status_code == 404
    missing = client.get("/llm/v1/nothing", headers={"Host": "small.test"})
    error_of(missing, 404, "not_found")
    outside = client.get("/nothing", headers={"Host": "small.test"})
    assert outside.headers["content-type"].startswith("text/html")


def test_own_retry_and_log(client, gateway, sim):
    sim.script({"error": "rate_ms"}, deployment="d1")
    assert post(client, "all.test", "pair").status_code == 429
    sim.script({"error": "rate_ms"}, deployment="d1")
    assert post(client, "retry.test", "pair").status_code == 200
    log = gateway.logs / "retry.jsonl"
    gateway.until(lambda: log.read_text().endswith("\n"))
    lines = log.read_text().splitlines()
    assert [json.loads(line)["attempts"] for line in lines] == [2]
    assert len(gateway.records(1)) == 1


def test_own_endpoint_is_added(client, sim):
    assert post(client, "endpoint.test").status_code == 200
    assert sim.last()["path"] == "/openai/deployments/d3/chat/completions"
    assert post(client, "endpoint.test", "m2").status_code == 200
    assert sim.last()["path"] == "/openai/v1/chat/completions"


def test_redefined_endpoint_is_for_this_host(client, sim):
    """The models of the main server, at the endpoint as it is here."""
    assert post(client, "redefined.test").status_code == 200
    assert sim.last()["path"] == "/openai/deployments/d1/chat/completions"
    assert post(client, "all.test").status_code == 200
    assert sim.last()["path"] == "/openai/v1/chat/completions"


def test_stored_response_stays_with_its_models(client, sim):
    """The same key and seal on another host, but not its deployments: there
    nobody knows the id."""

    def get(host, name):
        return client.get(f"/v1/responses/{name}", headers={"Host": host})

    made = client.post(
        "/v1/responses",
        json={"model": "m1", "input": "PROMPT-MARK"},
        headers={"Host": "endpoint.test"},
    )
    assert made.status_code == 200, made.text
    name = made.json()["id"]
    assert get("endpoint.test", name).status_code == 200
    for host in ("all.test", "models.test"):
        error_of(get(host, name), 404, "response_not_found")


@pytest.mark.parametrize("number", [0, 1, MANY // 2, MANY - 1])
def test_many(client, number):
    host = f"many{number}.test"
    key = many_key(number)
    other = (number + 1) % MANY
    assert models(client, host, key) == [f"model-{number}"]
    answer = post(client, host, f"model-{number}", key)
    assert answer.json()["model"] == f"model-{number}"
    error_of(post(client, host, f"model-{other}", key), 404,
             "model_not_found")
    error_of(post(client, host, "m1", key), 404, "model_not_found")
    error_of(post(client, host, f"model-{number}", many_key(other)), 401,
             "invalid_api_key")
    error_of(post(client, host, f"model-{number}"), 401, "invalid_api_key")


def test_endpoint_of_another_host(env, sim):
    """An endpoint belongs to the host that defines it, and those below."""
    conf = env.conf().endpoint("a", sim.url).model("m1", "a/d1")
    conf.vhost(
        env.port,
        "ServerName one.test",
        f"AzureLITEndpoint mine {sim.url} credential=none",
        "AzureLITModel x mine/d1",
    )
    conf.vhost(env.port, "ServerName two.test", "AzureLITModel y mine/d1")
    status, text = env.check(conf)
    assert status != 0
    assert "endpoint 'mine' is not defined" in text
    assert "AzureLITModel y" in text and "defined are: a" in text
