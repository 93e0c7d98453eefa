"""What upstreams understand themselves passes as it was, and what they refuse
is told with their own words."""

import json

import pytest
import said
from exchanges import UPSTREAMS, needed, recorded, translate, upstream_of

pytestmark = needed

OPENAI = UPSTREAMS["openai-chat"]
OPERATIONS = {
    "anthropic-count-tokens": (
        "messages.count_tokens",
        UPSTREAMS["anthropic-messages"],
    ),
    "anthropic-messages": ("messages", UPSTREAMS["anthropic-messages"]),
    "azure": ("responses", OPENAI),
    "bedrock-mantle": ("responses", OPENAI),
    "openai-chat": ("chat", OPENAI),
    "openai-responses": ("responses", OPENAI),
}
# Said in words of the gateway's own: the client could not help it.
MISSING = ["The provided model identifier is invalid."]


def passed(exchange):
    op, upstream = OPERATIONS[exchange.kind]
    way = "stream" if exchange.streamed else "answer"
    return translate(
        op=op,
        request=exchange.request_path,
        model="other",
        **upstream,
        **{way: exchange.answer_path},
    )


@pytest.mark.parametrize("exchange", recorded(*OPERATIONS))
def test_passes(exchange):
    told = passed(exchange)
    assert told.error is None
    expected = exchange.request
    sent = json.loads(told.upstream)
    if exchange.streamed and exchange.kind == "openai-chat":
        # the gateway wants to know
        assert sent.pop("stream_options")["include_usage"]
        expected.pop("stream_options", None)
    assert sent == {**expected, "model": "other"}
    assert told.whole
    assert told.differs == []
    if not exchange.streamed:
        expected = json.loads(exchange.answer)
        if "model" in expected:
            expected["model"] = "the-alias"
        assert told.document() == expected


@pytest.mark.parametrize("exchange", recorded("openai-chat", streamed=True))
def test_chunks(exchange):
    was = exchange.answer.decode().replace("\r\n", "\n")
    assert said.of_chunks(passed(exchange).answer) == said.of_chunks(was)


FAILED = [
    "anthropic-messages",
    "bedrock-converse-stream",
    "openai-responses",
]


@pytest.mark.parametrize("exchange", recorded(*FAILED, status=400))
def test_failure(exchange, tmp_path):
    request = tmp_path / "request.json"
    message = {"role": "user", "content": "Say it."}
    request.write_text(json.dumps({"model": "any", "messages": [message]}))
    told = translate(
        op="chat",
        request=request,
        failure=exchange.answer_path,
        status=exchange.status,
        **upstream_of(exchange),
    )
    document = json.loads(exchange.answer)
    words = document.get("error", document)["message"]
    if words in MISSING:
        assert told.failure["status"] == 404
        assert told.failure["code"] == "model_not_found"
    else:
        assert told.failure["status"] == exchange.status
        assert told.failure["message"] == words
