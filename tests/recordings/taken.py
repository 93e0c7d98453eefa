"""Whether a provider would take a request: its own types, and its simulator."""

import copy

import azure_sim.check
from anthropic.types import message_create_params
from anthropic_sim.check import Check
from anthropic_sim.families import family
from azure_sim.responses import input_items
from bedrock_sim import rules as bedrock_rules
from bedrock_sim import shapes
from gemini_sim import rules as gemini_rules
from gemini_sim.members import Reader
from gemini_sim.models import Model
from google.genai import types as google
from openai.types.responses import response_create_params
from pydantic import TypeAdapter

MESSAGE = TypeAdapter(message_create_params.MessageCreateParams)
RESPONSE = TypeAdapter(response_create_params.ResponseCreateParams)


def drained(value):
    """Lists are only read, and checked, one by one."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if isinstance(value, dict):
        return {name: drained(one) for name, one in value.items()}
    return [drained(one) for one in value]


def known(adapter, body):
    """Of the type, and nothing else: what it does not know it leaves out."""
    assert drained(adapter.validate_python(body)) == body


def anthropic(body, model):
    # taken by the models that have them, and in no type any more
    older = ("temperature", "top_p", "top_k")
    known(MESSAGE, {k: v for k, v in body.items() if k not in older})
    Check(body, family(model))


def gemini(body, model, vertex=False):
    given = dict(body)
    for one in given.pop("contents"):
        google.Content.model_validate(one)
    for one in given.pop("tools", []):
        google.Tool.model_validate(one)
    for one in given.pop("safetySettings", []):
        google.SafetySetting.model_validate(one)
    for name, kind in (
        ("systemInstruction", google.Content),
        ("toolConfig", google.ToolConfig),
        ("generationConfig", google.GenerationConfig),
    ):
        if name in given:
            kind.model_validate(given.pop(name))
    assert given == {}
    reader = Reader(vertex)
    body = reader.read("GenerateContentRequest", body)
    assert reader.problems == []
    gemini_rules.Rules(Model(model), vertex, None).check(body)


def vertex(body, model):
    gemini(body, model, vertex=True)


def bedrock(body, model):
    shapes.check("bedrock-runtime", "ConverseRequest", body)
    bedrock_rules.Rules(body, model)


def responses(body, model):
    typed = copy.deepcopy(body)
    for item in typed["input"]:
        if item.get("role") == "assistant":
            # the type is that of an answer, where it has them
            item.update(id="msg_1", status="completed")
    known(RESPONSE, typed)
    azure_sim.check.responses(body, model)
    azure_sim.check.items(input_items(body["input"]), [], False)
