"""A configuration that lies in Azure Storage (Azurite), with each credential
that is taken there."""

import entra_service
import pytest
from azurite import Azurite
from simbase import entra as tokens
from sources import (
    RESTARTS,
    folder,
    live,
    nothing,
    put,
    source,
    start,
    yaml,
)

configure = nothing


STORAGE = "https://storage.azure.com"


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
    # as it was at the start is enough, where the children may not read it
    secret.chmod(0o600)
    url = azurite.put("key/gateway.yaml", yaml(sim, "first"))
    start(
        restart, gateway, sim, url, where / "copy.yaml",
        f"credential=connection-string:file:{secret}",
    )
    live(gateway, "first")
    azurite.put("key/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")


def test_shared_access_signature(
    restart, gateway, sim, tls_azurite, authority, log
):
    log.expect(*RESTARTS)
    url = tls_azurite.put("sas/gateway.yaml", yaml(sim, "first"))
    sas = tls_azurite.sas("sas/gateway.yaml")
    gateway.environment["CONFIG_SAS"] = sas
    gateway.secrets.append(sas)
    start(
        restart, gateway, sim, url, folder(gateway, "sas") / "copy.yaml",
        "credential=sas:env:CONFIG_SAS", f"tls-ca={authority.ca}",
    )
    live(gateway, "first")
    tls_azurite.put("sas/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")


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
    live(gateway, "kept")
    gateway.forget_records()


def test_a_new_key(restart, gateway, sim, azurite, log):
    """What is in the file now counts, without a restart."""
    log.expect("AZL015[78]", *RESTARTS)
    where = folder(gateway, "rotated")
    copy, secret = where / "copy.yaml", where / "connection"
    copy.write_text(yaml(sim, "kept"))
    text = azurite.connection_string
    put(secret, text.replace("AccountKey=E", "AccountKey=F"))
    start(
        restart, gateway, sim,
        azurite.put("rotated/gateway.yaml", yaml(sim, "other")), copy,
        f"credential=connection-string:file:{secret}",
    )
    gateway.until(lambda: "403 AuthorizationFailure" in log.text())
    put(secret, text)
    live(gateway, "other")
    put(secret, "AccountName=devstoreaccount1")
    gateway.until(lambda: "credential=: a connection string has" in log.text())


@pytest.fixture(scope="module")
def metadata(env):
    """Who gives out identities, at the address of a machine's metadata. It
    outlives every httpd that has a source, for that may ask to the end."""
    service = entra_service.start(env.root / "entra")
    with entra_service.beside(env, service):
        entra_service.set_environment(env)
        yield service


@pytest.fixture
def entra(metadata):
    metadata.reset()
    return metadata


@pytest.mark.parametrize("credential", ["token-file", "managed-identity"])
def test_token(
    restart, gateway, sim, tls_azurite, authority, log, entra, credential
):
    """Azurite looks at issuer, audience and times, and takes tokens over TLS
    only."""
    log.expect(*RESTARTS)
    where = folder(gateway, credential)
    if credential == "token-file":
        token = where / "token"
        token.write_text(tokens.make(entra_service.KEY, STORAGE, "me", 3600))
        credential = f"token-file:{token}"
    url = tls_azurite.put("token/gateway.yaml", yaml(sim, "first"))
    conf = source(
        gateway, url, where / "copy.yaml", f"credential={credential}",
        f"tls-ca={authority.ca}",
    )
    restart(conf.add(f"AzureLITMetadata {entra.url}/"))
    live(gateway, "first")
    tls_azurite.put("token/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")
    asked = {one["query"].get("resource") for one in entra.journal()}
    assert asked == ({STORAGE} if credential == "managed-identity" else set())
