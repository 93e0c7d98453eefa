"""Client keys: who may come in, and what the others are told."""

import secrets
import socket
import subprocess

import pytest
from ask import chat, error_of
from conf import digest

OTHER = "sk-few-models"
EXPIRED = "sk-expired"
MANY = 10000


def configure(env, sim):
    env.secrets += [OTHER, EXPIRED]
    seed = secrets.token_hex(8)
    env.many = [f"sk-many-{seed}-{number}" for number in range(MANY)]
    keys = env.root / "many-keys"
    keys.write_text(
        "# many\n\n"
        + "".join(
            f"many-{number} {digest(key)}\n"
            for number, key in enumerate(env.many)
        )
    )
    return (
        env.conf()
        .key("few", OTHER, "models=m1,gpt-*")
        .key("late", EXPIRED, "expires=2020-01-01")
        .add(f"AzureLITKeyFile {keys}")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
        .model("m2", "a/d2")
        .model("gpt-x", "a/d3")
    )


@pytest.fixture
def client(gateway):
    """A client that sends no key by itself."""
    with gateway.client(headers={}) as client:
        yield client


def post(client, model="m1", **headers):
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    return client.post("/v1/chat/completions", json=chat(model),
                       headers=headers)


@pytest.mark.parametrize("name", ["api_key", "x_api_key"])
def test_key_headers(gateway, client, name):
    assert post(client, **{name: gateway.key}).status_code == 200
    error_of(post(client, **{name: "sk-other"}), 401, "invalid_api_key")


@pytest.mark.parametrize("other", ["Basic dXNlcjpwYXNz", "Bearer",
                                   "Negotiate abc", ""])
def test_another_kind_of_authorization(gateway, client, sim, other):
    """It may be for a Require of httpd's own, and hides no key."""
    answer = post(client, Authorization=other, api_key=gateway.key)
    assert answer.status_code == 200
    assert "authorization" not in sim.last()["fields"]


def test_a_bad_bearer_hides_the_key(gateway, client):
    """One that says who it is must be right."""
    answer = post(client, Authorization="Bearer sk-no", api_key=gateway.key)
    error_of(answer, 401, "invalid_api_key")


def test_master_key(gateway, client):
    for model in ("m1", "m2"):
        answer = post(client, model, Authorization=f"Bearer {gateway.master}")
        assert answer.status_code == 200


def test_refusals_are_alike(client, sim):
    """Unknown, missing, expired, malformed: nobody learns which."""
    answers = [
        post(client),
        post(client, Authorization="Bearer sk-unknown"),
        post(client, Authorization=f"Bearer {EXPIRED}"),
        post(client, Authorization="Basic abc"),
        post(client, Authorization="Bearer"),
        post(client, api_key="x" * 4000),
    ]
    seen = set()
    for answer in answers:
        error_of(answer, 401, "invalid_api_key")
        headers = dict(answer.headers)
        for name in ("x-request-id", "x-litellm-call-id", "date"):
            headers.pop(name, None)
        seen.add((answer.text, tuple(sorted(headers.items()))))
    assert len(seen) == 1
    assert sim.journal() == []


def test_refused_before_the_body(gateway):
    """The answer comes although not a byte of the body was sent."""
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as sock:
        sock.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\n"
            b"Authorization: Bearer sk-unknown\r\n"
            b"Content-Length: 100000\r\n\r\n"
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_allow_list(client):
    for model, status in (("m1", 200), ("gpt-x", 200), ("m2", 404)):
        answer = post(client, model, Authorization=f"Bearer {OTHER}")
        assert answer.status_code == status
    not_allowed = error_of(answer, 404, "model_not_found")
    unknown = error_of(
        post(client, "m9", Authorization=f"Bearer {OTHER}"),
        404,
        "model_not_found",
    )
    assert not_allowed["message"].replace("m2", "m9") == unknown["message"]


def test_allow_list_in_models(client):
    answer = client.get(
        "/v1/models", headers={"Authorization": f"Bearer {OTHER}"}
    )
    assert [item["id"] for item in answer.json()["data"]] == ["m1", "gpt-x"]
    answer = client.get(
        "/v1/models/m2", headers={"Authorization": f"Bearer {OTHER}"}
    )
    error_of(answer, 404, "model_not_found")


def test_many_keys(gateway, client):
    for number in (0, 1, MANY // 2, MANY - 1):
        key = gateway.many[number]
        assert post(client, Authorization=f"Bearer {key}").status_code == 200
    records = gateway.records(4)
    assert records[-1]["key_name"] == f"many-{MANY - 1}"


def takes(gateway, key):
    with gateway.fresh_client(headers={}) as client:
        answer = post(client, Authorization=f"Bearer {key}")
    return answer.status_code == 200


def test_key_file_is_read_again(gateway, client):
    new = "sk-new-" + secrets.token_hex(8)
    gateway.secrets.append(new)
    answer = post(client, Authorization=f"Bearer {new}")
    error_of(answer, 401, "invalid_api_key")
    with (gateway.root / "many-keys").open("a") as file:
        file.write(f"new {digest(new)}\n")
    gateway.graceful()
    gateway.until(lambda: takes(gateway, new))


def ctl(gateway, *arguments, given=None):
    return subprocess.run(
        [gateway.ctl, "key", *arguments],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_azurelitctl(gateway, client):
    """From a new key to an answer, as an operator does it."""
    made = ctl(gateway, "new", "--name", "made")
    key, directive = made.stdout.split("\n")[:2]
    gateway.secrets.append(key)
    assert directive.startswith("AzureLITKey made sha256:")
    assert ctl(gateway, "hash", given=key + "\n").stdout.strip() in directive
    file = gateway.root / "many-keys"
    with file.open("a") as keys:
        keys.write(directive.removeprefix("AzureLITKey ") + "\n")
    checked = ctl(gateway, "check", file)
    assert checked.returncode == 0, checked
    gateway.graceful()
    gateway.until(lambda: takes(gateway, key))
    gateway.until(
        lambda: "made" in {one["key_name"] for one in gateway.records()}
    )


def test_azurelitctl_and_httpd_refuse_the_same(gateway):
    """A key in place of its digest: both say what would be right."""
    file = gateway.root / "bad-keys"
    file.write_text(f"someone {gateway.key}\n")
    checked = ctl(gateway, "check", file)
    code, said = gateway.check(gateway.conf().add(f"AzureLITKeyFile {file}"))
    file.unlink()
    assert checked.returncode == 1 and code != 0
    for text in (checked.stderr, said):
        assert "bad-keys:1" in text and "azurelitctl key" in text
        assert gateway.key not in text
