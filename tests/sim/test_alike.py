"""The same conversation in the words of each provider gets the same
answer."""

import base64
import json

import bedrock_service
import pytest
from simulator import Simulator
from wire import send

KEY = "sim-key-0123456789"
CLAUDE = "claude-sonnet-4-5"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
URL = "data:image/png;base64," + PNG
REPORT = [
    "system: Be",
    "system: brief.",
    "user: SIM-REPORT",
    "user: image image/png 68",
    "assistant: Wait.",
    'assistant: call weather {"city":"Paris"}',
    "assistant: call clock {}",
    "tool weather: sunny",
    "tool clock: noon",
]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
NONE = {"type": "object"}
BEARER = {"Authorization": "Bearer " + KEY}


class Chat:
    """OpenAI, and what is like it. A provider gives the request of this
    conversation, of only a greeting, and reads the answer: its text, its
    calls and why it ended."""

    provider = "azure"
    model = "gpt-4.1"
    arguments = ["--mode", "openai"]
    path = "/v1/chat/completions"
    headers = BEARER

    def start(self, where):
        return Simulator(
            where, [self.model], KEY, *self.arguments, provider=self.provider
        )

    def talk(self):
        calls = [("c1", "weather", '{"city":"Paris"}'), ("c2", "clock", "{}")]
        return {"model": self.model, "messages": [
            {"role": "system", "content": "Be\nbrief."},
            {"role": "user", "content": [
                {"type": "text", "text": "SIM-REPORT"},
                {"type": "image_url", "image_url": {"url": URL}},
            ]},
            {"role": "assistant", "content": "Wait.", "tool_calls": [
                {
                    "id": number,
                    "type": "function",
                    "function": {"name": name, "arguments": given},
                }
                for number, name, given in calls
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "c2", "content": "noon"},
        ], **self.tools()}

    def tools(self):
        return {"tools": [
            {"type": "function",
             "function": {"name": "weather", "parameters": CITY}},
            {"type": "function",
             "function": {"name": "clock", "parameters": NONE}},
        ]}

    def greet(self, limit=16):
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": "one " * 40 + "two"}],
            "max_tokens": limit,
        }

    def read(self, answer):
        choice = answer["choices"][0]
        calls = [
            (one["function"]["name"], json.loads(one["function"]["arguments"]))
            for one in choice["message"].get("tool_calls") or []
        ]
        return choice["message"]["content"], calls, choice["finish_reason"]


class Databricks(Chat):
    provider = "databricks"
    model = "databricks-claude-sonnet-4-5"
    arguments = []
    path = "/serving-endpoints/chat/completions"


class Responses(Chat):
    model = "gpt-5.1-codex"
    path = "/v1/responses"

    def talk(self):
        return {"model": self.model, "instructions": "Be\nbrief.", "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "SIM-REPORT"},
                {"type": "input_image", "image_url": URL},
            ]},
            {"role": "assistant", "content": [
                {"type": "output_text", "text": "Wait."}
            ]},
            {"type": "function_call", "call_id": "c1", "name": "weather",
             "arguments": '{"city":"Paris"}'},
            {"type": "function_call", "call_id": "c2", "name": "clock",
             "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1",
             "output": "sunny"},
            {"type": "function_call_output", "call_id": "c2",
             "output": "noon"},
        ], **self.tools()}

    def tools(self):
        return {"tools": [
            {"type": "function", "name": "weather", "parameters": CITY},
            {"type": "function", "name": "clock", "parameters": NONE},
        ]}

    def greet(self, limit=16):
        return {
            "model": self.model,
            "input": "one " * 40 + "two",
            "max_output_tokens": limit,
        }

    def read(self, answer):
        said, calls = None, []
        for item in answer["output"]:
            if item["type"] == "message":
                said = item["content"][0]["text"]
            else:
                calls.append((item["name"], json.loads(item["arguments"])))
        end = "tool_calls" if calls else "stop"
        if answer["status"] == "incomplete":
            end = "length"
        return said, calls, end


class Anthropic(Chat):
    provider = "anthropic"
    model = CLAUDE
    arguments = []
    path = "/v1/messages"
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}

    def talk(self):
        return {
            "model": CLAUDE,
            "max_tokens": 1000,
            "system": "Be\nbrief.",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "SIM-REPORT"},
                    {"type": "image", "source": {
                        "type": "base64",
                        "media_type": "image/png",
                        "data": PNG,
                    }},
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Wait."},
                    {"type": "tool_use", "id": "c1", "name": "weather",
                     "input": {"city": "Paris"}},
                    {"type": "tool_use", "id": "c2", "name": "clock",
                     "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1",
                     "content": "sunny"},
                    {"type": "tool_result", "tool_use_id": "c2",
                     "content": [{"type": "text", "text": "noon"}]},
                ]},
            ],
            **self.tools(),
        }

    def tools(self):
        return {"tools": [
            {"name": "weather", "input_schema": CITY},
            {"name": "clock", "input_schema": NONE},
        ]}

    def read(self, answer):
        said, calls = None, []
        for block in answer["content"]:
            if block["type"] == "text":
                said = block["text"]
            else:
                calls.append((block["name"], block["input"]))
        ends = {"end_turn": "stop", "max_tokens": "length",
                "tool_use": "tool_calls"}
        return said, calls, ends[answer["stop_reason"]]


class Gemini(Chat):
    provider = "gemini"
    model = "gemini-2.5-flash"
    arguments = []
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    headers = {"x-goog-api-key": KEY}
    limit = {"thinkingConfig": {"thinkingBudget": 0}}

    def talk(self):
        return {
            "systemInstruction": {"parts": [{"text": "Be\nbrief."}]},
            "generationConfig": self.limit,
            "contents": [
                {"role": "user", "parts": [
                    {"text": "SIM-REPORT"},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                ]},
                {"role": "model", "parts": [
                    {"text": "Wait."},
                    {"functionCall": {"name": "weather",
                                      "args": {"city": "Paris"}}},
                    {"functionCall": {"name": "clock", "args": {}}},
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "weather", "response": {
                        "output": "sunny"}}},
                    {"functionResponse": {"name": "clock", "response": {
                        "output": "noon"}}},
                ]},
            ],
            **self.tools(),
        }

    def tools(self):
        return {"tools": [{"functionDeclarations": [
            {"name": "weather", "parametersJsonSchema": CITY},
            {"name": "clock", "parametersJsonSchema": NONE},
        ]}]}

    def greet(self, limit=16):
        return {
            "contents": [{"role": "user", "parts": [
                {"text": "one " * 40 + "two"}]}],
            "generationConfig": {"maxOutputTokens": limit, **self.limit},
        }

    def read(self, answer):
        said, calls = None, []
        candidate = answer["candidates"][0]
        for part in candidate["content"]["parts"]:
            if "text" in part:
                said = part["text"]
            else:
                call = part["functionCall"]
                calls.append((call["name"], call["args"]))
        ends = {"STOP": "tool_calls" if calls else "stop",
                "MAX_TOKENS": "length"}
        return said, calls, ends[candidate["finishReason"]]


class Bedrock(Chat):
    path = bedrock_service.path_of(bedrock_service.CLAUDE)
    headers = {"Authorization": "Bearer " + bedrock_service.KEY}

    def start(self, where):
        return bedrock_service.start(where)

    def talk(self):
        return {
            "system": [{"text": "Be\nbrief."}],
            "messages": [
                {"role": "user", "content": [
                    {"text": "SIM-REPORT"},
                    {"image": {"format": "png", "source": {"bytes": PNG}}},
                ]},
                {"role": "assistant", "content": [
                    {"text": "Wait."},
                    {"toolUse": {"toolUseId": "c1", "name": "weather",
                                 "input": {"city": "Paris"}}},
                    {"toolUse": {"toolUseId": "c2", "name": "clock",
                                 "input": {}}},
                ]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "c1", "content": [
                        {"text": "sunny"}]}},
                    {"toolResult": {"toolUseId": "c2", "content": [
                        {"text": "noon"}]}},
                ]},
            ],
            **self.tools(),
        }

    def tools(self):
        return {"toolConfig": {"tools": [
            {"toolSpec": {"name": "weather", "inputSchema": {"json": CITY}}},
            {"toolSpec": {"name": "clock", "inputSchema": {"json": NONE}}},
        ]}}

    def greet(self, limit=16):
        return {
            "messages": [{"role": "user", "content": [
                {"text": "one " * 40 + "two"}]}],
            "inferenceConfig": {"maxTokens": limit},
        }

    def read(self, answer):
        said, calls = None, []
        for block in answer["output"]["message"]["content"]:
            if "text" in block:
                said = block["text"]
            else:
                use = block["toolUse"]
                calls.append((use["name"], use["input"]))
        ends = {"end_turn": "stop", "max_tokens": "length",
                "tool_use": "tool_calls"}
        return said, calls, ends[answer["stopReason"]]


PROVIDERS = [Chat, Responses, Anthropic, Databricks, Gemini, Bedrock]


@pytest.fixture(scope="module", params=PROVIDERS, ids=lambda one: one.__name__)
def provider(request, tmp_path_factory):
    provider = request.param()
    provider.sim = provider.start(tmp_path_factory.mktemp("sim"))
    yield provider
    provider.sim.stop()


@pytest.fixture(autouse=True)
def clean(provider):
    provider.sim.reset()


def ask(provider, body):
    status, _, data = send(
        provider.sim, provider.path, body, provider.headers
    )
    assert status == 200, data
    return provider.read(json.loads(data))


def test_report(provider):
    said, calls, end = ask(provider, provider.talk())
    assert said.split("\n") == REPORT
    assert (calls, end) == ([], "stop")


def test_tools(provider):
    said, calls, end = ask(
        provider, {**provider.greet(), **provider.tools()}
    )
    assert calls == [("weather", {"city": "Paris"}), ("clock", {})]
    assert end == "tool_calls" and not said


def test_scripted_calls(provider):
    call = {"name": "run", "arguments": {"a": ["b"]}}
    provider.sim.script({"calls": [call], "content": "Wait."})
    said, calls, end = ask(
        provider, {**provider.greet(), **provider.tools()}
    )
    assert (said, calls) == ("Wait.", [("run", {"a": ["b"]})])
    assert end == "tool_calls"


def test_length(provider):
    said, _, end = ask(provider, provider.greet(16))
    assert said == "You said:" + " one" * 14 and end == "length"


def test_content(provider):
    provider.sim.script({"content": "Something else."})
    assert ask(provider, provider.greet()) == ("Something else.", [], "stop")


ERRORS = ["bad_request", "bad_key", "no_permission", "no_model", "too_large",
          "too_long", "rate", "server", "overloaded", "timeout"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors(provider, name):
    provider.sim.script({"error": name})
    status, answer, _ = send(
        provider.sim, provider.path, provider.greet(), provider.headers
    )
    assert status >= 400
    if name == "rate":
        assert status == 429
