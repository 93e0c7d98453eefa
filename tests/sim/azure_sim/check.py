"""What chat and Responses refuse of a request, by the base model too."""

import re

from azure_sim.errors import openai
from simbase import signature
from simbase.service import Refused


def bad(message, param=None, code=None):
    return Refused(400, openai(message, "invalid_request_error", param, code))


# Base models by the first word that is in their name. `members` are those
# they refuse, `effort` those they refuse unless the effort is "none".
SAMPLING = ("temperature", "top_p", "logprobs", "top_logprobs")
FIXED = ("presence_penalty", "frequency_penalty", "logit_bias")
THINKERS = (*SAMPLING, *FIXED, "stop", "max_tokens")
FAMILIES = (
    ("codex", {"responses": True}),
    (r"gpt-5[.\d]*-pro", {"responses": True}),
    (r"o[13]-pro", {"responses": True}),
    (r"gpt-5[.\d]*-chat", {}),
    (r"gpt-5\.[1-3]", {"members": ("max_tokens",), "effort": SAMPLING}),
    (
        r"gpt-5\.4",
        {"members": ("max_tokens",), "effort": SAMPLING, "tools": "none"},
    ),
    (
        r"gpt-5\.[5-9]",
        {"members": ("max_tokens",), "effort": SAMPLING, "tools": "medium"},
    ),
    (r"gpt-5", {"members": THINKERS}),
    (r"o[134]", {"members": THINKERS}),
)


# Levels of effort, by the first pattern that is in the name.
EFFORTS = (
    (r"gpt-5\.[2-9]-pro", "medium high xhigh"),
    (r"gpt-5\.\d-chat", "medium"),
    (r"gpt-5\.1-codex-max|gpt-5\.[23]-codex", "low medium high xhigh"),
    (r"gpt-5(\.1)?-codex|o[134]", "low medium high"),
    (r"gpt-5-pro", "high"),
    (r"gpt-5\.1", "none low medium high"),
    (r"gpt-5\.[2-5]", "none low medium high xhigh"),
    (r"gpt-5\.6", "none low medium high xhigh max"),
    (r"gpt-5", "minimal low medium high"),
    (r"gpt-[34]", ""),
)


def effort_level(given, base, where):
    """The level of effort, if the model has any."""
    if given is None:
        return
    for pattern, levels in EFFORTS:
        if re.search(rf"(^|[^a-z])({pattern})", base):
            break
    else:
        return
    if not levels:
        raise bad(
            f"Unsupported parameter: '{where}' is not supported with this "
            "model.",
            where,
            "unsupported_parameter",
        )
    if given not in levels.split():
        listed = ", ".join(f"'{level}'" for level in levels.split())
        raise bad(
            f"Unsupported value: '{given}' is not supported with the "
            f"'{base}' model. Supported values are: {listed}.",
            where,
            "unsupported_value",
        )


def family(base):
    for pattern, found in FAMILIES:
        if re.search(rf"(^|[^a-z]){pattern}", base):
            return found
    return {}


def chat_model(body, base, mode):
    """What this model does not take in chat."""
    known = family(base)
    if known.get("responses") and mode == "openai":
        raise Refused(404, openai(
            "This model is only supported in v1/responses and not in "
            "v1/chat/completions.",
            "invalid_request_error",
            "model",
        ))
    if known.get("responses"):
        raise Refused(400, {
            "error": {
                "code": "OperationNotSupported",
                "message": "The chatCompletion operation does not work with "
                f"the specified model, {base}. Please choose different model "
                "and try again.",
            }
        })
    effort_level(body.get("reasoning_effort"), base, "reasoning_effort")
    refused = list(known.get("members", ()))
    effort = body.get("reasoning_effort") or known.get("tools", "none")
    if effort != "none":
        refused += known.get("effort", ())
    for name in refused:
        given = body.get(name)
        if given is None or (name == "temperature" and given == 1):
            continue
        if name == "max_tokens":
            raise bad(
                "Unsupported parameter: 'max_tokens' is not supported with "
                "this model. Use 'max_completion_tokens' instead.",
                name,
                "unsupported_parameter",
            )
        raise bad(
            f"Unsupported parameter: '{name}' is not supported with this "
            "model.",
            name,
            "unsupported_parameter",
        )
    if "tools" in known and body.get("tools") and effort != "none":
        raise bad(
            "Function tools with reasoning_effort are not supported for "
            f"{base} in /v1/chat/completions. To use function tools, use "
            "/v1/responses or set reasoning_effort to 'none'.",
            "reasoning_effort",
        )


def chat_turns(messages):
    """Each call is answered by the messages after it."""
    open_calls = []
    for number, message in enumerate(messages):
        where = f"messages.[{number}].role"
        role = message.get("role")
        if role == "tool":
            call = message.get("tool_call_id")
            if call not in open_calls:
                raise bad(
                    "Invalid parameter: messages with role 'tool' must be a "
                    "response to a preceeding message with 'tool_calls'.",
                    where,
                )
            open_calls.remove(call)
            continue
        unanswered(open_calls, where)
        open_calls = [one["id"] for one in message.get("tool_calls") or []]
    unanswered(open_calls, "messages")


def unanswered(calls, where):
    if calls:
        raise bad(
            "An assistant message with 'tool_calls' must be followed by tool "
            "messages responding to each 'tool_call_id'. The following "
            "tool_call_ids did not have response messages: "
            + ", ".join(calls),
            where,
        )


RESPONSES = set(
    "background client_metadata context_management conversation include "
    "input instructions max_output_tokens max_tool_calls metadata model "
    "moderation parallel_tool_calls previous_response_id prompt "
    "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning "
    "safety_identifier service_tier store stream stream_options temperature "
    "text tool_choice tools top_logprobs top_p truncation user".split()
)
MIN_OUTPUT = 16
MAX_ID = 64
PARTS = {
    "assistant": ("output_text", "refusal"),
    None: ("input_text", "input_image", "input_file", "input_audio"),
}


def responses(body, base):
    for name in body:
        if name not in RESPONSES:
            raise bad(f"Unknown parameter: '{name}'.", name,
                      "unknown_parameter")
    limit = body.get("max_output_tokens")
    if limit is not None and limit < MIN_OUTPUT:
        raise bad(
            "Invalid 'max_output_tokens': integer below minimum value. "
            f"Expected a value >= {MIN_OUTPUT}, but got {limit} instead.",
            "max_output_tokens",
            "integer_below_min_value",
        )
    known = family(base)
    reasoning = body.get("reasoning") or {}
    effort_level(reasoning.get("effort"), base, "reasoning.effort")
    refused = list(known.get("members", ()))
    level = reasoning.get("effort") or known.get("tools", "none")
    if level != "none":
        refused += known.get("effort", ())
    for name in ("temperature", "top_p"):
        given = body.get(name)
        if name in refused and given is not None and given != 1:
            raise bad(
                f"Unsupported parameter: '{name}' is not supported with this "
                "model.",
                name,
                "unsupported_parameter",
            )
    for number, tool in enumerate(body.get("tools") or []):
        if tool.get("type") == "function":
            needed(tool, "name", f"tools[{number}].name")
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        needed(choice, "name", "tool_choice.name")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        needed(form, "name", "text.format.name")
        needed(form, "schema", "text.format.schema")


def needed(given, name, where):
    if name not in given:
        raise bad(
            f"Missing required parameter: '{where}'.",
            where,
            "missing_required_parameter",
        )


def items(given, history, stored):
    """The items of the input, after those of an earlier response; of a
    conversation that is stored nothing is known here."""
    for number, item in enumerate(given):
        one_item(f"input[{number}]", item)
    calls = {}
    for item in [*history, *given]:
        if item["type"] == "function_call":
            calls[item["call_id"]] = False
        elif item["type"] == "function_call_output":
            if item["call_id"] not in calls and not stored:
                raise bad(
                    "No tool call found for function call output with "
                    f"call_id {item['call_id']}.",
                    "input",
                )
            calls[item["call_id"]] = True
    for call, answered in calls.items():
        if not answered:
            raise bad(
                f"No tool output found for function call {call}.", "input"
            )


def one_item(where, item):
    if item["type"] == "message":
        allowed = PARTS.get(item["role"], PARTS[None])
        for number, part in enumerate(item["content"]):
            one_part(f"{where}.content[{number}]", part, allowed)
    elif item["type"] in ("function_call", "function_call_output"):
        if len(item["call_id"]) > MAX_ID:
            raise bad(
                f"Invalid '{where}.call_id': string too long. Expected a "
                f"string with maximum length {MAX_ID}.",
                f"{where}.call_id",
                "string_above_max_length",
            )
    elif item["type"] == "reasoning" and item.get("encrypted_content"):
        if not signature.good(item["encrypted_content"], "reasoning"):
            raise bad(
                "The encrypted content could not be verified.",
                None,
                "invalid_encrypted_content",
            )


def one_part(where, part, allowed):
    if part.get("type") not in allowed:
        listed = ", ".join(f"'{word}'" for word in allowed)
        raise bad(
            f"Invalid value: '{part.get('type')}'. Supported values are: "
            f"{listed}.",
            where,
            "invalid_value",
        )
    url = part.get("image_url")
    if part["type"] == "input_image" and isinstance(url, dict):
        raise bad(
            f"Invalid type for '{where}.image_url': expected an image URL, "
            "but got an object instead.",
            f"{where}.image_url",
            "invalid_type",
        )
