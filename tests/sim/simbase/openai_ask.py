"""What a request in one of OpenAI's forms asks for."""

import base64
import json

from simbase import text
from simbase.plan import Ask

CHOICES = {"required": "any"}


def chat_ask(body):
    ask = Ask()
    for message in body["messages"]:
        chat_turn(ask, message)
    functions = [
        tool["function"]
        for tool in body.get("tools") or []
        if tool.get("type") == "function"
    ]
    tools(ask, body, functions)
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        ask.schema = form["json_schema"]["schema"]
    ask.json = form.get("type") == "json_object"
    ask.reasoning = body.get("reasoning_effort") not in (None, "none")
    ask.limit = body.get("max_completion_tokens") or body.get("max_tokens")
    stops = body.get("stop") or []
    ask.stops = [stops] if isinstance(stops, str) else stops
    return ask


def responses_ask(body, items):
    """The items are those of the conversation so far, too."""
    ask = Ask()
    if body.get("instructions"):
        ask.system(body["instructions"])
    for item in items:
        kind = item.get("type", "message")
        if kind == "message":
            role = item["role"]
            content = item["content"]
            if role in ("system", "developer"):
                ask.system(text.content_text(content))
                continue
            ask.turn(role)
            parts(ask, content)
        elif kind == "function_call":
            ask.call(item["call_id"], item["name"], given(item["arguments"]))
        elif kind == "function_call_output":
            ask.result(item["call_id"], text.content_text(item["output"]))
    functions = [
        tool
        for tool in body.get("tools") or []
        if tool.get("type") == "function"
    ]
    tools(ask, body, functions)
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        ask.schema = form["schema"]
    ask.json = form.get("type") == "json_object"
    effort = (body.get("reasoning") or {}).get("effort")
    ask.reasoning = effort not in (None, "none")
    ask.limit = body.get("max_output_tokens")
    return ask


def chat_turn(ask, message):
    role = message.get("role")
    content = message.get("content")
    if role in ("system", "developer"):
        ask.system(text.content_text(content))
    elif role in ("tool", "function"):
        ask.turn(role)
        number = message.get("tool_call_id")
        ask.result(number, text.content_text(content))
    else:
        ask.turn(role)
        parts(ask, content)
        for call in message.get("tool_calls") or []:
            function = call.get("function") or {"name": "?"}
            arguments = given(function.get("arguments"))
            ask.call(call.get("id"), function["name"], arguments)


def parts(ask, content):
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content or []:
        kind = part.get("type")
        if kind in ("text", "input_text", "output_text"):
            ask.text(part["text"])
        elif kind == "refusal":
            ask.text(part["refusal"])
        elif kind in ("image_url", "input_image"):
            url = part["image_url"]
            media(ask, "image", url["url"] if isinstance(url, dict) else url)
        elif kind in ("file", "input_file"):
            file = part.get("file", part)
            media(ask, "file", file.get("file_data") or file.get("file_url")
                  or file.get("file_id"))
        elif kind == "input_audio":
            audio = part["input_audio"]
            size = len(base64.b64decode(audio["data"]))
            ask.file("audio/" + audio["format"], size)


def media(ask, kind, url):
    if not url.startswith("data:"):
        return ask.linked(kind, url)
    head, _, data = url[len("data:") :].partition(",")
    note = ask.image if kind == "image" else ask.file
    return note(head.partition(";")[0], len(base64.b64decode(data)))


def given(arguments):
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return arguments


def tools(ask, body, functions):
    ask.tools = [(one["name"], one.get("parameters")) for one in functions]
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, dict):
        if choice["type"] == "allowed_tools":
            allowed = choice.get("allowed_tools", choice)
            names = [
                one.get("function", one)["name"] for one in allowed["tools"]
            ]
            ask.tools = [tool for tool in ask.tools if tool[0] in names]
            choice = allowed["mode"]
        else:
            choice = choice.get("function", choice)["name"]
    ask.choice = CHOICES.get(choice, choice)
    ask.parallel = body.get("parallel_tool_calls") is not False
