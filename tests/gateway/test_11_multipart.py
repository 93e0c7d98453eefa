"""Forms: audio and images. The file arrives as it was sent."""

import hashlib
import secrets

import pytest
from ask import PROMPT, error_of

LIMIT = 8 * 1024 * 1024
BOUNDARY = "----form-0123456789"
SOUND = b"RIFF\x00\r\n--" + PROMPT.encode() + bytes(range(256)) * 40


def configure(env, sim):
    conf = env.conf().add(f"AzureLITMaxBody {LIMIT}")
    conf.add("AzureLITCooldown off")
    conf.endpoint("a", sim.url)
    conf.endpoint("classic", sim.url, "api-version=2024-10-21")
    conf.model("v1", "a/d1").model("old", "classic/d1")
    return conf.model("two", "a/d1").model("two", "a/d2", "order=2")


def part(name, data, **more):
    head = f'Content-Disposition: form-data; name="{name}"'
    if "filename" in more:
        head += f'; filename="{more["filename"]}"'
        head += "\r\nContent-Type: application/octet-stream"
    data = data if isinstance(data, bytes) else data.encode()
    return head.encode() + b"\r\n\r\n" + data


def sound(data=SOUND):
    return part("file", data, filename="speech.mp3")


def form(*parts, boundary=BOUNDARY):
    mark = b"--" + boundary.encode()
    return b"".join(
        mark + b"\r\n" + one + b"\r\n" for one in parts
    ) + mark + b"--\r\n"


def post(client, body, path="audio/transcriptions", boundary=BOUNDARY,
         **options):
    return client.post(
        "/v1/" + path,
        content=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        **options,
    )


def received(answer, name="file"):
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["received"] if one["name"] == name]


def arrived_whole(answer, data=SOUND):
    (file,) = received(answer)
    assert file["size"] == len(data)
    assert file["sha256"] == hashlib.sha256(data).hexdigest()


PATHS = ["audio/transcriptions", "audio/translations"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("last", [False, True], ids=["first", "after"])
def test_v1(client, gateway, sim, path, last):
    """Only the model's name is another; it may stand after the file."""
    parts = [part("model", "v1"), sound(), part("temperature", "0.2")]
    if last:
        parts = parts[1:] + parts[:1]
    body = form(*parts)
    arrived_whole(post(client, body, path))
    entry = sim.last()
    assert entry["path"] == "/openai/v1/" + path
    assert entry["raw"] == body.replace(b"\r\n\r\nv1\r\n", b"\r\n\r\nd1\r\n")
    assert entry["fields"]["content-type"].endswith(BOUNDARY)
    record = gateway.records(1)[0]
    assert record["surface"] == path.replace("/", ".")
    assert record["bytes_in"] == len(body)
    assert (record["prompt_tokens"], record["completion_tokens"]) == (14, 2)


def test_classic(client, sim):
    """The deployment is in the path: not a byte differs."""
    body = form(sound(), part("model", "old"))
    arrived_whole(post(client, body))
    assert sim.last()["path"] == "/openai/deployments/d1/audio/transcriptions"
    assert sim.last()["raw"] == body


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_image_edit(client, sim, name):
    files = [
        part(name, SOUND, filename="one.png"),
        part(name, b"\x89PNG\r\n", filename="two.png"),
    ]
    body = form(*files, part("prompt", PROMPT), part("model", "v1"))
    answer = post(client, body, "images/edits")
    assert [one["size"] for one in received(answer, name)] == [len(SOUND), 6]
    assert sim.last()["raw"] == body.replace(b"\r\nv1\r\n", b"\r\nd1\r\n")


@pytest.mark.parametrize("quoted, boundary", [
    (f'"{BOUNDARY}"', BOUNDARY),
    ('"with space:and=more"', "with space:and=more"),
    ("plain", "plain"),
])
def test_boundary(client, quoted, boundary):
    body = form(part("model", "v1"), sound(), boundary=boundary)
    arrived_whole(post(client, body, boundary=quoted))


@pytest.mark.parametrize("model", ["v1", "old", "two"])
def test_path_names_the_model(client, sim, model):
    """As the AzureOpenAI client does it: no model in the form."""
    body = form(sound(), part("language", "en"))
    answer = client.post(
        f"/openai/deployments/{model}/audio/transcriptions?api-version=x",
        content=body,
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    arrived_whole(answer)
    sent = sim.last()["raw"]
    if model == "old":
        assert sent == body
    else:
        assert sent == form(part("model", "d1")).removesuffix(
            f"--{BOUNDARY}--\r\n".encode()
        ) + body


REFUSED = {
    "twice": (form(part("model", "v1"), sound(), part("model", "two")),
              "duplicate_parameter"),
    "twice the same": (form(part("model", "v1"), part("model", "v1"), sound()),
                       "duplicate_parameter"),
    "spelling": (form(part("Model", "v1"), sound()), "ambiguous_parameter"),
    "a file": (form(part("model", "v1", filename="x"), sound()),
               "invalid_type"),
    "none": (form(sound()), "missing_required_parameter"),
    "empty": (form(part("model", ""), sound()), "missing_required_parameter"),
    "elsewhere": (form(part("model", "v1"), part("api_base", "http://x")),
                  "forbidden_parameter"),
    "no end": (form(part("model", "v1"), sound())[:-6], "invalid_multipart"),
    "nothing": (b"", "invalid_multipart"),
    "other boundary": (form(part("model", "v1"), boundary="x"),
                       "invalid_multipart"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(client, gateway, sim, name):
    body, code = REFUSED[name]
    error_of(post(client, body), 400, code)
    assert sim.journal() == []
    assert gateway.records(1)[0]["error"] == "ValidationError"


def test_no_form(client, sim):
    answer = client.post("/v1/audio/transcriptions", json={"model": "v1"})
    error_of(answer, 400, "invalid_content_type")
    assert sim.journal() == []


def test_unknown_model(client, sim):
    error_of(
        post(client, form(sound(), part("model", "none"))), 404,
        "model_not_found",
    )
    assert sim.journal() == []


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("model", ["v1", "old"])
def test_large_file_is_on_no_disk(client, gateway, sim, chunked, model):
    data = secrets.token_bytes(5 * 1024 * 1024)
    body = form(sound(data), part("model", model))
    step = 100000
    pieces = iter(
        [body[at : at + step] for at in range(0, len(body), step)]
    )
    # It changes with each file that is made there, however short its life.
    before = gateway.tmp.stat().st_mtime_ns
    arrived_whole(post(client, pieces if chunked else body), data)
    assert gateway.tmp.stat().st_mtime_ns == before
    assert "transfer-encoding" not in sim.last()["fields"]


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(client, gateway, sim, chunked):
    body = form(part("model", "v1"), sound(b"x" * LIMIT))
    content = iter([body[:1000], body[1000:]]) if chunked else body
    error_of(post(client, content), 413, "request_too_large")
    assert sim.journal() == []
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (413, "ValidationError")


@pytest.mark.parametrize("behaviour", [
    {"error": "rate_ms"}, {"fault": "reset"}, {"error": "server"},
], ids=str)
def test_failover(client, gateway, sim, log, behaviour):
    """The second attempt gets the whole form, with its own name in it."""
    log.expect(r"\[proxy")
    sim.script({**behaviour, "times": 2}, deployment="d1")
    body = form(sound(), part("model", "two"))
    arrived_whole(post(client, body))
    assert sim.last()["deployment"] == "d2"
    assert sim.last()["raw"] == body.replace(b"\r\ntwo\r\n", b"\r\nd2\r\n")
    assert gateway.records(1)[0]["attempts"] == len(sim.journal())


@pytest.mark.parametrize("kind", ["text", "srt"])
def test_plain_answer(client, gateway, kind):
    body = form(sound(), part("model", "v1"), part("response_format", kind))
    answer = post(client, body)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "sha256 " + hashlib.sha256(SOUND).hexdigest()
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert gateway.records(1)[0]["prompt_tokens"] is None
