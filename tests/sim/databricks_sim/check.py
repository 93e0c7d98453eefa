"""What the service and the models behind it refuse. Nothing that is not
known is ignored."""

import azure_sim.check
from databricks_sim.errors import bad, bad_behind
from simbase import signature
from simbase.service import Refused

CHAT = set(
    "messages model stream stream_options stop temperature top_p top_k "
    "max_tokens n tools tool_choice response_format thinking "
    "reasoning_effort".split()
)
EMBEDDINGS = {
    "input", "model", "instruction", "dimensions", "encoding_format", "user",
}
MESSAGES = {
    "system": {"role", "content"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
PARTS = {
    "text": {"type", "text", "cache_control", "citations"},
    "image_url": {"type", "image_url", "cache_control"},
    "reasoning": {"type", "summary"},
}
EXTRA = "Extra inputs are not permitted"
MIN_BUDGET = 1024


def chat(body, base):
    claude = "claude" in base
    members("", body, CHAT)
    if not body.get("messages"):
        raise bad("messages: Field required")
    for number, message in enumerate(body["messages"]):
        one_message(f"messages.{number}", message, claude)
    try:
        azure_sim.check.chat_turns(body["messages"])
    except Refused as error:
        raise bad(error.body["error"]["message"]) from None
    if "gemini" in base and "stream_options" in body:
        raise bad_behind(
            "INVALID_ARGUMENT: Invalid JSON payload received. Unknown name "
            '"stream_options": Cannot find field.'
        )
    if claude:
        for name in ("reasoning_effort", "response_format"):
            if body.get(name) is not None:
                raise bad_behind(f"{name}: {EXTRA}")
        thinking(body)
    elif "thinking" in body:
        raise bad_behind(f"thinking: {EXTRA}")


def members(where, given, known):
    for name in given:
        if name not in known:
            raise bad_behind(f"{where}.{name}: {EXTRA}" if where
                             else f"{name}: {EXTRA}")


def one_message(where, message, claude):
    role = message.get("role")
    if role not in MESSAGES:
        raise bad(f"{where}.role: Invalid role '{role}'.")
    members(where, message, MESSAGES[role])
    content = message.get("content")
    if claude and content == "" and not message.get("tool_calls"):
        raise bad_behind("messages: text content blocks must be non-empty")
    for number, part in enumerate(content if isinstance(content, list) else []):
        one_part(f"{where}.content.{number}", part, claude)


def one_part(where, part, claude):
    kind = part.get("type")
    if kind not in PARTS:
        raise bad(f"{where}: Invalid content type '{kind}'.")
    members(where, part, PARTS[kind])
    if not claude:
        return
    if kind == "text" and not part["text"].strip():
        raise bad_behind("messages: text content blocks must be non-empty")
    if kind == "image_url" and not part["image_url"]["url"].startswith("data:"):
        raise bad_behind(f"{where}: Only base64 encoded images are supported.")
    if kind == "reasoning":
        for one in part["summary"]:
            if not signature.good(one.get("signature", ""), one["text"]):
                raise bad_behind(
                    f"{where}: Invalid `signature` in `thinking` block"
                )


def thinking(body):
    given = body.get("thinking") or {}
    if given.get("type") != "enabled":
        return
    budget = given.get("budget_tokens") or 0
    if budget < MIN_BUDGET:
        raise bad_behind(
            "thinking.enabled.budget_tokens: Input should be greater than or "
            f"equal to {MIN_BUDGET}"
        )
    if budget >= (body.get("max_tokens") or 0):
        raise bad_behind(
            "`max_tokens` must be greater than `thinking.budget_tokens`."
        )


def embeddings(body):
    members("", body, EMBEDDINGS)
    if "input" not in body:
        raise bad("input: Field required")
    given = body["input"]
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, str):
            raise bad("input: only strings are supported.")
