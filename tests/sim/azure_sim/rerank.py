"""Documents in the order in which they answer a query, as Cohere has it:
the score is the share of the query's words that a document has."""

import uuid

from simbase import text
from simbase.service import Refused

MEMBERS = {
    "v1": {
        "model", "query", "documents", "top_n", "return_documents",
        "max_chunks_per_doc", "rank_fields",
    },
    "v2": {"model", "query", "documents", "top_n", "max_tokens_per_doc",
           "priority"},
}


def bad(message):
    return Refused(400, {"message": message})


def words_of(document):
    return document["text"] if isinstance(document, dict) else document


def score(query, document):
    wanted = set(query.lower().split())
    found = wanted & set(words_of(document).lower().split())
    return round(len(found) / (len(wanted) or 1), 4)


def rerank(body, version, vllm=False):
    if not vllm:
        for name in body:
            if name not in MEMBERS[version]:
                raise Refused(422, {"message": f"unknown field: {name}"})
    for name in ("model", "query", "documents"):
        if not body.get(name):
            raise bad(f"invalid request: {name} is required")
    documents = body["documents"]
    if version == "v2" and not all(isinstance(one, str) for one in documents):
        raise bad("invalid request: documents must be a list of strings")
    results = [
        {"index": index, "relevance_score": score(body["query"], document)}
        for index, document in enumerate(documents)
    ]
    results.sort(key=lambda result: -result["relevance_score"])
    results = results[: body.get("top_n") or len(results)]
    if vllm or body.get("return_documents"):
        for result in results:
            result["document"] = {
                "text": words_of(documents[result["index"]])
            }
    number = str(uuid.uuid4())
    if vllm:
        tokens = sum(text.count(words_of(one)) for one in documents)
        return {
            "id": "rerank-" + number,
            "model": body["model"],
            "usage": {"total_tokens": tokens},
            "results": results,
        }
    return {
        "id": number,
        "results": results,
        "meta": {
            "api_version": {"version": version[1:]},
            "billed_units": {"search_units": 1},
        },
    }
