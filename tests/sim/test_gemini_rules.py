"""The Gemini simulator refuses what the service refuses."""

import base64
import json
import os
from pathlib import Path

import pytest
from gemini_service import (
    EMBEDDING,
    FLASH,
    KEY,
    MANY,
    OLD,
    PRO,
    THIRD,
    ask,
    bearer,
    hello,
    post,
    refused,
    said,
    start,
    vertex_path,
)
from gemini_sim.members import MESSAGES, Reader
from gemini_sim.models import Model
from gemini_sim.rules import Rules
from google.genai import types
from service_account import ServiceAccount

DUMMY = "skip_thought_signature_validator"


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return ServiceAccount(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def sim(tmp_path_factory, account):
    sim = start(tmp_path_factory.mktemp("gemini"), account)
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.mark.parametrize(
    "body, name",
    [
        (hello(stream=True), '"stream"'),
        (hello(labels={"a": "b"}), '"labels"'),
        (
            hello(generationConfig={"maxTokens": 5}),
            "\"maxTokens\" at 'generation_config'",
        ),
        (
            {"contents": [{"role": "user", "parts": [{"type": "text"}]}]},
            "\"type\" at 'contents[0].parts[0]'",
        ),
        (
            hello(tools=[{"functionDeclarations": [{
                "name": "a",
                "parameters": {
                    "type": "OBJECT", "additionalProperties": False
                },
            }]}]),
            "\"additionalProperties\" at "
            "'tools[0].function_declarations[0].parameters'",
        ),
    ],
)
def test_unknown_members(sim, body, name):
    message = refused(sim, body)
    assert message == (
        f"Invalid JSON payload received. Unknown name {name}: "
        "Cannot find field."
    )


CALL = {"functionCall": {"name": "weather", "args": {}}}
OTHER = {"functionCall": {"name": "clock", "args": {}}}
RESULT = {"functionResponse": {"name": "weather", "response": {"output": "x"}}}
OTHER_RESULT = {"functionResponse": {"name": "clock", "response": {}}}
GO = {"text": "Go"}
TOOLS = [{"functionDeclarations": [{"name": "weather"}]}]


def config(**members):
    return hello(generationConfig=members)


def thinking(**members):
    return config(thinkingConfig=members)


def choose(**members):
    return hello(tools=TOOLS, toolConfig={"functionCallingConfig": members})


def declare(*declarations):
    return hello(tools=[{"functionDeclarations": list(declarations)}])


def parameters(**schema):
    return declare({"name": "a", "parameters": schema})


@pytest.mark.parametrize(
    "body, why",
    [
        ("{", "Invalid JSON payload"),
        ("[]", "Invalid value"),
        ({}, "contents is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "user"}]}, "parts must not be empty"),
        (
            {"contents": [{"role": "assistant", "parts": [GO]}]},
            "valid role: user, model",
        ),
        (
            {"contents": [{"parts": [GO]}, {"role": "user", "parts": [GO]}]},
            "alternate",
        ),
        ({"contents": said([{"thought": True}])}, "oneof field 'data'"),
        (
            {"contents": said([{**GO, **CALL}])},
            "oneof field 'data'",
        ),
        (
            {"contents": said([{"inlineData": {
                "mimeType": "image/png", "data": "!"
            }}])},
            "Base64 decoding failed",
        ),
        (
            {"contents": said([{"inlineData": {"data": "AAAA"}}])},
            "inline_data",
        ),
        (
            {"contents": said([{"inlineData": {
                "mimeType": "image/jpg", "data": "AAAA"
            }}])},
            "MIME type",
        ),
        ({"contents": said([{"fileData": {}}])}, "file_uri"),
        ({"contents": said([CALL])}, "model's turns"),
        ({"contents": said([GO], [RESULT])}, "user's turns"),
        ({"contents": said([GO], [CALL])}, "end with a user role"),
        ({"contents": said([RESULT])}, "immediately after a function call"),
        ({"contents": said([GO], [CALL], [GO])}, "number of function response"),
        (
            {"contents": said([GO], [CALL, OTHER], [RESULT])},
            "number of function response",
        ),
        (
            {"contents": said([GO], [CALL], [OTHER_RESULT])},
            "names of the function calls",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"response": {}}}
            ])},
            "Name cannot be empty",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"name": "weather"}}
            ])},
            "response",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"name": "weather", "response": "x"}}
            ])},
            "google.protobuf.Struct",
        ),
        (
            hello(systemInstruction={"parts": [{"fileData": {}}]}),
            "only supports",
        ),
        (hello(systemInstruction={"parts": []}), "must not be empty"),
        (hello(tools=TOOLS + TOOLS), "Multiple tools"),
        (declare({"name": "a"}, {"name": "a"}), "Duplicate function"),
        (declare({"name": "2nd"}), "Invalid function name"),
        (declare({"name": "a b"}), "Invalid function name"),
        (
            declare({
                "name": "a", "parameters": {"type": "OBJECT"},
                "parametersJsonSchema": {},
            }),
            "mutually exclusive",
        ),
        (declare({"name": "a", "parametersJsonSchema": 1}), "no schema"),
        (parameters(type="LIST"), "Invalid value"),
        (parameters(properties={}), "must have a type"),
        (parameters(type="ARRAY"), "items: missing"),
        (
            parameters(type="OBJECT", properties={
                "a": {"type": "INTEGER", "enum": ["1"]}
            }),
            "only allowed for STRING",
        ),
        (parameters(type="OBJECT", required=["a"]), "not defined"),
        (
            parameters(type="ARRAY", items={"type": "STRING", "format": "uri"}),
            "'date-time'",
        ),
        (
            parameters(anyOf=[{"type": "STRING", "enum": [""]}]),
            "cannot be empty",
        ),
        (parameters(type="STRING", properties={}), "only allowed for OBJECT"),
        (
            hello(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
            "without function_declarations",
        ),
        (
            choose(mode="AUTO", allowedFunctionNames=["weather"]),
            "mode is ANY",
        ),
        (choose(mode="ANY", allowedFunctionNames=["x"]), "no declared"),
        (choose(mode="REQUIRED"), "Invalid value"),
        (config(temperature=2.5), "range"),
        (config(temperature="hot"), "TYPE_FLOAT"),
        (config(maxOutputTokens=True), "TYPE_INT32"),
        (config(maxOutputTokens=0), "range"),
        (config(stopSequences=list("abcdef")), "at most 5"),
        (config(logprobs=1), "response_logprobs"),
        (config(responseLogprobs=True), "not enabled"),
        (config(presencePenalty=1), "not enabled"),
        (config(responseJsonSchema={}), "mime type"),
        (config(responseMimeType="json"), "allowed mimetypes"),
        (
            config(
                responseMimeType="application/json",
                responseJsonSchema={},
                responseSchema={"type": "OBJECT"},
            ),
            "mutually exclusive",
        ),
        (
            hello(
                tools=TOOLS,
                generationConfig={"responseMimeType": "application/json"},
            ),
            "is unsupported",
        ),
        (hello(safetySettings=[{"category": "BAD"}]), "Invalid value"),
    ],
)
def test_rules(sim, body, why):
    assert why in refused(sim, body)


@pytest.mark.parametrize(
    "model, given, why",
    [
        (OLD, {"includeThoughts": True}, "not enabled"),
        (OLD, {"thinkingBudget": 0}, "not enabled"),
        (FLASH, {"thinkingLevel": "LOW"}, "not supported"),
        (FLASH, {"thinkingBudget": 99999}, "between 1 and 24576"),
        (PRO, {"thinkingBudget": 0}, "only works in thinking mode"),
        (PRO, {"thinkingBudget": 64}, "between 128 and 32768"),
        (THIRD, {"thinkingLevel": "MINIMAL"}, "not supported"),
        (THIRD, {"thinkingLevel": "LOW", "thinkingBudget": 128}, "only one"),
    ],
)
def test_thinking_rules(sim, model, given, why):
    assert why in refused(sim, thinking(**given), model)


@pytest.mark.parametrize(
    "name, levels",
    [
        ("gemini-2.5-flash", ""),
        ("gemini-3-pro-preview", "LOW HIGH"),
        ("gemini-3.1-pro-preview", "LOW MEDIUM HIGH"),
        ("gemini-3.5-flash", "MINIMAL LOW MEDIUM HIGH"),
        ("gemini-3.7-flash", "LOW MEDIUM HIGH"),
        ("gemini-flash-latest", "LOW MEDIUM HIGH"),
    ],
)
def test_levels(name, levels):
    assert list(Model(name).levels()) == levels.split()


def test_those_that_draw_or_speak_do_not_think():
    assert Model("gemini-2.5-flash").thinks
    assert not Model("gemini-2.5-flash-image").thinks
    assert not Model("gemini-2.5-pro-preview-tts").thinks


def test_results_stand_alone():
    """... and what the user says then is a turn of its own."""
    contents = said([GO], [CALL], [RESULT])
    contents.append({"role": "user", "parts": [GO]})
    Rules(Model("gemini-2.5-flash"), False, {}).check({"contents": contents})


def test_gemma_knows_no_system():
    rules = Rules(Model("gemma-3-27b-it"), False, {})
    with pytest.raises(Exception, match="not enabled"):
        rules.check(hello(systemInstruction={"parts": [GO]}))


def signed(signature, answer=RESULT):
    call = dict(CALL)
    if signature:
        call["thoughtSignature"] = signature
    return {"contents": said([GO], [call], [answer])}


def test_signatures(sim):
    def given(model=THIRD):
        call = ask(sim, {"contents": said([GO]), "tools": TOOLS}, model)[1]
        return call["candidates"][0]["content"]["parts"][0]

    part = given()
    assert "position 2" in refused(sim, signed(None), THIRD)
    assert "Corrupted" in refused(sim, signed("QUJDRA=="), THIRD)
    for good in (
        part["thoughtSignature"],
        DUMMY,
        base64.b64encode(DUMMY.encode()).decode(),
    ):
        assert ask(sim, signed(good), THIRD)[0] == 200
    # Another function's, and one whose results have company.
    other = signed(part["thoughtSignature"], OTHER_RESULT)
    other["contents"][1]["parts"][0]["functionCall"] = {"name": "clock"}
    assert "Corrupted" in refused(sim, other, THIRD)
    mixed = signed(DUMMY)
    mixed["contents"][2]["parts"].append(GO)
    assert "mixed" in refused(sim, mixed, THIRD)
    # Those before Gemini 3 do not care.
    assert ask(sim, signed(None), FLASH)[0] == 200
    assert "thoughtSignature" not in given(FLASH)


def test_ids(sim, account):
    """Calls may have them, but not on Vertex."""
    body = signed(None)
    body["contents"][1]["parts"][0] = {
        "functionCall": {**CALL["functionCall"], "id": "a1"}
    }
    body["contents"][2]["parts"][0] = {
        "functionResponse": {**RESULT["functionResponse"], "id": "a1"}
    }
    assert ask(sim, body)[0] == 200
    status, document = post(sim, vertex_path(), body, bearer(sim, account))
    assert status == 400
    assert document["error"]["message"].split("\n") == [
        'Invalid JSON payload received. Unknown name "id" at '
        f"'contents[{at}].parts[0].function_{what}': Cannot find field."
        for at, what in ((1, "call"), (2, "response"))
    ]


def test_vertex_wants_the_type_of_a_file(sim, account):
    body = {"contents": said([{"fileData": {"fileUri": "gs://b/a.png"}}])}
    status, document = post(sim, vertex_path(), body, bearer(sim, account))
    assert status == 400 and "mimeType" in document["error"]["message"]
    assert ask(sim, body)[0] == 200


@pytest.mark.parametrize(
    "body, method, why",
    [
        ({}, "embedContent", "content is not specified"),
        ({"requests": []}, "batchEmbedContents", "at most 100"),
        (
            {"requests": [{"content": {"parts": [GO]}}]},
            "batchEmbedContents",
            "model is not specified",
        ),
        (
            {"requests": [{
                "model": "models/other", "content": {"parts": [GO]}
            }]},
            "batchEmbedContents",
            "does not match",
        ),
        ({"input": "x"}, "embedContent", '"input"'),
        ({}, "countTokens", "contents is not specified"),
    ],
)
def test_rules_of_the_rest(sim, body, method, why):
    assert why in refused(sim, body, EMBEDDING, method)


@pytest.mark.parametrize(
    "model, instances, status",
    [
        (MANY, [{"content": "a"}] * 2, 200),
        (MANY, [], 400),
        (MANY, [{"content": ""}], 400),
        (EMBEDDING, [{"content": "a"}] * 2, 400),
    ],
)
def test_instances(sim, account, model, instances, status):
    path = vertex_path(model, "predict")
    body = {"instances": instances}
    assert post(sim, path, body, bearer(sim, account))[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/none:generateContent",
        f"/v1beta/models/{FLASH}:predict",
        f"/v1beta/models/{FLASH}:fly",
        "/v1beta/chat/completions",
    ],
)
def test_paths(sim, path):
    status, document = post(sim, path, hello(), {"x-goog-api-key": KEY})
    assert (status, document["error"]["status"]) == (404, "NOT_FOUND")


# ------------------------------------------------------ is it like the real


SAME = {
    "content": types.Content,
    "part": types.Part,
    "blob": types.Blob,
    "file_data": types.FileData,
    "function_call": types.FunctionCall,
    "function_response": types.FunctionResponse,
    "tool": types.Tool,
    "function_declaration": types.FunctionDeclaration,
    "tool_config": types.ToolConfig,
    "function_calling_config": types.FunctionCallingConfig,
    "safety_setting": types.SafetySetting,
    "generation_config": types.GenerationConfig,
    "thinking_config": types.ThinkingConfig,
    "schema": types.Schema,
}


@pytest.mark.parametrize("kind", SAME)
def test_members_are_those_of_the_sdk(kind):
    real = {
        field.alias or name for name, field in SAME[kind].model_fields.items()
    }
    assert set(MESSAGES[kind]) <= real


RECORDINGS = os.environ.get("AZURELIT_RECORDINGS")


@pytest.mark.skipif(not RECORDINGS, reason="AZURELIT_RECORDINGS is not set")
def test_what_the_service_took_is_taken():
    """... of the members that a gateway may send."""
    folder = Path(RECORDINGS)
    beyond = ("fileSearch", "toolCall", "toolResponse", "google_search")
    taken = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["kind"].startswith("gemini"):
            continue
        text = (folder / entry["dir"] / "request.json").read_text()
        if any(word in text for word in beyond):
            continue
        reader = Reader("aiplatform" in entry["uri"])
        body = reader.read("generate_content", json.loads(text))
        model = entry["uri"].rsplit("/", 1)[1].split(":")[0]
        # Today's Vertex takes the ids of Gemini 3 again.
        problems = [one for one in reader.problems if '"id"' not in one[1]]
        assert problems == [], entry["dir"]
        Rules(Model(model), reader.vertex, None).check(body)
        taken += 1
    assert taken > 40
