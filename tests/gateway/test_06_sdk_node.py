"""The official Node SDK, strictest about streams."""

import sdk_node

NOT_AZURE = ("responses", "responses_stream")


def configure(env, sim):
    return env.conf().endpoint("a", sim.url).model("m1", "a/d1")


def bad(results):
    return {name: text for name, text in results.items() if text != "ok"}


def test_openai(gateway, sim):
    results = sdk_node.run(
        kind="openai",
        baseURL=gateway.url + "/v1",
        key=gateway.key,
        model="m1",
        strict=True,
    )
    assert bad(results) == {}
    assert len(results) > 10


def test_azure(gateway, sim):
    results = sdk_node.run(
        kind="azure",
        baseURL=gateway.url,
        key=gateway.key,
        model="m1",
        strict=True,
        checks=[
            "chat", "stream", "stream_helper", "stream_helper_many",
            "run_tools", "structured", "embeddings", "audio", "images",
            "unknown_model", "unknown_key",
        ],
    )
    assert bad(results) == {}
