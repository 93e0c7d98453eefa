"""The Bedrock simulator refuses what Converse refuses."""

import json
import os
from pathlib import Path

import pytest
from bedrock_service import (
    CLAUDE,
    GPT,
    LLAMA,
    MISTRAL,
    NOVA,
    ask,
    path_of,
    start,
)
from bedrock_sim import shapes
from bedrock_sim.rules import Rules

WEATHER = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather of a city.",
        "inputSchema": {"json": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
        }},
    }
}
CLOCK = {
    "toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}
}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = start(tmp_path_factory.mktemp("bedrock"))
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


def wrong(sim, body, model=CLAUDE):
    """What is wrong with this body, or None."""
    status, answer, data = ask(sim, path_of(model), body)
    if status == 200:
        return None
    assert status == 400
    kind = answer.getheader("x-amzn-errortype")
    assert kind.startswith(("Validation", "Serialization"))
    return json.loads(data)["message"]


def user(*content):
    return {"role": "user", "content": list(content)}


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def said(*messages, **more):
    return {"messages": list(messages), **more}


def use(number="t1", name="weather", given=None):
    given = {} if given is None else given
    return {"toolUse": {"toolUseId": number, "name": name, "input": given}}


def result(number="t1", *content):
    content = list(content) or [{"text": "sunny"}]
    return {"toolResult": {"toolUseId": number, "content": content}}


def document(name="a", **more):
    return {"document": {
        "format": "txt", "name": name, "source": {"bytes": "YWJj"}, **more
    }}


def image(data, kind="png"):
    return {"image": {"format": kind, "source": {"bytes": data}}}


TEXT = {"text": "hi"}
TOOLS = {"toolConfig": {"tools": [WEATHER]}}


def spec(**more):
    return {"toolConfig": {"tools": [
        {"toolSpec": {**CLOCK["toolSpec"], **more}}
    ]}}


@pytest.mark.parametrize(
    "body, why",
    [
        ("[]", "no JSON object"),
        ("{", "no JSON object"),
        ({}, "at least one message"),
        (said(), "at least one message"),
        (said(user(TEXT), user(TEXT)), "alternate"),
        (said(user()), "is empty"),
        (said(user({"text": " \n"})), "blank"),
        (said(user({"text": None})), "not be null"),
        (said(user(TEXT), system=None), "not be null"),
        (said(user(TEXT), system=[{"text": ""}]), "length greater than"),
        (said(user(TEXT), system=[{"text": " "}]), "blank"),
        (said(user({"type": "text", **TEXT})), "extraneous key"),
        (said(user(TEXT), temperature=1), "extraneous key"),
        (said(user(TEXT), modelId=CLAUDE), "extraneous key"),
        (said({"role": "tool", "content": [TEXT]}), "enum value set"),
        (said({"role": "system", "content": [TEXT]}), "user or assistant"),
        (said({"role": "user", "content": "hi"}), "be a list"),
        (said({"content": [TEXT]}), "'messages.1.member.role'"),
        (
            said(user(TEXT), inferenceConfig={"temperature": 1.5}),
            "less than or equal to 1",
        ),
        (
            said(user(TEXT), inferenceConfig={"maxTokens": 0}),
            "greater than or equal to 1",
        ),
        (
            said(user(TEXT), inferenceConfig={"topP": "1"}),
            "be a float",
        ),
        (said(user(TEXT, use())), "not an assistant's"),
        (said(user(TEXT), assistant(result())), "not a user's"),
        (said(user(TEXT), assistant(use()), user(result())), "toolConfig"),
        (said(user(TEXT), assistant(use()), **TOOLS), "not end with"),
        (
            said(user(TEXT), assistant(use()), user(TEXT), **TOOLS),
            "Expected toolResult blocks",
        ),
        (
            said(user(TEXT), assistant(use()), user(result("t2")), **TOOLS),
            "Expected toolResult blocks",
        ),
        (said(user(result()), **TOOLS), "exceeds the number"),
        (
            said(
                user(TEXT), assistant(use(), use()),
                user(result(), result()), **TOOLS
            ),
            "Expected toolResult|Duplicate",
        ),
        (
            said(
                user(TEXT), assistant(use("a/b")), user(result("a/b")), **TOOLS
            ),
            "regular expression",
        ),
        (
            said(
                user(TEXT), assistant(use("x" * 65)), user(result("x" * 65)),
                **TOOLS
            ),
            "length less than",
        ),
        (
            said(user(TEXT), assistant(use(given=[])), user(result()), **TOOLS),
            "json object",
        ),
        (
            said(
                user(TEXT), assistant(use()), user(result("t1", {"text": ""})),
                **TOOLS
            ),
            "blank",
        ),
        (
            said(
                user(TEXT), assistant(use()), user(result("t1", {"json": []})),
                **TOOLS
            ),
            "json object",
        ),
        (said(user(TEXT), toolConfig={"tools": []}), "length greater than"),
        (said(user(TEXT), **spec(name="a.b")), "regular expression"),
        (said(user(TEXT), **spec(name="x" * 65)), "length less than"),
        (said(user(TEXT), **spec(description="")), "length greater than"),
        (said(user(TEXT), **spec(inputSchema={})), "exactly one member"),
        (said(user(TEXT), **spec(inputSchema={"json": {}})), "object."),
        (
            said(user(TEXT), toolConfig={"tools": [
                {"toolSpec": {"name": "a"}}
            ]}),
            "toolSpec.inputSchema",
        ),
        (
            said(user(TEXT), toolConfig={"tools": [WEATHER, WEATHER]}),
            "Duplicate tool name",
        ),
        (
            said(user(TEXT), toolConfig={
                "tools": [WEATHER], "toolChoice": {"tool": {"name": "x"}}
            }),
            "no tool x",
        ),
        (
            said(user(TEXT), toolConfig={
                "tools": [WEATHER], "toolChoice": {"none": {}}
            }),
            "extraneous key",
        ),
        (said(user(document())), "a text block"),
        (said(user(TEXT, document("a.txt"))), "document file name"),
        (said(user(TEXT, document("a  b"))), "document file name"),
        (said(user(TEXT, document(""))), "length greater than"),
        (said(user(TEXT, document(), document())), "Duplicate document"),
        (
            said(user(TEXT, *(document(str(at)) for at in range(6)))),
            "more than 5",
        ),
        (said(user(TEXT), assistant(document(), TEXT)), "not a user's"),
        (said(user(TEXT, document(format="exe"))), "enum value set"),
        (said(user(image("!"))), "be base64"),
        (said(user(image("YWJj"))), "Could not process image"),
        (said(user(image("YWJj", "jpg"))), "enum value set"),
        (
            said(user({"image": {"format": "png", "source": {"url": "x"}}})),
            "extraneous key",
        ),
        (
            said(user(TEXT), outputConfig={"textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": {"type": "object"}}},
            }}),
            "be a string",
        ),
        (
            said(user(TEXT), outputConfig={"textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": "{"}},
            }}),
            "no JSON schema",
        ),
        (said(user(TEXT), requestMetadata={}), "length greater than"),
        (said(user(TEXT), serviceTier={"type": "best"}), "enum value set"),
        (said(user(TEXT), additionalModelRequestFields=[]), "an object"),
        # Claude's own rules.
        (
            said(user(TEXT), additionalModelRequestFields={"top_p": "x"}),
            "The model returned",
        ),
        (
            said(user(TEXT), additionalModelRequestFields={"seed": 1}),
            "The model returned",
        ),
    ],
)
def test_rules(sim, body, why):
    message = wrong(sim, body)
    assert message and any(one in message for one in why.split("|")), message


def test_rules_of_models(sim):
    forced = said(user(TEXT), toolConfig={
        "tools": [WEATHER], "toolChoice": {"any": {}}
    })
    assert wrong(sim, forced, NOVA) is None
    assert wrong(sim, forced, MISTRAL) is None
    assert wrong(sim, forced, GPT) is None
    assert "toolChoice.any" in wrong(sim, forced, LLAMA)
    named = said(user(TEXT), toolConfig={
        "tools": [WEATHER], "toolChoice": {"tool": {"name": "weather"}}
    })
    assert wrong(sim, named, NOVA) is None
    assert "toolChoice.tool" in wrong(sim, named, MISTRAL)

    def called(number):
        return said(
            user(TEXT), assistant(use(number)), user(result(number)), **TOOLS
        )

    assert wrong(sim, called("abcdeFG12"), MISTRAL) is None
    assert "length of 9" in wrong(sim, called("tooluse_1"), MISTRAL)
    assert wrong(sim, called("tooluse_1.a:b"), CLAUDE) is None
    assert "identifier is invalid" in wrong(sim, said(user(TEXT)), "none")


RECORDINGS = os.environ.get("AZURELIT_RECORDINGS")


@pytest.mark.skipif(not RECORDINGS, reason="AZURELIT_RECORDINGS is not set")
def test_what_the_service_took_is_taken():
    folder = Path(RECORDINGS)
    taken = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["kind"].startswith("bedrock-converse"):
            continue
        body = json.loads((folder / entry["dir"] / "request.json").read_text())
        shapes.check("bedrock-runtime", "ConverseRequest", body)
        Rules(body, entry["uri"])
        taken += 1
    assert taken > 30
