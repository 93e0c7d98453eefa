"""Keys that change: in a file, and in a Key Vault that another identity
reads."""

import os
import signal
import time

import entra_service
import processes
import pytest
from ask import WORDS, chat, error_of
from simulator import Simulator

NO_CREDENTIAL = "upstream_credential_unavailable"


class Services:
    def __init__(self, env):
        where = env.root / "keys-that-change"
        self.entra = entra_service.start(
            where / "entra", "--vault", f"model={env.sim_key}"
        )
        self.azure = Simulator(where / "azure", ["d1"], env.sim_key)
        self.claude = Simulator(
            where / "claude", ["claude-opus-5"], env.sim_key,
            provider="anthropic",
        )
        self.file = where / "key"
        self.all = [self.entra, self.azure, self.claude]

    def write(self, key):
        """As a whole, as whoever changes keys does."""
        new = self.file.with_suffix(".new")
        new.write_text(key + "\n")
        new.chmod(0o644)
        new.replace(self.file)


@pytest.fixture(scope="module", autouse=True)
def services(env):
    services = Services(env)
    env.keys = services
    with entra_service.beside(env, *services.all):
        yield services


@pytest.fixture(autouse=True)
def fresh(env, services):
    services.write(env.sim_key)
    for sim in services.all:
        sim.control("POST", "config", {"key": env.sim_key})
        sim.reset()
    services.entra.control(
        "POST", "config",
        {"key": entra_service.KEY, "vault": {"model": env.sim_key}},
    )


def configure(env, sim):
    return base(env).endpoint("azure", sim.url).model("azure", "azure/d1")


def base(env):
    """Of one process, so that what it asks for can be counted."""
    entra_service.set_environment(env)
    return env.conf().add(f"AzureLITMetadata {env.keys.entra.url}",
                          "AzureLITCooldown off", "MinSpareThreads 1")


def both(conf, env, credential, *options):
    """Each has its own header for it."""
    return (
        conf.endpoint("azure", env.keys.azure.url, *options,
                      credential=credential)
        .model("azure", "azure/d1")
        .endpoint("claude", env.keys.claude.url, "dialect=anthropic",
                  *options, credential=credential)
        .model("claude", "claude/claude-opus-5")
    )


def vault(env, path="/secrets/model"):
    return f"keyvault:{env.keys.entra.url}{path}"


def ask(client, model):
    return client.post("/v1/chat/completions", json=chat(model))


def check_good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == WORDS


def asked(sim, name):
    return [one for one in sim.journal() if one["deployment"] == name]


def test_a_file(env, restart, services, log):
    """Another key counts within a second or two, without a restart."""
    log.expect("AZL0034")
    restart(both(base(env), env, f"file:{services.file}"))
    other = env.sim_key + "-2"
    with env.client() as client:
        check_good(ask(client, "azure"))
        check_good(ask(client, "claude"))
        assert services.azure.last()["fields"]["api-key"] == env.sim_key
        assert services.claude.last()["fields"]["x-api-key"] == env.sim_key
        services.write(other)
        for sim in (services.azure, services.claude):
            sim.control("POST", "config", {"key": other})
        env.until(lambda: ask(client, "azure").status_code == 200)
        env.until(lambda: ask(client, "claude").status_code == 200)
        assert services.azure.last()["fields"]["api-key"] == other


def test_a_file_that_becomes_worse(env, restart, services, log):
    log.expect("AZL0100")
    restart(both(base(env), env, f"file:{services.file}"))
    with env.client() as client:
        services.write("two\nlines")
        env.until(lambda: "AZL0100" in log.text())
        assert "still valid" in log.text()
        check_good(ask(client, "azure"))


def test_a_file_that_becomes_a_pipe(env, restart, services, log):
    """Nobody waits for somebody to write into it."""
    log.expect("AZL0100", "AZL0034")
    restart(both(base(env), env, f"file:{services.file}"))
    pipe = services.file.with_suffix(".pipe")
    os.mkfifo(pipe, 0o644)
    with env.client() as client:
        pipe.replace(services.file)
        env.until(lambda: "not a regular file" in log.text())
        check_good(ask(client, "azure"))
        services.write(env.sim_key + "-2")
        services.azure.control("POST", "config", {"key": env.sim_key + "-2"})
        env.until(lambda: ask(client, "azure").status_code == 200)


def test_a_vault(env, restart, services):
    restart(both(base(env), env, vault(env)))
    with env.client() as client:
        check_good(ask(client, "azure"))
        check_good(ask(client, "claude"))
    assert services.azure.last()["fields"]["api-key"] == env.sim_key
    assert services.claude.last()["fields"]["x-api-key"] == env.sim_key
    assert "authorization" not in services.azure.last()["fields"]
    # one endpoint as the other: one secret, one token
    (entry,) = asked(services.entra, "secret")
    assert entry["path"] == "/secrets/model"
    assert "api-version" in entry["query"]
    (token,) = asked(services.entra, "metadata")
    assert token["query"]["resource"] == "https://vault.azure.net"


def test_a_version_and_another_identity(env, restart, services):
    option = f"vault-credential=managed-identity:{entra_service.IDENTITY}"
    restart(both(base(env), env, vault(env, "/secrets/model/v7"), option))
    with env.client() as client:
        check_good(ask(client, "azure"))
    assert asked(services.entra, "secret")[0]["path"] == "/secrets/model/v7"
    token = asked(services.entra, "metadata")[0]
    assert token["query"]["client_id"] == entra_service.IDENTITY


def test_a_vault_is_read_again(env, restart, services):
    other = env.sim_key + "-3"
    restart(both(base(env), env, vault(env), "reread=2s"))
    with env.client() as client:
        check_good(ask(client, "azure"))
        services.entra.control("POST", "config", {"vault": {"model": other}})
        env.until(lambda: len(asked(services.entra, "secret")) >= 2)
        services.azure.control("POST", "config", {"key": other})
        env.until(lambda: ask(client, "azure").status_code == 200)
    assert services.azure.last()["fields"]["api-key"] == other
    # with one token for each endpoint, however often
    assert len(asked(services.entra, "metadata")) <= 2


def test_one_token_for_all_processes(env, restart, services, log):
    """Whoever reads the key again has the vault's token from who was first."""
    log.expect("AH10392")  # there are more of them than usual
    conf = base(env).add("StartServers 3", "MinSpareThreads 96",
                         "MaxSpareThreads 96")
    restart(both(conf, env, vault(env), "reread=1s"))
    with env.client() as client:
        check_good(ask(client, "azure"))
    env.error_log.expect("AH00052|AH00051", "signal Killed")
    # one process after the other takes over
    for pid in [None, *processes.tree(env.process.pid)[1:3]]:
        if pid:
            os.kill(pid, signal.SIGKILL)
        seen = len(asked(services.entra, "secret"))
        env.until(lambda: len(asked(services.entra, "secret")) >= seen + 2)
    assert len(asked(services.entra, "metadata")) == 1


def test_a_key_that_is_refused(env, restart, services, log):
    """The vault has another one already: the client learns nothing."""
    other = env.sim_key + "-4"
    restart(both(base(env), env, vault(env)))
    with env.client() as client:
        check_good(ask(client, "azure"))
        services.entra.control("POST", "config", {"vault": {"model": other}})
        services.azure.control("POST", "config", {"key": other})
        check_good(ask(client, "azure"))
    assert "AZL0110" in log.text()
    assert len(asked(services.entra, "secret")) == 2


TROUBLE = {
    "forbidden": ({"error": "forbidden"}, "403: vault-credential="),
    "none": ({"error": "no_secret"}, "404: there is no such secret"),
    "garbage": ({"body": "PROMPT-MARK", "status": 200}, "no JSON"),
    "empty": ({"body": {"value": ""}, "status": 200}, "no key"),
    "huge": ({"body": {"value": "x" * 70000}, "status": 200}, "too large"),
    "lines": ({"body": {"value": "x\r\nHost: y"}, "status": 200}, "no key"),
    "elsewhere": ({"status": 302, "headers": {"Location": "/secrets/other"},
                   "body": ""}, "answered 302"),
    "close": ({"fault": "close"}, "the vault gave no answer"),
    "token": (None, "no token for the vault"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble(env, restart, services, log, name):
    log.expect("AZL0100", "AZL0103")
    behaviour, hint = TROUBLE[name]
    if behaviour:
        services.entra.script({**behaviour, "times": 99}, deployment="secret")
    else:
        services.entra.script({"error": "no_identity", "times": 99},
                              deployment="metadata")
    restart(both(base(env), env, vault(env)))
    with env.client() as client:
        error_of(ask(client, "azure"), 502, NO_CREDENTIAL)
    # who asks waits for a moment only, whoever fetches for longer
    env.until(lambda: hint in log.text())


def test_throttled(env, restart, services, log):
    """It says how long to wait, and that is heeded; the key stays."""
    log.expect("AZL0100")
    services.entra.script({}, {"error": "throttled", "times": 1},
                          deployment="secret")
    restart(both(base(env), env, vault(env), "reread=1s"))
    with env.client() as client:
        end = time.monotonic() + 20
        while len(asked(services.entra, "secret")) < 3:
            assert time.monotonic() < end
            check_good(ask(client, "azure"))
            time.sleep(0.1)
    _, second, third = asked(services.entra, "secret")[:3]
    assert third["time"] - second["time"] > 2.5


MISTAKES = [
    ("keyvault:", "", "keyvault:https://"),
    ("keyvault:x", "", "keyvault:https://"),
    ("keyvault:https://v.vault.azure.net/keys/x", "", "keyvault:https://"),
    ("keyvault:https://v.vault.azure.net/secrets/", "", "keyvault:https://"),
    ("keyvault:https://v.vault.azure.net/secrets/a?b", "", "keyvault:https"),
    ("keyvault:https://v.vault.azure.net/secrets/a",
     "vault-credential=env:X", "vault-credential=...: there is no such"),
    ("keyvault:https://v.vault.azure.net/secrets/a",
     "vault-credential=aws:env", "scope= is for"),
    ("keyvault:https://v.vault.azure.net/secrets/a", "reread=0", "from 1s"),
    ("env:SIM_KEY", "reread=5s", "are for credential=keyvault"),
    ("managed-identity", "reread=5s", "are for keyvault"),
    ("file:/no/such/file", "", "/no/such/file"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes(env, number):
    credential, options, hint = MISTAKES[number]
    base(env)
    status, text = env.check(
        "AzureLIT on\n"
        f"AzureLITEndpoint a http://x {options} credential={credential}\n"
    )
    assert status != 0
    assert "AzureLITEndpoint a: " in text and hint in text, text
