"""Errors as Databricks words them: the code is a word or a number, the
message may be JSON of the model behind it."""

import json

from simbase.service import Refused


def databricks(code, message):
    return {"error_code": code, "message": message}


def bad(message):
    return Refused(400, databricks("BAD_REQUEST", message))


def bad_behind(message):
    """The model behind the endpoint refuses."""
    return bad(json.dumps({"message": message}))


# name: (status, headers, body)
ERRORS = {
    "bad_request": (
        400,
        {},
        databricks("INVALID_PARAMETER_VALUE", "Invalid role in the chat."),
    ),
    "too_long": (
        400,
        {},
        databricks(
            "BAD_REQUEST",
            json.dumps({
                "message": "Input is too long for requested model."
            }),
        ),
    ),
    "no_key": (
        401,
        {},
        databricks(
            401,
            "Credential was not sent or was of an unsupported type for this "
            "API.",
        ),
    ),
    "bad_key": (403, {}, databricks(403, "Invalid access token.")),
    "no_permission": (
        403,
        {},
        databricks(
            "PERMISSION_DENIED",
            "You do not have permission to query this endpoint.",
        ),
    ),
    "no_model": (
        404,
        {},
        databricks(
            "RESOURCE_DOES_NOT_EXIST",
            "The given endpoint does not exist, please retry after checking "
            "the specified model and version deployment exists.",
        ),
    ),
    "no_path": (
        404,
        {},
        databricks("ENDPOINT_NOT_FOUND", "No API found for this path."),
    ),
    "too_large": (
        413,
        {},
        databricks("BAD_REQUEST", "Request body is too large."),
    ),
    "rate": (
        429,
        {"Retry-After": "1"},
        databricks(
            "REQUEST_LIMIT_EXCEEDED",
            "REQUEST_LIMIT_EXCEEDED: Exceeded workspace input tokens per "
            "minute rate limit for this endpoint.",
        ),
    ),
    "rate_bare": (
        429,
        {},
        databricks("RESOURCE_EXHAUSTED", "Too many concurrent requests."),
    ),
    "rate_400": (
        400,
        {},
        databricks(
            "REQUEST_LIMIT_EXCEEDED",
            "Exceeded max number of concurrent requests.",
        ),
    ),
    "server": (
        500,
        {},
        databricks("INTERNAL_ERROR", "The server had an internal error."),
    ),
    "bad_gateway": (
        502,
        {"Content-Type": "text/html"},
        "<html><body>502 Bad Gateway</body></html>",
    ),
    "overloaded": (
        503,
        {},
        databricks(
            "TEMPORARILY_UNAVAILABLE",
            "The service is taking too long to process your request.",
        ),
    ),
    "timeout": (
        504,
        {},
        databricks("DEADLINE_EXCEEDED", "The request has timed out."),
    ),
}
