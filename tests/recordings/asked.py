"""What a request asks, read from each API's own form, and written as a chat.

What a chat has no words for (tools that a provider runs itself, thinking,
compaction) is not read: a client of OpenAI's could not have asked it.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field

JSON_TOOL = "json_tool_call"


@dataclass
class Asked:
    system: str = ""
    # ("user", text), ("assistant", text), ("call", name, arguments),
    # ("result", number of the call, text), ("media", type and hash, or URL)
    items: list = field(default_factory=list)
    # name: (description, members, required ones)
    tools: dict = field(default_factory=dict)
    choice: object = "auto"  # none, required, or (name,)
    form: object = None  # "json", or members and required ones
    max_tokens: object = None
    temperature: object = None
    stop: list = field(default_factory=list)

    def add(self, kind, text):
        """Text; what stands side by side is one, whatever the spaces."""
        text = "".join(text.split())
        if not text:
            return
        if self.items and self.items[-1][0] == kind:
            text = self.items.pop()[1] + text
        self.items.append((kind, text))

    def add_system(self, text):
        self.system += "".join(text.split())

    def add_tool(self, name, description, schema):
        self.tools[name] = ("".join((description or "").split()),
                            *outline(schema))


def outline(schema):
    """The members of an object's schema: (all, required)."""
    schema = schema or {}
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        schema = (schema.get("$defs") or schema.get("definitions"))[name]
    return (
        tuple(sorted(schema.get("properties") or {})),
        tuple(sorted(schema.get("required") or [])),
    )


# Content is compared by its hash: {"type:hash": base64}.
DATA = {}


def of_data(kind, text):
    text = text.replace("-", "+").replace("_", "/")
    text += "=" * (-len(text) % 4)
    digest = hashlib.sha256(base64.b64decode(text, validate=True)).hexdigest()
    name = f"{kind}:{digest}"
    DATA[name] = text
    return name


def text_of(what):
    return base64.b64decode(DATA[what]).decode()


def of_url(url):
    if url.startswith("data:"):
        head, text = url.split(";base64,")
        return of_data(head.removeprefix("data:"), text)
    return url


def add_media(asked, what):
    """The type of what stands behind an address is for the provider to see."""
    asked.items.append(("media", what))


class Calls:
    """Which call a result belongs to: by its id, or the next by its name."""

    def __init__(self, asked):
        self.asked = asked
        self.names = []
        self.open = {}

    def call(self, one, name, arguments):
        self.open.setdefault(one, []).append(len(self.names))
        self.names.append(name)
        self.asked.items.append(("call", name, arguments))

    def result(self, one, text):
        waiting = self.open.get(one)
        number = waiting.pop(0) if waiting else None
        self.asked.items.append(("result", number, "".join(text.split())))


# ---------------------------------------------------------------------- chat


def of_chat(body):
    asked = Asked()
    calls = Calls(asked)
    for message in body["messages"]:
        chat_message(asked, calls, message)
    for tool in body.get("tools") or []:
        one = tool["function"]
        asked.add_tool(
            one["name"], one.get("description"), one.get("parameters")
        )
    choice = body.get("tool_choice", "auto") or "auto"
    if isinstance(choice, dict):
        choice = (choice["function"]["name"],)
    asked.choice = choice if asked.tools else "auto"
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        asked.form = outline(form["json_schema"]["schema"])
    elif form.get("type") == "json_object":
        asked.form = "json"
    asked.max_tokens = body.get("max_completion_tokens",
                                body.get("max_tokens"))
    asked.temperature = body.get("temperature")
    stop = body.get("stop") or []
    asked.stop = [stop] if isinstance(stop, str) else stop
    return asked


def parts_of(content):
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content or []


def chat_message(asked, calls, message):
    role = message["role"]
    parts = parts_of(message.get("content"))
    if role == "tool":
        text = "".join(part["text"] for part in parts)
        calls.result(message["tool_call_id"], text)
        return
    for part in parts:
        if part["type"] == "text" and role in ("system", "developer"):
            asked.add_system(part["text"])
        elif part["type"] in ("text", "refusal"):
            asked.add(role, part[part["type"]])
        elif part["type"] == "image_url":
            add_media(asked, of_url(part["image_url"]["url"]))
        elif part["type"] == "file":
            add_media(asked, of_url(part["file"]["file_data"]))
        else:
            add_media(asked, part["type"])
    for call in message.get("tool_calls") or []:
        one = call["function"]
        calls.call(call["id"], one["name"], json.loads(one["arguments"]))


# ----------------------------------------------------------------- Anthropic


def of_messages(body):
    asked = Asked(
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        stop=body.get("stop_sequences") or [],
    )
    calls = Calls(asked)
    for block in parts_of(body.get("system")):
        asked.add_system(block["text"])
    for message in body["messages"]:
        for block in parts_of(message["content"]):
            anthropic_block(asked, calls, message["role"], block)
    for tool in body.get("tools") or []:
        if tool.get("type", "custom") == "custom" and "input_schema" in tool:
            asked.add_tool(
                tool["name"], tool.get("description"), tool["input_schema"]
            )
    choice = body.get("tool_choice") or {"type": "auto"}
    asked.choice = {"any": "required", "tool": (choice.get("name"),)}.get(
        choice["type"], choice["type"]
    )
    form = (body.get("output_config") or {}).get("format")
    if form:
        asked.form = outline(form["schema"])
    return plain(asked)


def anthropic_block(asked, calls, role, block):
    kind = block["type"]
    if kind == "text" and role == "system":
        asked.add_system(block["text"])
    elif kind == "text":
        asked.add(role, block["text"])
    elif kind == "tool_use":
        calls.call(block["id"], block["name"], block["input"])
    elif kind == "tool_result":
        inner = parts_of(block.get("content"))
        text = "".join(one.get("text", "") for one in inner)
        calls.result(block["tool_use_id"], text)
    elif kind in ("image", "document"):
        source = block["source"]
        if source["type"] == "url":
            add_media(asked, source["url"])
        elif source["type"] == "text":
            data = base64.b64encode(source["data"].encode()).decode()
            add_media(asked, of_data("text/plain", data))
        else:
            add_media(asked, of_data(source["media_type"], source["data"]))


def plain(asked):
    """A tool that stands for the form is none."""
    tool = asked.tools.pop(JSON_TOOL, None)
    if tool:
        asked.form = tool[1:]
        if asked.choice in ("required", (JSON_TOOL,)):
            asked.choice = "auto"
    if not asked.tools:
        asked.choice = "auto"
    return asked


# -------------------------------------------------------------------- Google


def spelled(value):
    """As the API lists it: it takes either spelling, and one for a list."""
    if isinstance(value, list):
        return [spelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {
        "function_declarations": "functionDeclarations",
        "file_uri": "fileUri",
        "mime_type": "mimeType",
    }
    return {
        names.get(name, name): one
        if name in ("args", "response", "parameters")
        else spelled(one)
        for name, one in value.items()
    }


def of_google(body):
    body = spelled(body)
    if isinstance(body.get("tools"), dict):
        body["tools"] = [body["tools"]]
    config = body.get("generationConfig") or {}
    asked = Asked(
        max_tokens=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        stop=config.get("stopSequences") or [],
    )
    calls = Calls(asked)
    for part in (body.get("systemInstruction") or {}).get("parts", []):
        asked.add_system(part["text"])
    for content in body["contents"]:
        for part in content["parts"]:
            google_part(asked, calls, content.get("role"), part)
    for tool in body.get("tools") or []:
        for one in tool.get("functionDeclarations", []):
            asked.add_tool(
                one["name"],
                one.get("description"),
                one.get("parametersJsonSchema") or one.get("parameters"),
            )
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig", {})
    google_choice(asked, calling)
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if config.get("responseMimeType") == "application/json":
        asked.form = outline(schema) if schema else "json"
    return plain(asked)


def google_choice(asked, calling):
    names = calling.get("allowedFunctionNames") or []
    mode = calling.get("mode", "AUTO")
    if mode == "ANY" and len(names) == 1 and len(asked.tools) > 1:
        asked.choice = (names[0],)
    elif mode == "ANY":
        asked.choice = "required"
    elif mode == "NONE":
        asked.choice = "none"


def google_part(asked, calls, role, part):
    if "functionCall" in part:
        one = part["functionCall"]
        calls.call(one["name"], one["name"], one.get("args") or {})
    elif "functionResponse" in part:
        one = part["functionResponse"]
        calls.result(one["name"], google_result(one["response"]))
    elif "inlineData" in part:
        data = part["inlineData"]
        add_media(asked, of_data(data["mimeType"], data["data"]))
    elif "fileData" in part:
        add_media(asked, part["fileData"]["fileUri"])
    elif "text" in part and not part.get("thought"):
        asked.add("assistant" if role == "model" else "user", part["text"])


def google_result(response):
    """A result that is no object stands in one of a single member."""
    if len(response) == 1:
        (value,) = response.values()
        if isinstance(value, str):
            return value
    return json.dumps(response)


# -------------------------------------------------------------------- Amazon


def of_converse(body):
    config = body.get("inferenceConfig") or {}
    asked = Asked(
        max_tokens=config.get("maxTokens"),
        temperature=config.get("temperature"),
        stop=config.get("stopSequences") or [],
    )
    calls = Calls(asked)
    for block in body.get("system") or []:
        asked.add_system(block.get("text", ""))
    for message in body["messages"]:
        for block in message["content"]:
            bedrock_block(asked, calls, message["role"], block)
    tools = body.get("toolConfig") or {}
    for tool in tools.get("tools", []):
        one = tool.get("toolSpec")
        if one:
            asked.add_tool(
                one["name"], one.get("description"),
                one["inputSchema"]["json"]
            )
    choice = tools.get("toolChoice") or {"auto": {}}
    if "tool" in choice:
        asked.choice = (choice["tool"]["name"],)
    else:
        asked.choice = "required" if "any" in choice else "auto"
    form = (body.get("outputConfig") or {}).get("textFormat")
    if form:
        schema = form["structure"]["jsonSchema"]["schema"]
        asked.form = outline(json.loads(schema))
    return plain(asked)


BEDROCK_FORMATS = {"pdf": "application/pdf", "txt": "text/plain"}


def bedrock_block(asked, calls, role, block):
    if "text" in block:
        asked.add(role, block["text"])
    elif "toolUse" in block:
        one = block["toolUse"]
        calls.call(one["toolUseId"], one["name"], one["input"])
    elif "toolResult" in block:
        one = block["toolResult"]
        text = "".join(
            part.get("text") or json.dumps(part["json"])
            for part in one["content"]
            if "text" in part or "json" in part
        )
        calls.result(one["toolUseId"], text)
    elif "image" in block or "document" in block:
        kind = "image" if "image" in block else "document"
        form = block[kind]["format"]
        form = BEDROCK_FORMATS.get(form, f"image/{form}")
        add_media(asked, of_data(form, block[kind]["source"]["bytes"]))


# ----------------------------------------------------------------- Responses


def of_responses(body):
    asked = Asked(
        max_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
    )
    calls = Calls(asked)
    asked.add_system(body.get("instructions") or "")
    given = body.get("input") or []
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    for item in given:
        responses_item(asked, calls, item)
    for tool in body.get("tools") or []:
        if tool["type"] == "function":
            asked.add_tool(
                tool["name"], tool.get("description"), tool["parameters"]
            )
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        choice = (choice.get("name"),)
    asked.choice = choice if asked.tools else "auto"
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        asked.form = outline(form["schema"])
    elif form.get("type") == "json_object":
        asked.form = "json"
    return asked


def responses_item(asked, calls, item):
    kind = item.get("type", "message")
    if kind == "function_call":
        calls.call(
            item["call_id"], item["name"], json.loads(item["arguments"])
        )
    elif kind == "function_call_output":
        output = item["output"]
        if not isinstance(output, str):
            output = "".join(part.get("text", "") for part in output)
        calls.result(item["call_id"], output)
    elif kind == "message":
        role = item["role"]
        for part in parts_of(item["content"]):
            responses_part(asked, role, part)


def responses_part(asked, role, part):
    kind = part["type"]
    if kind == "input_image":
        add_media(asked, of_url(part["image_url"]))
    elif kind == "input_file":
        what = part.get("file_data") or part.get("file_url")
        add_media(asked, of_url(what))
    elif role in ("system", "developer"):
        asked.add_system(part["text"])
    else:
        asked.add(role, part.get("text") or part.get("refusal") or "")


# ------------------------------------------------------------------- writing


def chat_media(what):
    if what in DATA:
        kind = what.split(":")[0]
        what = f"data:{kind};base64,{DATA[what]}"
        if not kind.startswith("image/"):
            return {
                "type": "file",
                "file": {"filename": "one", "file_data": what},
            }
    return {"type": "image_url", "image_url": {"url": what}}


def chat_messages(asked):
    messages = []
    if asked.system:
        messages.append({"role": "system", "content": asked.system})
    for kind, *more in asked.items:
        last = messages[-1] if messages else {"role": None}
        if kind in ("user", "media"):
            part = {"type": "text", "text": more[0]}
            if kind == "media":
                part = chat_media(more[0])
            if last["role"] != "user":
                last = {"role": "user", "content": []}
                messages.append(last)
            last["content"].append(part)
        elif kind == "result":
            number, text = more
            messages.append({"role": "tool", "content": text,
                             "tool_call_id": f"call_{number}"})
        else:
            # what is said behind a call is the next message
            if last["role"] != "assistant" or (
                kind == "assistant" and "tool_calls" in last
            ):
                last = {"role": "assistant", "content": None}
                messages.append(last)
            chat_said(messages, last, kind, more)
    return messages


def chat_said(messages, last, kind, more):
    if kind == "assistant":
        last["content"] = more[0]
        return
    name, arguments = more
    number = sum(len(one.get("tool_calls", [])) for one in messages)
    last.setdefault("tool_calls", []).append(
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
    )


def schema_of(members, required):
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in members},
        "required": list(required),
        "additionalProperties": False,
    }


def as_chat(asked):
    """The same as a chat."""
    chat = {"model": "any", "messages": chat_messages(asked)}
    if asked.tools:
        chat["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": text,
                    "parameters": schema_of(members, required),
                },
            }
            for name, (text, members, required) in asked.tools.items()
        ]
        choice = asked.choice
        if isinstance(choice, tuple):
            choice = {"type": "function", "function": {"name": choice[0]}}
        chat["tool_choice"] = choice
    if asked.form == "json":
        chat["response_format"] = {"type": "json_object"}
    elif asked.form:
        schema = {"name": "form", "schema": schema_of(*asked.form)}
        chat["response_format"] = {
            "type": "json_schema",
            "json_schema": schema,
        }
    if asked.max_tokens:
        chat["max_completion_tokens"] = asked.max_tokens
    if asked.temperature is not None:
        chat["temperature"] = asked.temperature
    if asked.stop:
        chat["stop"] = asked.stop
    return chat


READERS = {
    "openai-chat": of_chat,
    "anthropic-messages": of_messages,
    "gemini-generate": of_google,
    "gemini-stream": of_google,
    "bedrock-converse": of_converse,
    "bedrock-converse-stream": of_converse,
    "openai-responses": of_responses,
    "bedrock-mantle": of_responses,
    "azure": of_responses,
}


def of_recorded(exchange):
    return READERS[exchange.kind](exchange.request)
