"""Members of the request: which there are, and of what type."""

import re

from anthropic_sim.errors import bad

# type: (class, how it is called in an error)
TYPES = {
    "string": (str, "string"),
    "integer": (int, "integer"),
    "number": ((int, float), "number"),
    "boolean": (bool, "boolean"),
    "object": (dict, "dictionary"),
    "list": (list, "list"),
}
# A "!" marks what must be there, "any" what is not looked at here.
MESSAGES = {
    "model": "string!",
    "max_tokens": "integer!",
    "messages": "list!",
    "cache_control": "object",
    "container": "any",
    "context_management": "object",
    "inference_geo": "string",
    "mcp_servers": "list",
    "metadata": "object",
    "output_config": "object",
    "service_tier": "string",
    "stop_sequences": "list",
    "stream": "boolean",
    "system": "any",
    "temperature": "number",
    "thinking": "object",
    "tool_choice": "object",
    "tools": "list",
    "top_k": "integer",
    "top_p": "number",
}
COUNT = {
    name: MESSAGES[name]
    for name in (
        "model",
        "messages",
        "cache_control",
        "context_management",
        "mcp_servers",
        "output_config",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    )
}
MESSAGE = {"role": "string!", "content": "any!"}
SHARED = {"type": "string!", "cache_control": "object"}
# Blocks by their type; those that only the service makes are not looked at.
BLOCKS = {
    "text": {**SHARED, "text": "string!", "citations": "any"},
    "image": {**SHARED, "source": "object!", "transformations": "any"},
    "document": {
        **SHARED,
        "source": "object!",
        "citations": "any",
        "context": "string",
        "title": "string",
    },
    "tool_use": {
        **SHARED,
        "id": "string!",
        "name": "string!",
        "input": "object!",
        "caller": "object",
        "toolset_name": "string",
    },
    "tool_result": {
        **SHARED,
        "tool_use_id": "string!",
        "content": "any",
        "is_error": "boolean",
        "toolset_name": "string",
    },
    "thinking": {
        "type": "string!",
        "thinking": "string!",
        "signature": "string!",
    },
    "redacted_thinking": {"type": "string!", "data": "string!"},
    **dict.fromkeys(
        "search_result server_tool_use web_search_tool_result "
        "web_fetch_tool_result code_execution_tool_result "
        "bash_code_execution_tool_result "
        "text_editor_code_execution_tool_result tool_search_tool_result "
        "advisor_tool_result mcp_tool_use mcp_tool_result container_upload "
        "compaction tool_reference tool_addition tool_removal".split()
    ),
}
ROLES = {
    "user": {
        "text",
        "image",
        "document",
        "tool_result",
        "search_result",
        "container_upload",
    },
    "assistant": set(BLOCKS) - {"image", "document", "tool_result"},
    "system": {"text", "tool_addition", "tool_removal"},
}
# What a tool may say.
RESULTS = ("text", "image", "document", "search_result", "tool_reference")
SOURCES = {
    "base64": {
        "type": "string!",
        "media_type": "string!",
        "data": "string!",
    },
    "url": {"type": "string!", "url": "string!"},
    "file": {"type": "string!", "file_id": "string!"},
    "text": {
        "type": "string!",
        "media_type": "string!",
        "data": "string!",
    },
    "content": {"type": "string!", "content": "any!"},
}
TOOL = {
    "type": "string",
    "name": "string!",
    "description": "string",
    "input_schema": "object!",
    "strict": "boolean",
    "cache_control": "object",
    "allowed_callers": "list",
    "defer_loading": "boolean",
    "eager_input_streaming": "any",
    "input_examples": "list",
}
CHOICES = {
    "auto": {"type": "string!", "disable_parallel_tool_use": "boolean"},
    "any": {"type": "string!", "disable_parallel_tool_use": "boolean"},
    "tool": {
        "type": "string!",
        "name": "string!",
        "disable_parallel_tool_use": "boolean",
    },
    "none": {"type": "string!"},
}
THINKING = {
    "enabled": {
        "type": "string!",
        "budget_tokens": "integer!",
        "display": "string",
    },
    "adaptive": {"type": "string!", "display": "string"},
    "disabled": {"type": "string!"},
}
CACHE = {"type": "string!", "ttl": "string"}
OUTPUT = {"effort": "string", "format": "object", "task_budget": "object"}
FORMAT = {"type": "string!", "schema": "object!"}
METADATA = {"user_id": "string"}
IDS = re.compile(r"^[a-zA-Z0-9_-]+$")
NAMES = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")


def at(where, name):
    return f"{where}.{name}" if where else str(name)


def check(where, given, table):
    """The members of an object are those of the table."""
    if not isinstance(given, dict):
        raise bad(f"{where}: Input should be a valid dictionary")
    for name, kind in table.items():
        if kind.endswith("!") and name not in given:
            raise bad(f"{at(where, name)}: Field required")
    for name, value in given.items():
        if name not in table:
            raise bad(f"{at(where, name)}: Extra inputs are not permitted")
        typed(at(where, name), value, table[name])


def typed(where, value, kind):
    needed = kind.endswith("!")
    kind = kind.rstrip("!")
    if kind == "any" or (value is None and not needed):
        return
    wanted, called = TYPES[kind]
    right = isinstance(value, wanted)
    if isinstance(value, bool) and kind != "boolean":
        right = False
    if not right:
        raise bad(f"{where}: Input should be a valid {called}")


def tagged(where, given, tables):
    """An object whose members depend on its type."""
    if not isinstance(given, dict):
        raise bad(f"{where}: Input should be a valid dictionary")
    kind = given.get("type")
    if kind not in tables:
        tags = ", ".join(f"'{name}'" for name in tables)
        raise bad(
            f"{where}: Input tag '{kind}' found using 'type' does not match "
            f"any of the expected tags: {tags}"
        )
    if tables[kind] is not None:
        check(at(where, kind), given, tables[kind])
    return kind


def one_of(where, value, words):
    if value not in words:
        listed = ", ".join(f"'{word}'" for word in words[:-1])
        listed += f" or '{words[-1]}'" if listed else f"'{words[-1]}'"
        raise bad(f"{where}: Input should be {listed}")
