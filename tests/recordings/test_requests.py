"""What clients have asked of one provider reaches each of them, as a chat.

The request is either refused, with a place in it, or what is sent is what that
provider takes, and asks the same.
"""

import json

import asked
import pytest
import taken
from exchanges import UPSTREAMS, VERTEX, needed, recorded, translate

pytestmark = needed

ANTHROPIC = UPSTREAMS["anthropic-messages"]
GEMINI = UPSTREAMS["gemini-generate"]
BEDROCK = UPSTREAMS["bedrock-converse"]
RESPONSES = UPSTREAMS["openai-responses"]
# The upstream, a model, who reads what is sent, and who says that it is good.
TARGETS = [
    (ANTHROPIC, "claude-sonnet-4-5", asked.of_messages, taken.anthropic),
    (ANTHROPIC, "claude-opus-4-8", asked.of_messages, taken.anthropic),
    (GEMINI, "gemini-2.5-flash", asked.of_google, taken.gemini),
    (VERTEX, "gemini-3-pro-preview", asked.of_google, taken.vertex),
    (
        BEDROCK,
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        asked.of_converse,
        taken.bedrock,
    ),
    (
        BEDROCK,
        "us.amazon.nova-micro-v1:0",
        asked.of_converse,
        taken.bedrock,
    ),
    (RESPONSES, "gpt-4o", asked.of_responses, taken.responses),
]
# A tool that stands for any JSON.
NO_FORM = ((), ())
OUTPUT_MIN = 16
# What stands behind an address, results of calls that nobody knows; JSON
# beside tools; what has no word in the other language.
REFUSABLE = {
    "messages",
    "response_format",
    "moderation",
    "web_search_options",
}
KINDS = sorted(set(asked.READERS) - {"openai-chat"})


def check(chat, tmp_path):
    expected = asked.of_chat(chat)
    request = tmp_path / "request.json"
    request.write_text(json.dumps(chat))
    for upstream, model, read, take in TARGETS:
        if upstream is RESPONSES and "reasoning_effort" in chat:
            model = "o3"  # the other has no levels
        told = translate(
            op="chat", request=request, family=model, model=model, **upstream
        )
        if told.error:
            refused(told.error, chat)
            continue
        body = json.loads(told.upstream)
        take(body, model)
        same(read(body), expected, told.dropped, model)


def same(got, expected, dropped, model):
    """... but for what is known to be no loss, or said to be one."""
    if expected.max_tokens is None:
        # Anthropic must be told some number
        got.max_tokens = None
    if (expected.max_tokens or OUTPUT_MIN) < OUTPUT_MIN == got.max_tokens:
        # OpenAI's Responses take no smaller one
        got.max_tokens = expected.max_tokens
    if expected.form == "json" and got.form == NO_FORM:
        got.form = "json"
    if not expected.tools:
        # declared for the calls in the history
        called = {item[1] for item in expected.items if item[0] == "call"}
        assert set(got.tools) <= called
        got.tools = {}
        got.choice = "auto"
    for name in set(dropped) & {"temperature", "stop"}:
        setattr(got, name, getattr(expected, name))
    assert got == expected, model


def refused(error, chat):
    """For a reason, and at a place that is there."""
    assert error["status"] == 400
    assert error["message"]
    member = error["param"].split("[")[0]
    assert member in REFUSABLE
    assert member in chat


@pytest.mark.parametrize("exchange", recorded("openai-chat"))
def test_chat(exchange, tmp_path):
    check(exchange.request, tmp_path)


@pytest.mark.parametrize("exchange", recorded(*KINDS))
def test_as_chat(exchange, tmp_path):
    check(asked.as_chat(asked.of_recorded(exchange)), tmp_path)
