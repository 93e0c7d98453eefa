"""What a request may hold: the members of each message and their kinds.

A kind is the name of a scalar, the name of a message below, [kind] for a
list of it, {"*": kind} for a map, or a set of words."""

import base64
import binascii
import re

SCALARS = {
    "string": (str, "TYPE_STRING"),
    "bool": (bool, "TYPE_BOOL"),
    "int": (int, "TYPE_INT32"),
    "float": ((int, float), "TYPE_FLOAT"),
}
HARM = {
    "HARM_CATEGORY_" + name
    for name in (
        "HARASSMENT",
        "HATE_SPEECH",
        "SEXUALLY_EXPLICIT",
        "DANGEROUS_CONTENT",
        "CIVIC_INTEGRITY",
    )
}
THRESHOLDS = {
    "OFF",
    "BLOCK_NONE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_LOW_AND_ABOVE",
}
TYPES = {
    "STRING",
    "NUMBER",
    "INTEGER",
    "BOOLEAN",
    "ARRAY",
    "OBJECT",
    "NULL",
}
MESSAGES = {
    "generate_content": {
        "model": "string",
        "contents": ["content"],
        "systemInstruction": "content",
        "tools": ["tool"],
        "toolConfig": "tool_config",
        "safetySettings": ["safety_setting"],
        "generationConfig": "generation_config",
        "cachedContent": "string",
        "serviceTier": "string",
    },
    "content": {"role": "string", "parts": ["part"]},
    "part": {
        "text": "string",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "inlineData": "blob",
        "fileData": "file_data",
        "functionCall": "function_call",
        "functionResponse": "function_response",
        "executableCode": "any",
        "codeExecutionResult": "any",
        "videoMetadata": "any",
        "mediaResolution": "any",
    },
    "blob": {"mimeType": "string", "data": "bytes"},
    "file_data": {"mimeType": "string", "fileUri": "string"},
    "function_call": {"id": "string", "name": "string", "args": "struct"},
    "function_response": {
        "id": "string",
        "name": "string",
        "response": "struct",
    },
    "tool": {
        "functionDeclarations": ["function_declaration"],
        "googleSearch": "any",
        "codeExecution": "any",
        "urlContext": "any",
    },
    "function_declaration": {
        "name": "string",
        "description": "string",
        "parameters": "schema",
        "parametersJsonSchema": "any",
        "response": "schema",
        "responseJsonSchema": "any",
        "behavior": {"BLOCKING", "NON_BLOCKING"},
    },
    "tool_config": {
        "functionCallingConfig": "function_calling_config",
        "retrievalConfig": "any",
    },
    "function_calling_config": {
        "mode": {"AUTO", "ANY", "NONE", "VALIDATED"},
        "allowedFunctionNames": ["string"],
    },
    "safety_setting": {"category": HARM, "threshold": THRESHOLDS},
    "generation_config": {
        "temperature": "float",
        "topP": "float",
        "topK": "float",
        "candidateCount": "int",
        "maxOutputTokens": "int",
        "stopSequences": ["string"],
        "seed": "int",
        "presencePenalty": "float",
        "frequencyPenalty": "float",
        "responseLogprobs": "bool",
        "logprobs": "int",
        "responseMimeType": "string",
        "responseSchema": "schema",
        "responseJsonSchema": "any",
        "responseModalities": ["string"],
        "speechConfig": "any",
        "mediaResolution": "string",
        "thinkingConfig": "thinking_config",
    },
    "thinking_config": {
        "includeThoughts": "bool",
        "thinkingBudget": "int",
        "thinkingLevel": {"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"},
    },
    # The subset of OpenAPI that it understands, no JSON Schema.
    "schema": {
        "type": "type",
        "format": "string",
        "title": "string",
        "description": "string",
        "nullable": "bool",
        "enum": ["string"],
        "items": "schema",
        "properties": {"*": "schema"},
        "required": ["string"],
        "propertyOrdering": ["string"],
        "anyOf": ["schema"],
        "default": "any",
        "example": "any",
        "pattern": "string",
        "minimum": "float",
        "maximum": "float",
        "minItems": "int",
        "maxItems": "int",
        "minLength": "int",
        "maxLength": "int",
        "minProperties": "int",
        "maxProperties": "int",
    },
    "embed_content": {
        "model": "string",
        "content": "content",
        "taskType": "string",
        "title": "string",
        "outputDimensionality": "int",
    },
    "batch_embed_contents": {"requests": ["embed_content"]},
    "count_tokens": {
        "contents": ["content"],
        "generateContentRequest": "generate_content",
    },
    "embed_content_config": {
        "taskType": "string",
        "title": "string",
        "outputDimensionality": "int",
        "autoTruncate": "bool",
    },
    "predict": {
        "instances": ["instance"],
        "parameters": "predict_parameters",
    },
    "instance": {
        "content": "string",
        "taskType": "string",
        "title": "string",
        "mimeType": "string",
    },
    "predict_parameters": {
        "outputDimensionality": "int",
        "autoTruncate": "bool",
    },
}
# Only on Vertex, and not there. (The ids of calls are taken there of late,
# with Gemini 3; who leaves them out is right with all models.)
VERTEX = {
    "generate_content": {"labels": {"*": "string"}, "modelArmorConfig": "any"},
    "generation_config": {"routingConfig": "any", "audioTimestamp": "bool"},
    "safety_setting": {"method": "string"},
    "embed_content": {"embedContentConfig": "embed_content_config"},
    "count_tokens": {
        "systemInstruction": "content",
        "tools": ["tool"],
        "generationConfig": "generation_config",
    },
}
NOT_VERTEX = {
    "generate_content": ("model",),
    "function_call": ("id",),
    "function_response": ("id",),
    "embed_content": ("taskType", "title", "outputDimensionality"),
    "count_tokens": ("generateContentRequest",),
}


def camel(name):
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def quoted(value):
    return f'"{value}"' if isinstance(value, str) else str(value)


def binary(text):
    """The bytes, in either alphabet of base64; None if it is neither."""
    try:
        return base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4),
            validate=True,
        )
    except (binascii.Error, ValueError):
        return None


class Reader:
    """Reads a message, with the names as they are documented, and notes
    everything that does not belong there."""

    def __init__(self, vertex):
        self.vertex = vertex
        self.problems = []  # (path, what)

    def members(self, kind):
        members = dict(MESSAGES[kind])
        if self.vertex:
            members.update(VERTEX.get(kind, {}))
            for name in NOT_VERTEX.get(kind, ()):
                del members[name]
        return members

    def bad(self, path, what):
        self.problems.append((path, what))

    def invalid(self, path, kind, value):
        self.bad(
            path, f"Invalid value at '{path}' ({kind}), {quoted(value)}"
        )

    def unknown(self, path, name):
        at = f" at '{path}'" if path else ""
        self.bad(
            path,
            f'Invalid JSON payload received. Unknown name "{name}"{at}: '
            "Cannot find field.",
        )

    def read(self, kind, value, path=""):
        if isinstance(kind, list):
            return self.each(kind[0], value, path)
        if isinstance(kind, (dict, set)):
            return self.many(kind, value, path)
        if kind in SCALARS:
            return self.scalar(kind, value, path)
        if kind in MESSAGES:
            return self.message(kind, value, path)
        if kind == "bytes":
            if not isinstance(value, str) or binary(value) is None:
                self.bad(
                    path,
                    f"Invalid value at '{path}' (TYPE_BYTES), Base64 "
                    f"decoding failed for {quoted(value)[:50]}",
                )
        elif kind == "type":
            # Upper case in the documents, either works.
            value = str(value).upper()
            return self.many(TYPES, value, path)
        elif kind == "struct" and not isinstance(value, dict):
            self.invalid(
                path, "type.googleapis.com/google.protobuf.Struct", value
            )
            return {}
        return value

    def each(self, kind, value, path):
        if not isinstance(value, list):
            # As the real one: one is as good as a list of one.
            value = [value]
        return [
            self.read(kind, one, f"{path}[{at}]")
            for at, one in enumerate(value)
        ]

    def many(self, kind, value, path):
        if isinstance(kind, set):
            if value not in kind:
                self.invalid(path, "enum", value)
            return value
        if not isinstance(value, dict):
            self.invalid(path, "map", value)
            return {}
        return {
            name: self.read(kind["*"], one, f"{path}[{name}]")
            for name, one in value.items()
        }

    def scalar(self, kind, value, path):
        types, name = SCALARS[kind]
        wrong = not isinstance(value, types)
        if wrong or (isinstance(value, bool) and kind != "bool"):
            self.invalid(path, name, value)
        return value

    def message(self, kind, value, path):
        if not isinstance(value, dict):
            self.invalid(path, kind, value)
            return {}
        members = self.members(kind)
        found = {}
        for name, one in value.items():
            known = camel(name)
            if known not in members:
                self.unknown(path, name)
            elif one is not None:
                below = f"{path}.{snake(known)}" if path else snake(known)
                found[known] = self.read(members[known], one, below)
        return found
