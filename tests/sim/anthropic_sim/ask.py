"""What a Messages request asks for, in the words of no provider."""

import base64

from simbase import text
from simbase.plan import Ask


def ask_of(body, family):
    ask = Ask()
    system = body.get("system") or []
    if isinstance(system, str):
        system = [{"text": system}]
    for block in system:
        ask.system(block["text"])
    for message in body["messages"]:
        turn(ask, message)
    tools(ask, body)
    thinking = (body.get("thinking") or {}).get("type")
    ask.reasoning = thinking in ("enabled", "adaptive") or (
        thinking is None and family.thinks
    )
    form = (body.get("output_config") or {}).get("format")
    if form:
        ask.schema = form["schema"]
    ask.limit = body.get("max_tokens")
    ask.stops = body.get("stop_sequences") or []
    return ask


def turn(ask, message):
    role, content = message["role"], message["content"]
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if role == "system":
        for block in content:
            ask.system(block.get("text", ""))
        return
    ask.turn(role)
    for block in content:
        kind = block["type"]
        if kind == "text":
            ask.text(block["text"])
        elif kind in ("image", "document"):
            media(ask, kind, block["source"])
        elif kind == "tool_use":
            ask.call(block["id"], block["name"], block["input"])
        elif kind == "tool_result":
            result = block.get("content") or ""
            ask.result(block["tool_use_id"], text.content_text(result))


def media(ask, kind, source):
    if source["type"] == "url":
        ask.linked("image" if kind == "image" else "file", source["url"])
    elif source["type"] == "base64":
        size = len(base64.b64decode(source["data"]))
        note = ask.image if kind == "image" else ask.file
        note(source["media_type"], size)
    elif source["type"] == "text":
        ask.file(source["media_type"], len(source["data"].encode()))
    else:
        ask.linked("image" if kind == "image" else "file", source["type"])


def tools(ask, body):
    ask.tools = [
        (tool["name"], tool["input_schema"])
        for tool in body.get("tools") or []
        if tool.get("type") in (None, "custom")
    ]
    choice = body.get("tool_choice") or {}
    kind = choice.get("type", "auto")
    ask.choice = choice["name"] if kind == "tool" else kind
    ask.parallel = not choice.get("disable_parallel_tool_use")
