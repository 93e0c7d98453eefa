"""The Bedrock simulator and how to talk to it."""

import boto3
from botocore.config import Config
from simulator import Simulator
from wire import send

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-micro-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
DEEPSEEK = "us.deepseek.r1-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
PROFILE = (
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/"
    "sim0123456789"
)
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"
RERANK = "cohere.rerank-v3-5:0"
MODELS = [
    CLAUDE, NOVA, LLAMA, MISTRAL, DEEPSEEK, GPT, PROFILE, TITAN, COHERE, RERANK
]
KEY = "bedrock-api-key-sim"
KEY_ID = "AKIASIMULATOR0000001"
SECRET = "simulated/secret+key"
REGION = "us-east-1"


def start(where, *arguments):
    return Simulator(
        where,
        MODELS,
        KEY,
        "--access-key",
        f"{KEY_ID}:{SECRET}",
        "--region",
        REGION,
        *arguments,
        provider="bedrock",
    )


def connect(sim, service="bedrock-runtime"):
    """AWS's own client."""
    return boto3.client(
        service,
        endpoint_url=sim.url,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 0}),
    )


def path_of(model, operation="converse"):
    name = model.replace(":", "%3A").replace("/", "%2F")
    return f"/model/{name}/{operation}"


def ask(sim, path, body):
    """(status, answer, data), with the key that is no signature"""
    return send(sim, path, body, {"Authorization": "Bearer " + KEY})
