"""InvokeModel: each family with a body of its own; and Rerank."""

import base64
import uuid

from anthropic_sim.ask import ask_of
from anthropic_sim.check import Check
from anthropic_sim.families import family
from anthropic_sim.message import Message
from bedrock_sim.claude import VERSION
from bedrock_sim.errors import bad
from simbase import text
from simbase.service import Refused

TITAN = {
    "inputText": str,
    "dimensions": int,
    "normalize": bool,
    "embeddingTypes": list,
}
TITAN_FIRST = {"inputText": str}
DIMENSIONS = (1024, 512, 256)
COHERE = {
    "texts": list,
    "images": list,
    "input_type": str,
    "truncate": str,
    "embedding_types": list,
}
COHERE_FOURTH = {**COHERE, "output_dimension": int, "max_tokens": int}
INPUTS = (
    "search_document",
    "search_query",
    "classification",
    "clustering",
    "image",
)
TEXTS = 96
RERANK = {
    "query": str,
    "documents": list,
    "top_n": int,
    "api_version": int,
}
MALFORMED = (
    "Malformed input request: {}, please reformat your input and try again."
)


def malformed(why):
    return bad(MALFORMED.format(why))


def checked(body, members, *required):
    for name, value in body.items():
        if name not in members:
            raise malformed(f"#: extraneous key [{name}] is not permitted")
        kind = members[name]
        wrong = not isinstance(value, kind)
        if wrong or (kind is int and isinstance(value, bool)):
            raise malformed(f"#/{name}: expected type: {kind.__name__}")
    for name in required:
        if name not in body:
            raise malformed(f"#: required key [{name}] not found")


def titan(body, model):
    """(document, tokens)"""
    if "v2" in model:
        checked(body, TITAN, "inputText")
    else:
        checked(body, TITAN_FIRST, "inputText")
    if not body["inputText"]:
        raise malformed("expected minLength: 1, actual: 0")
    size = body.get("dimensions", DIMENSIONS[0])
    if size not in DIMENSIONS:
        raise malformed(f"#/dimensions: {size} is not a valid enum value")
    values = text.vector(body["inputText"], size)
    tokens = text.count(body["inputText"])
    document = {"embedding": values, "inputTextTokenCount": tokens}
    if "v2" in model:
        document["embeddingsByType"] = {"float": values}
    return document, tokens


def cohere_size(body, model):
    size = 1024
    if "embed-v4" in model:
        size = body.get("output_dimension", 1536)
        if size not in (256, 512, 1024, 1536):
            raise malformed(f"output_dimension {size} is not valid")
    return size


def cohere(body, model):
    fourth = "embed-v4" in model
    checked(body, COHERE_FOURTH if fourth else COHERE, "input_type")
    if body["input_type"] not in INPUTS:
        raise malformed(
            f"#/input_type: {body['input_type']} is not a valid enum value"
        )
    texts = body.get("texts", [])
    if not 1 <= len(texts) <= TEXTS:
        raise malformed(f"#/texts: expected maximum item count: {TEXTS}")
    if not all(isinstance(one, str) and one for one in texts):
        raise malformed("#/texts: each is a text that is not empty")
    size = cohere_size(body, model)
    vectors = [text.vector(one, size) for one in texts]
    document = {
        "id": str(uuid.uuid4()),
        "texts": texts,
        "response_type": "embeddings_floats",
        "embeddings": vectors,
    }
    kinds = body.get("embedding_types", ["float"] if fourth else None)
    if kinds is not None:
        if kinds != ["float"]:
            raise malformed("#/embedding_types: only float is simulated")
        document["response_type"] = "embeddings_by_type"
        document["embeddings"] = {"float": vectors}
    return document, sum(map(text.count, texts))


def relevance(query, document):
    """How many of the words of the query are in the document."""
    words = set(query.lower().split())
    return len(words & set(document.lower().split())) / len(words)


def ranked(query, documents, limit):
    """[(index, score)], the best first"""
    scores = [
        (index, relevance(query, one)) for index, one in enumerate(documents)
    ]
    scores.sort(key=lambda pair: -pair[1])
    return scores[:limit]


def cohere_rerank(body, model):
    checked(body, RERANK, "query", "documents", "api_version")
    if body["api_version"] != 2:
        raise malformed("#/api_version: only 2 is known")
    if not body["query"].strip() or not body["documents"]:
        raise malformed("query and documents must not be empty")
    limit = body.get("top_n", len(body["documents"]))
    if limit < 1:
        raise malformed("#/top_n: expected minimum: 1")
    return {
        "results": [
            {"index": index, "relevance_score": score}
            for index, score in ranked(body["query"], body["documents"], limit)
        ]
    }, 0


def rerank(body):
    """agent-runtime: a body of the right shape."""
    documents = []
    for source in body["sources"]:
        given = source["inlineDocumentSource"]
        if given["type"] == "TEXT":
            if "textDocument" not in given:
                raise bad("A TEXT document has a textDocument.")
            documents.append(given["textDocument"]["text"])
        else:
            if "jsonDocument" not in given:
                raise bad("A JSON document has a jsonDocument.")
            documents.append(str(given["jsonDocument"]))
    config = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    limit = config.get("numberOfResults", len(documents))
    if limit > len(documents):
        raise bad("numberOfResults is more than there are sources.")
    query = body["queries"][0]["textQuery"]["text"]
    if not query.strip():
        raise bad("The query is blank.")
    return {
        "results": [
            {"index": index, "relevanceScore": score}
            for index, score in ranked(query, documents, limit)
        ]
    }


def message(body, model, how, stream):
    """Claude's own body: the model is in the URL, the version here."""
    body = dict(body)
    version = body.pop("anthropic_version", None)
    if version is None:
        raise malformed("#: required key [anthropic_version] not found")
    if version != VERSION:
        raise malformed(f"#/anthropic_version: {version} is not known")
    body.pop("anthropic_beta", None)
    for name in ("model", "stream"):
        if name in body:
            raise malformed(f"#: extraneous key [{name}] is not permitted")
    kind = family(model)
    body.update(model=model, stream=stream)
    try:
        Check(body, kind)
    except Refused as error:
        raise bad(error.body["error"]["message"]) from error
    return Message(body, model, how, ask_of(body, kind), kind)


def chunks(made, request_id):
    """(type of the event, document): Claude's events in AWS's."""
    for _, data in made.events(request_id):
        yield "chunk", {"bytes": base64.b64encode(data).decode()}
