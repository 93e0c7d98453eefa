"""A configuration that lies in Azure Storage (Azurite), with each credential
that is taken there."""

import base64
import json
import time

import pytest
from azurite import Azurite
from sources import RESTARTS, folder, live, nothing, start, yaml

configure = nothing


def part(document):
    text = base64.urlsafe_b64encode(json.dumps(document).encode())
    return text.decode().rstrip("=")


def storage_token():
    """As Entra gives them out, but for the signature."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    }
    head = {"alg": "RS256", "typ": "JWT"}
    return f"{part(head)}.{part(claims)}.c2lnbmF0dXJl"


@pytest.fixture(scope="module")
def azurite(env):
    storage = Azurite(env.root / "azurite")
    yield storage
    storage.stop()


@pytest.fixture(scope="module")
def tls_azurite(env, authority):
    storage = Azurite(
        env.root / "azurite-tls", authority.leaf(), authority.ca
    )
    yield storage
    storage.stop()


def test_account_key(restart, gateway, sim, azurite, log):
    log.expect(*RESTARTS)
    where = folder(gateway, "key")
    secret = where / "connection"
    secret.write_text(azurite.connection_string)
    url = azurite.put("key/gateway.yaml", yaml(sim, "first"))
    start(
        restart, gateway, sim, url, where / "copy.yaml",
        f"credential=connection-string:file:{secret}",
    )
    live(gateway, "first")
    azurite.put("key/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")


def test_shared_access_signature(restart, gateway, sim, azurite, log):
    log.expect(*RESTARTS)
    url = azurite.put("sas/gateway.yaml", yaml(sim, "signed"))
    sas = azurite.sas("sas/gateway.yaml")
    gateway.environment["CONFIG_SAS"] = sas
    gateway.secrets.append(sas)
    start(
        restart, gateway, sim, url, folder(gateway, "sas") / "copy.yaml",
        "credential=sas:env:CONFIG_SAS",
    )
    live(gateway, "signed")


@pytest.mark.parametrize("what", ["blob", "key"])
def test_storage_says_no(restart, gateway, sim, azurite, log, what):
    log.expect("AZL0157")
    where = folder(gateway, f"no-{what}")
    copy = where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    url = azurite.put("no/gateway.yaml", yaml(sim, "other"))
    text = azurite.connection_string
    if what == "key":
        text = text.replace("AccountKey=E", "AccountKey=F")
    secret = where / "connection"
    secret.write_text(text)
    start(
        restart, gateway, sim,
        url.replace("gateway", "nothing") if what == "blob" else url, copy,
        f"credential=connection-string:file:{secret}",
    )
    code = {"blob": "404 BlobNotFound", "key": "403 AuthorizationFailure"}
    gateway.until(lambda: code[what] in log.text())
    live(gateway, "kept", timeout=5)
    gateway.forget_records()


def test_token(restart, gateway, sim, tls_azurite, authority, log):
    """Azurite looks at issuer, audience and times, and takes tokens over TLS
    only."""
    log.expect(*RESTARTS)
    where = folder(gateway, "token")
    token = where / "token"
    token.write_text(storage_token())
    url = tls_azurite.put("token/gateway.yaml", yaml(sim, "first"))
    start(
        restart, gateway, sim, url, where / "copy.yaml",
        f"credential=token-file:{token}", f"tls-ca={authority.ca}",
    )
    live(gateway, "first")
    tls_azurite.put("token/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")
