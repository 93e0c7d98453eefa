"""What Microsoft's own library asks of a Key Vault, and what we ask: the same,
field by field, but for what it says about itself. It asks once without a token
first, to be told what for; who has configured a vault knows."""

import secrets

import entra_service
import pytest
from ask import chat, error_of
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import ApiVersion, SecretClient
from entra_service import KEY
from simbase import entra as tokens

DOMAIN = ".vault.azure.net"
NO_CREDENTIAL = "upstream_credential_unavailable"
VAULT = "https://vault.azure.net"
VERSION = "4387e9f3d6e14c459867679a90fd0f79"


class Rerouted(RequestsTransport):
    """The library takes no vault without TLS, and none whose name is not
    below that of what it wants tokens for."""

    def __init__(self, host, url):
        super().__init__()
        self.host = host
        self.url = url

    def send(self, request, **options):
        said = request.url
        request.url = said.replace(f"https://{self.host}", self.url)
        try:
            return super().send(request, **options)
        finally:
            request.url = said


@pytest.fixture(scope="module")
def entra(env):
    sim = entra_service.start(
        env.root / "vault-reference", "--vault", f"model={env.sim_key}"
    )
    with entra_service.beside(env, sim):
        yield sim


@pytest.fixture(autouse=True)
def fresh(entra):
    entra.reset()


def configure(env, sim):
    return env.conf().endpoint("azure", sim.url).model("azure", "azure/d1")


def client_of(entra, monkeypatch, **options):
    """It remembers what a host has told it, whoever asks: each has one of its
    own."""
    host = secrets.token_hex(8) + DOMAIN
    for name in entra_service.NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.url)
    return SecretClient(
        f"https://{host}", ManagedIdentityCredential(), retry_total=0,
        transport=Rerouted(host, entra.url), **options,
    )


def ours(env, restart, sim, entra, path, *options):
    """Of one process, so that what it asks for can be counted."""
    entra_service.set_environment(env)
    conf = env.conf().add(f"AzureLITMetadata {entra.url}",
                          "AzureLITCooldown off", "MinSpareThreads 1")
    restart(
        conf.endpoint("azure", sim.url, *options,
                      credential=f"keyvault:{entra.url}/secrets/{path}")
        .model("azure", "azure/d1")
    )


def ask(env):
    with env.client() as client:
        return client.post("/v1/chat/completions", json=chat("azure"))


def fields(entry):
    """What it comes to; the path without the slash at which the library has
    no version to add."""
    scheme, _, token = entry["fields"]["authorization"].partition(" ")
    return {
        "method": entry["method"],
        "path": entry["path"].rstrip("/"),
        "query": entry["query"],
        "body": entry["raw"],
        "scheme": scheme,
        "audience": tokens.claims_of(KEY, token)["aud"],
        "subject": tokens.claims_of(KEY, token)["appid"],
    }


def asked(entra, name):
    return [one for one in entra.journal() if one["deployment"] == name]


@pytest.mark.parametrize("version", [None, VERSION])
def test_the_same(env, restart, sim, entra, monkeypatch, version):
    path = f"model/{version}" if version else "model"
    ours(env, restart, sim, entra, path)
    assert ask(env).status_code == 200
    (own,) = asked(entra, "secret")
    (own_token,) = asked(entra, "metadata")
    entra.reset()

    number = own["query"]["api-version"]
    library = client_of(entra, monkeypatch, api_version=ApiVersion(number))
    assert library.get_secret("model", version).value == env.sim_key
    bare, theirs = asked(entra, "secret")
    assert "authorization" not in bare["fields"]
    assert fields(own) == fields(theirs)
    (their_token,) = asked(entra, "metadata")
    assert own_token["query"] == their_token["query"]


def challenge(resource):
    """What a vault says that wants a token for somebody else."""
    return {
        "status": 401,
        "headers": {
            "WWW-Authenticate": 'Bearer authorization="https://login.'
                                f'example.org/{entra_service.TENANT}", '
                                f'resource="{resource}"',
        },
        "body": {"error": {"code": "Unauthorized", "message": "no"}},
        "times": 99,
    }


def test_a_token_for_somebody_else(env, restart, sim, entra, monkeypatch, log):
    """The library notices that; we do not even look."""
    log.expect("AZL0100", "AZL0103")
    entra.script(challenge("https://graph.example.org"), deployment="secret")
    with pytest.raises(ValueError, match="does not match"):
        client_of(entra, monkeypatch).get_secret("model")
    assert asked(entra, "metadata") == []

    ours(env, restart, sim, entra, "model")
    error_of(ask(env), 502, NO_CREDENTIAL)
    env.until(lambda: len(asked(entra, "metadata")) >= 2)
    assert {one["query"]["resource"] for one in asked(entra, "metadata")} == {
        VAULT
    }
    assert {
        fields(one)["audience"]
        for one in asked(entra, "secret") if "authorization" in one["fields"]
    } == {VAULT}
    assert "it does not take the token" in log.text()
