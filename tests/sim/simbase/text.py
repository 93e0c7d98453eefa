"""The model: what it answers follows from what it is asked."""

import base64
import hashlib
import json
import re
import struct

DEFAULT_DIMENSIONS = 8


def dump(document):
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def pieces(text):
    """The tokens of a text; joined they are the text."""
    return re.findall(r"\s*\S+|\s+", text)


def count(text):
    return len(pieces(text))


def content_text(content):
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(
        part.get("text", "") for part in content if isinstance(part, dict)
    )


def chat_prompt(messages):
    """(the last user's text, tokens of all messages)"""
    last = ""
    tokens = 3
    for message in messages:
        text = content_text(message.get("content"))
        tokens += 4 + count(text)
        if message.get("role") == "user":
            last = text
    return last, tokens


def answer(prompt, index=0):
    text = f"You said: {prompt}"
    return text if index == 0 else f"{text} (choice {index})"


def sample(schema):
    """A value that fits a JSON schema, the strings taken from its names."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object" or "properties" in schema:
        return {
            name: "Paris" if member.get("type") == "string" else sample(member)
            for name, member in schema.get("properties", {}).items()
        }
    if kind == "array":
        return [sample(schema.get("items", {}))]
    return {"integer": 7, "number": 0.7, "boolean": True}.get(kind, "Paris")


def arguments(function):
    return json.dumps(sample(function.get("parameters") or {"type": "object"}))


def vector(item, dimensions):
    seed = hashlib.sha256(json.dumps(item).encode()).digest()
    values = []
    while len(values) < dimensions:
        for byte in seed:
            values.append((byte - 128) / 128)
        seed = hashlib.sha256(seed).digest()
    return values[:dimensions]


def embeddings(body, model):
    given = body.get("input")
    items = given if isinstance(given, list) else [given]
    if items and isinstance(items[0], int):
        items = [items]
    dimensions = body.get("dimensions") or DEFAULT_DIMENSIONS
    data = []
    tokens = 0
    for index, item in enumerate(items):
        values = vector(item, dimensions)
        if body.get("encoding_format") == "base64":
            packed = struct.pack(f"<{dimensions}f", *values)
            values = base64.b64encode(packed).decode()
        tokens += len(item) if isinstance(item, list) else count(item)
        data.append(
            {"object": "embedding", "index": index, "embedding": values}
        )
    return {
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
