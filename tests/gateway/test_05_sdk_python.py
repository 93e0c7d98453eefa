"""The official Python SDK: OpenAI and AzureOpenAI, sync and async."""

import asyncio

import openai
import pytest
import sdk


def configure(env, sim):
    return (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("v1", sim.url)
        .endpoint("classic", sim.url, "api-version=2024-10-21")
        .endpoint("oai", env.plain.url, "dialect=openai")
        .model("m1", "v1/d1")
        .model("m3", "oai/d3")
        .model("m2", "classic/d2")
    )


def named(check):
    return check.__name__


# Azure has no moderations.
AZURE = [check for check in sdk.ALL if check is not sdk.moderations]


@pytest.mark.parametrize("check", AZURE, ids=named)
def test_openai(sdk_client, sim, check):
    check(sdk_client, "m1")


@pytest.mark.parametrize("check", sdk.ALL, ids=named)
def test_openai_dialect(sdk_client, plain, check):
    check(sdk_client, "m3")


@pytest.mark.parametrize("check", sdk.DEPLOYMENT_ONLY, ids=named)
def test_classic_upstream(sdk_client, sim, check):
    check(sdk_client, "m2")


@pytest.mark.parametrize("check", sdk.DEPLOYMENT_ONLY, ids=named)
def test_azure_client(gateway, sim, check):
    client = openai.AzureOpenAI(
        azure_endpoint=gateway.url,
        api_key=gateway.key,
        api_version="2024-10-21",
        max_retries=0,
    )
    check(client, "m1")


def test_async(gateway, sim):
    async def run():
        async with openai.AsyncOpenAI(
            base_url=gateway.url + "/v1", api_key=gateway.key, max_retries=0
        ) as client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model="m1", messages=sdk.MESSAGES
                    )
                    for _ in range(8)
                )
            )
            for answer in answers:
                assert answer.choices[0].message.content == sdk.WORDS
            text = ""
            async for chunk in await client.chat.completions.create(
                model="m1", messages=sdk.MESSAGES, stream=True
            ):
                text += chunk.choices[0].delta.content or ""
            assert text == sdk.WORDS
            async with client.responses.stream(
                model="m1", input=sdk.MARK
            ) as stream:
                final = await stream.get_final_response()
            assert final.output_text == f"You said: {sdk.MARK}"

    asyncio.run(run())


@pytest.mark.parametrize(
    "name, kind",
    [
        ("filtered", openai.BadRequestError),
        ("too_long", openai.BadRequestError),
        ("rate_ms", openai.RateLimitError),
        ("server", openai.InternalServerError),
        ("front_door", openai.InternalServerError),
        ("bad_key", openai.InternalServerError),
    ],
)
def test_errors_by_class(sdk_client, sim, log, name, kind):
    log.expect("AZL0034")
    sim.script({"error": name, "times": 9})
    with pytest.raises(kind) as caught:
        sdk.chat(sdk_client, "m1")
    assert isinstance(caught.value.code, str)
    assert caught.value.request_id


def test_wrong_key_and_model(gateway, sdk_client, sim):
    wrong = sdk_client.with_options(api_key="sk-wrong")
    with pytest.raises(openai.AuthenticationError):
        sdk.chat(wrong, "m1")
    with pytest.raises(openai.NotFoundError):
        sdk.chat(sdk_client, "m9")


def test_sdk_retries(sdk_client, sim):
    """retry-after-ms reaches the SDK, which waits and succeeds."""
    sim.script({"error": "rate_ms"})
    sdk.chat(sdk_client.with_options(max_retries=1), "m1")
    first, second = sim.journal()
    assert second["time"] - first["time"] >= 0.35


@pytest.mark.parametrize(
    "behaviour",
    [
        {"shape": "async"},
        {"shape": "deepseek", "reasoning": True},
        {"eol": "\r\n", "split": 5},
    ],
    ids=str,
)
def test_stream_helper_accepts(sdk_client, sim, behaviour):
    sim.script(behaviour)
    with sdk_client.chat.completions.stream(
        model="m1", messages=sdk.MESSAGES
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == sdk.WORDS
    assert final.choices[0].finish_reason == "stop"
