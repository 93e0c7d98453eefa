"""A Converse request in the words of Anthropic: what is asked is read from
that, and Claude has its own rules."""

import json

from anthropic_sim.check import Check
from anthropic_sim.families import family
from bedrock_sim.errors import bad
from simbase.service import Refused

VERSION = "bedrock-2023-05-31"
TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument"
    ".wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml"
    ".sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}


def media(kind, media_type, source):
    if "bytes" in source:
        given = {
            "type": "base64",
            "media_type": media_type,
            "data": source["bytes"],
        }
    elif "text" in source:
        given = {
            "type": "text",
            "media_type": "text/plain",
            "data": source["text"],
        }
    else:
        given = {"type": "url", "url": source["s3Location"]["uri"]}
    return {"type": kind, "source": given}


def thought(content):
    if "redactedContent" in content:
        return {
            "type": "redacted_thinking",
            "data": content["redactedContent"],
        }
    words = content["reasoningText"]
    return {
        "type": "thinking",
        "thinking": words["text"],
        "signature": words.get("signature", ""),
    }


def result(given):
    content = []
    for one in given["content"]:
        if "json" in one:
            words = json.dumps(one["json"], separators=(",", ":"))
            content.append({"type": "text", "text": words})
        else:
            content += block(one)
    return {
        "type": "tool_result",
        "tool_use_id": given["toolUseId"],
        "content": content,
        "is_error": given.get("status") == "error",
    }


def block(given):
    """A list: some blocks are only for the service itself."""
    if "text" in given:
        return [{"type": "text", "text": given["text"]}]
    if "image" in given:
        image = given["image"]
        return [media("image", "image/" + image["format"], image["source"])]
    if "document" in given:
        document = given["document"]
        kind = TYPES[document.get("format", "txt")]
        return [media("document", kind, document["source"])]
    if "toolUse" in given:
        use = given["toolUse"]
        return [{
            "type": "tool_use",
            "id": use["toolUseId"],
            "name": use["name"],
            "input": use["input"],
        }]
    if "toolResult" in given:
        return [result(given["toolResult"])]
    if "reasoningContent" in given:
        return [thought(given["reasoningContent"])]
    return []


def tool(given):
    made = {
        "name": given["name"],
        "input_schema": given["inputSchema"]["json"],
    }
    if "description" in given:
        made["description"] = given["description"]
    return made


def choice(given):
    kind = next(iter(given))
    if kind == "tool":
        return {"type": "tool", "name": given["tool"]["name"]}
    return {"type": kind}


def schema(body):
    form = body.get("outputConfig", {}).get("textFormat")
    if form is None:
        return None
    return json.loads(form["structure"]["jsonSchema"]["schema"])


def body_of(body, base):
    made = {
        "model": base,
        "messages": [
            {
                "role": message["role"],
                "content": sum(map(block, message["content"]), []),
            }
            for message in body["messages"]
        ],
    }
    system = [one for one in body.get("system", []) if "text" in one]
    if system:
        made["system"] = sum(map(block, system), [])
    config = body.get("inferenceConfig", {})
    made["max_tokens"] = config.get("maxTokens", family(base).limit)
    for name, known in (
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("stopSequences", "stop_sequences"),
    ):
        if name in config:
            made[known] = config[name]
    tools = body.get("toolConfig", {})
    specs = [one["toolSpec"] for one in tools.get("tools", ()) if
             "toolSpec" in one]
    if specs:
        made["tools"] = [tool(one) for one in specs]
    if "toolChoice" in tools:
        made["tool_choice"] = choice(tools["toolChoice"])
    more = body.get("additionalModelRequestFields", {})
    output = dict(more.get("output_config", {}))
    if schema(body) is not None:
        output["format"] = {"type": "json_schema", "schema": schema(body)}
    if "effort" in body.get("outputConfig", {}):
        output["effort"] = body["outputConfig"]["effort"]
    if output:
        made["output_config"] = output
    for name, value in more.items():
        if name not in ("output_config", "anthropic_beta"):
            made[name] = value
    return made


def taken(made):
    """As Claude is given it: ids in its own letters, and what it does not
    read itself as a text."""
    messages = []
    for message in made["messages"]:
        content = []
        for one in message["content"]:
            one = dict(one)
            for name in ("id", "tool_use_id"):
                if name in one:
                    for letter in ".:":
                        one[name] = one[name].replace(letter, "_")
            source = one.get("source", {})
            if one["type"] == "document" and source["type"] == "base64":
                if source["media_type"] != "application/pdf":
                    one = {"type": "text", "text": "a document"}
            content.append(one)
        messages.append({**message, "content": content})
    return {**made, "messages": messages}


def check(made):
    """Refused if Claude would not take it."""
    try:
        Check(taken(made), family(made["model"]))
    except Refused as error:
        message = error.body["error"]["message"]
        raise bad(
            f"The model returned the following errors: {message}"
        ) from error
