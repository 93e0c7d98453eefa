"""httpd -t finds mistakes and says what would be right."""

import os

import pytest

MISTAKES = [
    ("AzureLITEndpoint a ftp://x credential=none", "http"),
    ("AzureLITEndpoint a http://x:0 credential=none", "1 to 65535"),
    ("AzureLITEndpoint a http://x:99999 credential=none", "1 to 65535"),
    ("AzureLITEndpoint a http://x: credential=none", "1 to 65535"),
    ("AzureLITEndpoint a http://x credential=none dialect=latin", "one of"),
    ("AzureLITEndpoint a http://x", "credential=env:NAME"),
    ("AzureLITEndpoint a http://x credential=none colour=red", "api-version"),
    ("AzureLITEndpoint a http://x credential=env:NO_SUCH_NAME", "NO_SUCH_NAME"),
    ("AzureLITEndpoint a http://x credential=none timeout=never", "duration"),
    ("AzureLITEndpoint a http://x credential=none api-version=now", "a date"),
    (
        "AzureLITEndpoint a http://x credential=none dialect=openai "
        "api-version=2024-10-21",
        "dialect=azure only",
    ),
    ("AzureLITEndpoint a http://x credential=none tls-verify=off", "https"),
    ("AzureLITUsageLog no/such/folder/usage.jsonl", "folder"),
    ("AzureLITModel m1", "endpoint/deployment"),
    ("AzureLITModel m1 a/d weight=many", "number from 0 to 1000"),
    ("AzureLITModel m1 nowhere/d", "nowhere"),
    ("AzureLITKey team sk-literal", "azurelitctl"),
    ("AzureLITKey team sha256:12", "64"),
    ("AzureLITKeyFile no/such/file", "no/such/file"),
    ("AzureLITBasePath llm", "absolute path"),
    ("AzureLITParams maybe", "keep"),
    ("AzureLITMaxBody huge", "AzureLITMaxBody"),
    ("AzureLITRetry 99", "AzureLITRetry"),
    ("AzureLITKeepAliveHold soon", "AzureLITKeepAliveHold"),
]


@pytest.mark.parametrize("line, hint", MISTAKES)
def test_mistake(env, line, hint):
    status, text = env.check(f"AzureLIT on\n{line}\n")
    assert status != 0
    assert line.split()[0] in text
    assert hint in text
    number = env.own_line(2)
    assert f"line {number} " in text or f"check.conf:{number}" in text
    assert "sk-literal" not in text


# What somebody writes who has a secret in the wrong place.
SLIPS = [
    "AzureLITEndpoint a https://h SECRET",
    "AzureLITEndpoint a https://h credentail=SECRET",
    "AzureLITEndpoint a https://h credential SECRET",
    "AzureLITEndpoint a https://h credential=SECRET credential=SECRET",
    "AzureLITEndpoint a https://h credential=SECRET",
    "AzureLITEndpoint a https://h credential=user:SECRET",
    "AzureLITEndpoint a https://h credential=env:SECRET",
    "AzureLITEndpoint a https://h credential=databricks:c:SECRET",
    "AzureLITEndpoint a https://h credential=service-principal:t/c:SECRET",
    "AzureLITEndpoint a https://h credential=service-principal:t/c/SECRET",
    "AzureLITEndpoint a https://h "
    "credential=keyvault:https://u:SECRET@v.example/secrets/n",
    "AzureLITEndpoint a https://h "
    "credential=keyvault:https://v.example/secrets/n vault-credential=SECRET",
    "AzureLITEndpoint a https://h credential=keyvault:https://v.example/"
    "secrets/n vault-credential=service-principal:t/c:SECRET",
    "AzureLITEndpoint a https://u:SECRET@h credential=none",
    "AzureLITEndpoint a https://h?key=SECRET credential=none",
    "AzureLITMasterKey SECRET",
    "AzureLITMasterKey env:SECRET",
    "AzureLITKey a SECRET",
    "AzureLITConfigSource https://h/c copy=/x SECRET",
    "AzureLITConfigSource https://h/c copy=/x credential=SECRET",
    "AzureLITConfigSource https://h/c copy=/x credential=sas:SECRET",
    "AzureLITConfigSource https://u:SECRET@h/c copy=/x",
    "AzureLITAuthority https://u:SECRET@h",
    "AzureLITMetadata https://u:SECRET@h",
]


@pytest.mark.parametrize("secret", ["Zk9+a", "Zk9a=="])
def test_a_slip_shows_no_secret(env, secret):
    for line in SLIPS:
        line = line.replace("SECRET", secret)
        status, text = env.check(f"AzureLIT on\n{line}\n")
        assert "AzureLIT" in text, line
        assert secret.rstrip("=") not in text, line


OPEN = [
    "AzureLITEndpoint a https://h credential=keyvault:http://HOST/secrets/n",
    "AzureLITEndpoint a https://h dialect=databricks token-url=http://HOST/t "
    "credential=databricks:c:env:SIM_KEY",
    "AzureLITAuthority http://HOST",
    "AzureLITConfigSource http://HOST/c copy=/tmp/no-copy",
]


@pytest.mark.parametrize("line", OPEN)
def test_secrets_without_tls(env, line):
    """Taken, as the way there may be safe in another manner, but told."""
    status, text = env.check(f"{line}\n".replace("HOST", "h.example:81"))
    assert status == 0 and "AZL0166" in text and "TLS to h.example," in text
    for quiet in (
        line.replace("HOST", "127.0.0.1:81"),
        line.replace("HOST", "localhost:81"),
        line.replace("http://HOST", "https://h.example"),
    ):
        status, text = env.check(f"{quiet}\n")
        assert status == 0 and "AZL0166" not in text, quiet


ENTRA = "service-principal:t/c:env:SIM_KEY"
VAULT = "keyvault:https://v.example/secrets/n vault-credential="


@pytest.mark.parametrize("credential,shown", [
    (ENTRA, True),
    (VAULT + ENTRA, True),
    ("env:SIM_KEY", False),
])
def test_authority_of_the_environment(env, monkeypatch, credential, shown):
    line = f"AzureLIT on\nAzureLITEndpoint a https://h credential={credential}"

    def warned(host, more=""):
        monkeypatch.setitem(env.environment, "AZURE_AUTHORITY_HOST", host)
        status, text = env.check(f"{line}\n{more}\n")
        assert status == 0, text
        return text.count("AZL0167")

    assert warned("http://h.example:81/") == shown
    for quiet in ("https://h.example", "h.example", "http://localhost:81"):
        assert not warned(quiet), quiet
    # what a directive says goes before it
    assert not warned("http://h.example", "AzureLITAuthority https://a.example")


# What is read whole, and may be the wrong thing.
FILES = [
    "AzureLITEndpoint a https://h credential=file:PATH",
    "AzureLITEndpoint a https://h credential=token-file:PATH",
    "AzureLITEndpoint a https://h credential=databricks:c:file:PATH "
    "dialect=databricks",
    "AzureLITMasterKey file:PATH",
    "AzureLITKeyFile PATH",
    "AzureLITPriceFile PATH",
    "AzureLITConfig PATH",
    "AzureLITConfigSource https://h/c copy=PATH",
    "AzureLITConfigSource https://h/c copy=/tmp/x credential=sas:file:PATH",
]


@pytest.mark.parametrize("line", FILES)
def test_a_pipe_is_not_waited_for(env, line):
    pipe = env.root / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    line = line.replace("PATH", str(pipe))
    status, text = env.check(f"AzureLIT on\n{line}\n")
    assert status == 1 and "not a regular file" in text


def test_good(env, sim):
    status, text = env.check(
        env.conf().endpoint("a", sim.url).model("m1", "a/d1")
    )
    assert status == 0 and "AZL" not in text


def test_authorities_are_read_once(env, authority):
    """However many endpoints trust them: a server with a hundred would start,
    and restart, for many seconds."""
    conf = env.conf().add("LogLevel ssl:trace1")
    for name in ("a", "b", "c"):
        conf.endpoint(name, f"https://{name}.test", f"tls-ca={authority.ca}")
        conf.model(name, f"{name}/d1")
    status, text = env.check(conf)
    assert status == 0
    assert text.count("Configuring client authentication") == 1
    conf.endpoint("d", "https://d.test").model("d", "d/d1")
    conf.endpoint("e", "https://e.test", "tls-verify=off").model("e", "e/d1")
    status, text = env.check(conf)
    assert status == 0
    assert text.count("Configuring client authentication") == 2
