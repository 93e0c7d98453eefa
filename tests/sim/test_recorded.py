"""What real services took, the simulators take, and what they refused is
refused: requests that somebody has recorded."""

import json
import os
from pathlib import Path

import azure_sim.check
import pytest
from anthropic_sim import members
from anthropic_sim.ask import ask_of
from anthropic_sim.check import Check
from anthropic_sim.families import family
from azure_sim.responses import input_items
from simbase import signature
from simbase.openai_ask import chat_ask, responses_ask
from simbase.service import Refused

FOLDER = os.environ.get("AZURELIT_RECORDINGS")
# This one asks for an item that OpenAI has stored.
STORED = "test_openai_responses_thinking_with_modified_history.1"

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="AZURELIT_RECORDINGS names no folder"
)


def anthropic_messages(body):
    Check(body, family(body["model"]))
    ask_of(body, family(body["model"]))


def anthropic_count(body):
    Check(body, family(body["model"]), members.COUNT)
    ask_of(body, family(body["model"]))


def openai_chat(body):
    azure_sim.check.chat_model(body, body["model"], "openai")
    azure_sim.check.chat_turns(body["messages"])
    chat_ask(body)


def openai_responses(body):
    azure_sim.check.responses(body, body["model"])
    items = input_items(body.get("input", ""))
    azure_sim.check.items(items, [], "conversation" in body)
    responses_ask(body, items)


KINDS = {
    "anthropic-messages": anthropic_messages,
    "anthropic-count-tokens": anthropic_count,
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
}


def recorded():
    if not FOLDER:
        return []
    manifest = json.loads((Path(FOLDER) / "manifest.json").read_text())
    return [
        pytest.param(one, id=Path(one["dir"]).name)
        for one in manifest
        if one["kind"] in KINDS and Path(one["dir"]).name != STORED
    ]


@pytest.mark.parametrize("exchange", recorded())
def test_recorded(exchange, monkeypatch):
    # Signatures of the real one are not ours to judge.
    monkeypatch.setattr(signature, "good", lambda signed, words: True)
    path = Path(FOLDER) / exchange["dir"] / "request.json"
    try:
        KINDS[exchange["kind"]](json.loads(path.read_text()))
    except Refused as refused:
        assert exchange["status"] == refused.status, refused.body
    else:
        assert exchange["status"] == 200
