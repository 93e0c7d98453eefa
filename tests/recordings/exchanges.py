"""The recorded exchanges, and what the gateway makes of one.

AZURELIT_RECORDINGS names the folder; AZURELIT_BUILD the build tree with the
program that translates (tests/tools/translate.c).
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
FOLDER = os.environ.get("AZURELIT_RECORDINGS")
BUILD = Path(os.environ.get("AZURELIT_BUILD", TOP / "build-dev"))
PROGRAM = BUILD / "tests" / "tools" / "translate"
FILES = ["response.json", "response.sse", "response.eventstream.bin"]

needed = pytest.mark.skipif(
    not FOLDER, reason="AZURELIT_RECORDINGS names no folder"
)


class Exchange:
    def __init__(self, entry):
        self.kind = entry["kind"]
        self.url = entry["uri"].split("?")[0]
        self.status = entry["status"]
        self.path = Path(FOLDER) / entry["dir"]
        self.request_path = self.path / "request.json"
        self.answer_path = self.path / entry["response"]
        self.streamed = self.answer_path.suffix != ".json"

    @property
    def request(self):
        return json.loads(self.request_path.read_text())

    @property
    def answer(self):
        return self.answer_path.read_bytes()

    @property
    def model(self):
        """As the upstream is asked for it."""
        if "model" in (asked := self.request):
            return asked["model"]
        name = self.url.rsplit("/models/", 1)[-1].rsplit("/model/", 1)[-1]
        return name.split("/")[0].split(":")[0]


def recorded(*kinds, status=200, streamed=None):
    """Exchanges of these kinds, as parameters of a test."""
    if not FOLDER:
        # One test that is skipped says so.
        return [pytest.param(None, id="none")]
    manifest = json.loads((Path(FOLDER) / "manifest.json").read_text())
    found = [Exchange(one) for one in manifest if one["kind"] in kinds]
    return [
        pytest.param(one, id=f"{one.kind}/{one.path.name}")
        for one in found
        if one.status == status
        and (streamed is None or one.streamed == streamed)
    ]


class Result:
    """What the program says; see there."""

    def __init__(self, told):
        self.error = told.get("error")
        self.failure = told.get("failure")
        self.dropped = told.get("dropped", [])
        self.hub = told.get("hub")
        self.upstream = told.get("upstream")
        self.answer = told.get("answer")
        self.whole = told.get("whole")
        self.kept = told.get("kept", {})
        self.runs = told.get("runs", 0)
        self.differs = told.get("differs", [])

    def document(self):
        return json.loads(self.answer)


def translate(**options):
    done = subprocess.run(
        [PROGRAM, *(f"{name}={value}" for name, value in options.items())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return Result(json.loads(done.stdout))


# What the gateway has to know of the upstream of each kind.
UPSTREAMS = {
    "anthropic-messages": {
        "dialect": "anthropic",
        "url": "https://api.anthropic.com",
    },
    "gemini-generate": {
        "dialect": "gemini",
        "url": "https://generativelanguage.googleapis.com",
    },
    "bedrock-converse": {
        "dialect": "bedrock",
        "url": "https://bedrock-runtime.us-east-1.amazonaws.com",
    },
    "openai-chat": {"dialect": "openai", "url": "https://api.openai.com/v1"},
    "openai-responses": {
        "dialect": "openai",
        "url": "https://api.openai.com/v1",
        "surface": "responses",
    },
}
UPSTREAMS["gemini-stream"] = UPSTREAMS["gemini-generate"]
UPSTREAMS["bedrock-converse-stream"] = UPSTREAMS["bedrock-converse"]
UPSTREAMS["bedrock-mantle"] = UPSTREAMS["openai-responses"]
UPSTREAMS["azure"] = UPSTREAMS["openai-responses"]
VERTEX = {
    "dialect": "gemini",
    "url": "https://us-central1-aiplatform.googleapis.com/v1/projects/one"
    "/locations/us-central1",
}


def upstream_of(exchange):
    options = UPSTREAMS[exchange.kind]
    if "aiplatform" in exchange.url:
        options = VERTEX
    return {**options, "family": exchange.model, "model": exchange.model}


def come_back(exchange, tmp_path, chat):
    """The recorded answer, as the client of this chat gets it."""
    request = tmp_path / "request.json"
    request.write_text(json.dumps(chat))
    way = "stream" if exchange.streamed else "answer"
    return translate(
        op="chat",
        request=request,
        **upstream_of(exchange),
        **{way: exchange.answer_path},
    )
