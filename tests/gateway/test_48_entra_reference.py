"""What Microsoft's own library asks of Entra and its like, and what we ask:
the same, field by field."""

from urllib.parse import parse_qsl

import entra_service
import pytest
from ask import chat
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import (
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from entra_service import ASSERTION, CLIENT, IDENTITY, SECRET, TENANT

PUBLIC = "login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"
RESOURCE = "/subscriptions/s/resourcegroups/g/providers/x/identities/i"
# What the library says about itself.
OWN = {"client_info", "claims"}


class Rerouted(RequestsTransport):
    """The library takes no authority without TLS."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def send(self, request, **options):
        if PUBLIC in request.url:
            request.url = request.url.replace(f"https://{PUBLIC}", self.url)
            request.headers["Host"] = PUBLIC
        return super().send(request, **options)


@pytest.fixture(scope="module")
def entra(env):
    sim = entra_service.start(env.root / "entra-reference")
    with entra_service.beside(env, sim):
        yield sim


@pytest.fixture
def assertion(env):
    path = env.root / "entra-reference" / "assertion"
    path.write_text(ASSERTION)
    return path


def configure(env, sim):
    return env.conf().endpoint("azure", sim.url).model("azure", "azure/d1")


# how it is called here: (variables, credential=, what the library has)
CASES = {
    "imds": ({}, "managed-identity", {}),
    "imds client": ({}, f"managed-identity:{IDENTITY}",
                    {"client_id": IDENTITY}),
    "imds object": ({}, f"managed-identity:object-id:{IDENTITY}",
                    {"identity_config": {"object_id": IDENTITY}}),
    "imds resource": ({}, f"managed-identity:{RESOURCE}",
                      {"identity_config": {"resource_id": RESOURCE}}),
    "app": ("app", "managed-identity", {}),
    "app client": ("app", f"managed-identity:{IDENTITY}",
                   {"client_id": IDENTITY}),
    "app object": ("app", f"managed-identity:object-id:{IDENTITY}",
                   {"identity_config": {"object_id": IDENTITY}}),
    "app resource": ("app", f"managed-identity:{RESOURCE}",
                     {"identity_config": {"resource_id": RESOURCE}}),
    "ml": ("ml", "managed-identity", {}),
    "ml client": ("ml", f"managed-identity:{IDENTITY}",
                  {"client_id": IDENTITY}),
    "shell": ("shell", "managed-identity", {}),
    "workload": ("workload", "workload-identity", None),
    "principal": (
        {}, f"service-principal:{TENANT}/{CLIENT}:env:ENTRA_SECRET", None,
    ),
}


def environment(entra, which, assertion):
    variables = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": entra.url}
    if which == "app":
        variables.update(entra_service.app_service(entra))
    elif which == "ml":
        variables.update(entra_service.machine_learning(entra))
    elif which == "shell":
        variables.update(entra_service.cloud_shell(entra))
    elif which == "workload":
        variables.update(entra_service.workload(assertion))
    return variables


def library(name, options, entra, assertion):
    transport = Rerouted(entra.url)
    if name == "workload":
        return WorkloadIdentityCredential(
            tenant_id=TENANT, client_id=CLIENT, token_file_path=str(assertion),
            transport=transport, disable_instance_discovery=True,
        )
    if name == "principal":
        return ClientSecretCredential(
            TENANT, CLIENT, SECRET, transport=transport,
            disable_instance_discovery=True,
        )
    return ManagedIdentityCredential(transport=transport, **options)


def asked(entra):
    """The request for the token."""
    return [
        one for one in entra.journal()
        if one["deployment"] in ("metadata", "token")
    ][-1]


def fields(entry):
    """What it comes to."""
    form = dict(parse_qsl(entry["raw"].decode()))
    headers = entry["fields"]
    return {
        "method": entry["method"],
        "path": entry["path"],
        "query": entry["query"],
        "form": {k: v for k, v in form.items() if k not in OWN},
        "metadata": headers.get("metadata"),
        "x-identity-header": headers.get("x-identity-header"),
        "secret": headers.get("secret"),
        "type": (headers.get("content-type") or "").split(";")[0],
        "basic": headers.get("authorization"),
    }


@pytest.mark.parametrize("name", CASES)
def test_the_same(env, restart, sim, entra, assertion, monkeypatch, log, name):
    # our model does not know this Entra
    log.expect("AZL0034")
    which, credential, options = CASES[name]
    variables = environment(entra, which, assertion)
    for one in entra_service.NAMES:
        monkeypatch.delenv(one, raising=False)
    for one, value in variables.items():
        monkeypatch.setenv(one, value)
    entra.reset()
    token = library(name, options, entra, assertion).get_token(SCOPE).token
    theirs = fields(asked(entra))
    assert token.startswith(entra_service.MARK)

    entra.reset()
    entra_service.set_environment(env, **variables)
    conf = env.conf().add(f"AzureLITAuthority {entra.url}")
    restart(
        conf.endpoint("azure", sim.url, credential=credential)
        .model("azure", "azure/d1")
    )
    with env.client() as client:
        client.post("/v1/chat/completions", json=chat("azure"))
    assert fields(asked(entra)) == theirs
