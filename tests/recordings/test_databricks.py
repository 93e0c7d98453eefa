"""Databricks speaks a chat of its own: what a chat has asked and was answered
means the same there."""

import json

import asked
import pytest
import said
from exchanges import needed, recorded, translate

pytestmark = needed

DATABRICKS = {
    "dialect": "databricks",
    "url": "https://adb-1.2.azuredatabricks.net",
    "model": "llama",
    "family": "llama",
}
# A chat's, without a word for it there.
REFUSABLE = {"messages", "moderation", "web_search_options"}


@pytest.mark.parametrize("exchange", recorded("openai-chat"))
def test_chat(exchange):
    way = "stream" if exchange.streamed else "answer"
    told = translate(
        op="chat",
        request=exchange.request_path,
        **DATABRICKS,
        **{way: exchange.answer_path},
    )
    if told.error:
        assert told.error["status"] == 400
        assert told.error["param"].split("[")[0] in REFUSABLE
        return
    sent = json.loads(told.upstream)
    assert asked.of_chat(sent) == asked.of_chat(exchange.request)
    assert told.whole
    assert told.differs == []
    if exchange.streamed:
        was = exchange.answer.decode().replace("\r\n", "\n")
        assert said.of_chunks(told.answer) == said.of_chunks(was)
    else:
        was = json.loads(exchange.answer)
        assert said.of_chat(told.document()) == said.of_chat(was)
