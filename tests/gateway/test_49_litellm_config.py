"""Configurations of LiteLLM, taken as they are by AzureLITConfig."""

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from ask import WORDS, chat, events, said
from services import running
from simulator import Simulator

FILES = Path(__file__).resolve().parent / "litellm"
CLAUDE = "claude-sonnet-4-5"
# What mod_proxy says of a region that is not there.
AWAY = ("AH00957", "AH01114", "AH00959")
DBX = "databricks-claude-sonnet-4-5"


class Metadata(ThreadingHTTPServer):
    """A machine's identities: a token for each client."""

    def __init__(self, tokens):
        super().__init__(("127.0.0.1", 0), Answer)
        self.tokens = tokens
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        client = query["client_id"][0]
        self.server.asked.append(client)
        body = json.dumps({
            "access_token": self.server.tokens[client],
            "expires_on": str(int(time.time()) + 3600),
            "token_type": "Bearer",
        }).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module", autouse=True)
def services(env):
    env.weu = Simulator(env.root / "weu", ["d1"], "of-the-other-region")
    env.anthropic = Simulator(
        env.root / "lite-anthropic", [CLAUDE], env.sim_key,
        provider="anthropic",
    )
    env.databricks = Simulator(
        env.root / "lite-databricks", [DBX], env.sim_key,
        provider="databricks",
    )
    env.metadata = Metadata(
        {"swc-client": env.sim_key, "weu-client": env.weu.key}
    )
    before = env.environment
    with running(env, env.weu, env.anthropic, env.databricks):
        yield
    env.metadata.shutdown()
    env.environment = before


def configure(env, sim):
    env.environment = {
        **env.environment,
        "SWC_BASE": sim.url + "/",
        "WEU_BASE": env.weu.url,
        "ODD_BASE": sim.url,
        "NOWHERE": "http://127.0.0.1:1",
        "OPENAI_BASE": env.plain.url + "/v1",
        "ANTHROPIC_BASE": env.anthropic.url,
        "DATABRICKS_BASE": env.databricks.url + "/serving-endpoints",
    }
    return (
        env.conf()
        .add(f"AzureLITMetadata {env.metadata.url}")
        .add(*(
            f"AzureLITConfig {FILES / name}.yaml strict"
            for name in ("regions", "failover", "databricks", "responses")
        ))
        # in place of what the files say
        .add("AzureLITCooldown off")
    )


@pytest.fixture(autouse=True)
def fresh(services, env, sim, plain):
    for one in (env.weu, env.anthropic, env.databricks):
        one.reset()


@pytest.fixture
def ask(client):
    return lambda *model, **more: client.post(
        "/v1/chat/completions", json=chat(*model, **more)
    )


def text(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


# ------------------------------------------------------ the common shapes


def test_two_regions_with_an_identity_each(env, sim, ask):
    number = 100
    for _ in range(number):
        assert text(ask("gpt-4.1")) == WORDS
    here, there = len(sim.asked()), len(env.weu.asked())
    # A quarter goes there; half of so many by chance: one in fifteen million.
    assert here + there == number and 0 < there < here
    assert set(env.metadata.asked) == {"swc-client", "weu-client"}
    for one in (sim, env.weu):
        header = one.last()["fields"]["authorization"]
        assert header == "Bearer " + one.key


def test_another_name_of_a_group(env, sim, ask):
    assert text(ask("gpt-4")) == WORDS
    assert ask("gpt-4").json()["model"] == "gpt-4"


def test_failover_to_openai(plain, ask, log):
    log.expect(*AWAY)
    answer = ask("gpt-5")
    assert text(answer) == WORDS
    assert plain.last()["json"]["model"] == "d2"
    assert answer.json()["model"] == "gpt-5-openai"  # whose price it has


@pytest.mark.parametrize("stream", [False, True])
def test_failover_to_anthropic(env, plain, ask, log, stream):
    log.expect(*AWAY)
    plain.script({"error": "server", "times": 9})
    answer = ask("gpt-5", stream=stream)
    got = said(events(answer)) if stream else text(answer)
    assert got == WORDS
    assert env.anthropic.last()["json"]["model"] == CLAUDE


def test_what_goes_in_a_circle_ends(env, plain, ask, log):
    log.expect(*AWAY)
    plain.script({"error": "server", "times": 9})
    env.anthropic.script({"error": "overloaded", "times": 9})
    assert ask("gpt-5").status_code >= 500
    # AzureLITRetry's two more, and not the whole chain again
    assert len(env.anthropic.asked()) == 3


def test_databricks(env, ask):
    assert text(ask("dbx-claude")) == WORDS
    assert env.databricks.last()["deployment"] == DBX


@pytest.mark.parametrize("model", ["codex", "codex-too"])
def test_responses_only(sim, ask, model):
    assert text(ask(model)) == WORDS
    assert sim.last()["path"].split("?")[0].endswith("/responses")


# ------------------------------------------------------------ /model/info


def info(client, path="/model/info", **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.json()["data"]


@pytest.mark.parametrize("path", ["/model/info", "/v1/model/info"])
def test_model_info_of_the_master(env, sim, client, path):
    data = info(client, path, Authorization=f"Bearer {env.master}")
    assert [one["model_name"] for one in data] == [
        "gpt-4.1", "gpt-4.1", "gpt-4", "gpt-4", "gpt-5", "gpt-5-openai",
        "claude", "dbx-claude", "codex", "codex-too",
    ]
    first, second = data[:2]
    assert first["litellm_params"] == {
        "model": "azure/d1", "api_base": sim.url, "weight": 3, "order": 1,
        "rpm": 900, "timeout": 60, "stream_timeout": 300,
    }
    assert first["model_info"] == {
        "id": first["model_info"]["id"], "db_model": False,
        "base_model": None, "mode": None, "litellm_provider": "azure",
        "input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06,
        "source": f"{FILES / 'regions.yaml'}:3",
    }
    assert second["model_info"]["id"] == "weu-1"
    assert second["model_info"]["source"].endswith("regions.yaml:13")
    codex = data[-1]
    assert codex["model_info"]["mode"] == "responses"
    assert codex["model_info"]["source"].endswith("responses.yaml:8")


def test_model_info_of_a_key(env, sim, client):
    answer = client.get("/model/info")
    names = {one["model_name"] for one in answer.json()["data"]}
    assert {"gpt-4.1", "claude"} <= names
    for hidden in (sim.url, env.weu.url, "azure", "anthropic/", ".yaml"):
        assert hidden not in answer.text


def test_model_info_has_no_secret(env, client):
    text = json.dumps(info(client, Authorization=f"Bearer {env.master}"))
    for secret in (*env.secrets, env.weu.key, "swc-client"):
        assert secret not in text


def test_model_info_wants_a_key(env, client):
    answer = client.get("/model/info", headers={"Authorization": ""})
    assert answer.status_code == 401


def test_model_info_of_directives(env, sim, client, restart):
    env.start(
        env.conf()
        .endpoint("a", sim.url, "api-version=2024-10-21")
        .key("some", "sk-some-of-them-only", "models=m1")
        .model("m1", "a/d1", "timeout=1500ms spill=a/d2 max-parallel=7")
        .model("m2", "a/d2")
    )
    mine = info(client, Authorization="Bearer sk-some-of-them-only")
    assert [one["model_name"] for one in mine] == ["m1"]
    assert mine[0]["litellm_params"]["model"] == "m1"
    all = info(client, Authorization=f"Bearer {env.master}")
    assert [one["model_name"] for one in all] == ["m1", "m2"]
    params = all[0]["litellm_params"]
    assert params["spill"] == "a/d2"
    assert params["api_version"] == "2024-10-21"
    assert params["timeout"] == 1.5
    assert params["max_parallel_requests"] == 7
    assert "httpd.conf:" in all[0]["model_info"]["source"]


# ---------------------------------------------------- azurelitctl convert


def converted(env, name):
    return subprocess.run(
        [env.ctl, "convert", "--strict", FILES / f"{name}.yaml"],
        stdout=subprocess.PIPE, check=True, text=True,
    ).stdout


def shown(env, client):
    """/model/info but for what endpoints are called and where it stands."""
    data = info(client, Authorization=f"Bearer {env.master}")
    for one in data:
        del one["model_info"]["source"]
        if one["model_info"]["id"] != "weu-1":
            del one["model_info"]["id"]
    return data


def test_directives_come_to_the_same(env, sim, client, ask, restart, log):
    """Where they can be told apart, and with values that are not what httpd
    would take them for."""
    log.expect(*AWAY)
    names = ("regions", "failover", "databricks", "odd")
    base = configure(env, sim).text().split("AzureLITConfig")[0]
    env.start(base + "".join(
        f"AzureLITConfig {FILES / name}.yaml strict\n" for name in names
    ))
    theirs = shown(env, client)
    assert theirs[-1]["model_info"]["base_model"] == (
        """a "quoted" \\ and #1 %{x}e 'it' <b> ${ é $1 \\"""
    )
    env.start(base + "".join(converted(env, name) for name in names))
    assert shown(env, client) == theirs
    for model in ("gpt-4.1", "gpt-4", "gpt-5", "claude", "dbx-claude", "odd"):
        assert text(ask(model)) == WORDS


# --------------------------------------------------------------- messages


YAML = """\
model_list:
  - model_name: m
    litellm_params:
      model: azure/d1
      api_base: os.environ/SWC_BASE
      api_key: os.environ/SIM_KEY
      order: {order}
litellm_settings:
  cache: {cache}
"""


@pytest.fixture
def config(env):
    def write(order=1, cache="false", name="own.yaml"):
        path = env.root / name
        path.write_text(YAML.format(order=order, cache=cache))
        return path

    return write


def check(env, path, *words):
    line = " ".join(["AzureLITConfig", str(path), *words])
    return env.check(f"AzureLIT on\n{line}\n")


def test_relative_to_the_server_root(env, gateway, config):
    config()
    status, text = check(env, "own.yaml")
    assert status == 0 and "AZL01" not in text


def test_what_is_not_supported_is_told(env, gateway, config):
    path = config(cache="true")
    status, text = check(env, path)
    assert status == 0
    assert f"AZL0130: {path}:9: litellm_settings.cache" in text


def test_strict(env, gateway, config):
    path = config(cache="true")
    status, text = check(env, path, "strict")
    assert status != 0
    assert f"AZL0131: {path}:9: litellm_settings.cache" in text
    assert f"AzureLITConfig {path}: 1 mistakes" in text
    assert f"line {env.own_line(2)} of" in text


def test_a_directive_that_complains_names_the_yaml(env, gateway, config):
    path = config(order=1000)
    status, text = check(env, path)
    assert status != 0
    assert f"Syntax error on line 2 of {path}:" in text
    assert "option order= must be a number" in text


@pytest.mark.parametrize(
    "line, hint",
    [
        ("AzureLITModel m a/d id=no#such", "option id= must be"),
        ("AzureLITFallback m n loop=perhaps", "option loop= must be"),
    ],
)
def test_options_that_came_with_it(env, gateway, line, hint):
    status, text = env.check(f"AzureLIT on\n{line}\n")
    assert status != 0 and hint in text


def test_what_does_not_fit_together_names_the_yaml(env, gateway, config):
    path = config()
    status, text = env.check(
        f"AzureLIT on\nAzureLITConfig {path}\nAzureLITModel m 127/d1\n"
    )
    assert status != 0 and "AZL0005" in text


@pytest.mark.parametrize(
    "text, hint",
    [("a: [", "no YAML"), ("model_list: {}", "must be a list")],
)
def test_a_file_that_is_wrong(env, gateway, text, hint):
    path = env.root / "own.yaml"
    path.write_text(text)
    status, said = check(env, path)
    assert status != 0
    assert "AZL0131" in said and hint in said


def test_no_such_file(env, gateway):
    status, text = check(env, "no/such.yaml")
    assert status != 0 and "no/such.yaml" in text


def test_wrong_words(env, gateway, config):
    assert "strict" in check(env, config(), "loose")[1]
    status, text = env.check(
        f"AzureLIT on\n<Location />\nAzureLITConfig {config()}\n</Location>\n"
    )
    assert status != 0 and "not allowed" in text


def test_a_secret_in_the_file(env, sim, client, restart, config, log):
    path = config(name="literal.yaml")
    path.write_text(
        path.read_text().replace("os.environ/SIM_KEY", env.sim_key)
    )
    log.expect("AZL0130: .*literal.yaml:6: api_key is the secret itself")
    env.start(env.conf().add(f"AzureLITConfig {path}"))
    answer = client.post("/v1/chat/completions", json=chat("m"))
    assert text(answer) == WORDS
    assert sim.last()["fields"]["api-key"] == env.sim_key


def test_a_graceful_restart_takes_over(env, restart, config):
    path = config()
    env.start(env.conf().add(f"AzureLITConfig {path}"))

    def names():
        # each time anew: a restart ends connections that are kept
        with env.client() as fresh:
            data = fresh.get("/v1/models").json()["data"]
        return {one["id"] for one in data}

    assert names() == {"m"}
    path.write_text(path.read_text().replace("model_name: m", "model_name: n"))
    env.graceful()
    env.until(lambda: names() == {"n"})


def test_a_virtual_host_of_its_own(env, client, restart, config):
    env.start(
        env.conf().add(
            f"AzureLITConfig {config()}",
            f"<VirtualHost 127.0.0.1:{env.port}>",
            "ServerName other",
            f"AzureLITConfig {FILES / 'databricks.yaml'}",
            "</VirtualHost>",
        )
    )
    data = client.get("/v1/models").json()["data"]
    assert [one["id"] for one in data] == ["dbx-claude"]
