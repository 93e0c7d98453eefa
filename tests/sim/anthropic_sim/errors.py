"""Errors as Anthropic words them, and as Vertex does in its place."""

from simbase.service import Refused


def anthropic(kind, message):
    return {"type": "error", "error": {"type": kind, "message": message}}


def bad(message):
    return Refused(400, anthropic("invalid_request_error", message))


# name: (status, headers, body)
ERRORS = {
    "bad_request": (
        400,
        {},
        anthropic(
            "invalid_request_error",
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
    ),
    "too_long": (
        400,
        {},
        anthropic(
            "invalid_request_error",
            "prompt is too long: 250054 tokens > 200000 maximum",
        ),
    ),
    "credit": (
        400,
        {},
        anthropic(
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API.",
        ),
    ),
    "bad_key": (
        401,
        {"x-should-retry": "false"},
        anthropic("authentication_error", "invalid x-api-key"),
    ),
    "no_key": (
        401,
        {"x-should-retry": "false"},
        anthropic("authentication_error", "x-api-key header is required"),
    ),
    "bad_token": (
        401,
        {"x-should-retry": "false"},
        anthropic("authentication_error", "Invalid bearer token"),
    ),
    "billing": (
        402,
        {},
        anthropic("billing_error", "Your payment is overdue."),
    ),
    "no_permission": (
        403,
        {},
        anthropic(
            "permission_error",
            "Your API key does not have permission to use the specified "
            "resource.",
        ),
    ),
    "no_model": (404, {}, anthropic("not_found_error", "model: unknown")),
    "no_path": (404, {}, anthropic("not_found_error", "Not Found")),
    "too_large": (
        413,
        {},
        anthropic(
            "request_too_large", "Request exceeds the maximum size"
        ),
    ),
    "rate": (
        429,
        {
            "retry-after": "1",
            "anthropic-ratelimit-requests-remaining": "0",
            "x-should-retry": "true",
        },
        anthropic(
            "rate_limit_error",
            "This request would exceed your organization's rate limit of "
            "50 requests per minute.",
        ),
    ),
    "server": (500, {}, anthropic("api_error", "Internal server error")),
    "bad_gateway": (
        502,
        {"Content-Type": "text/html"},
        "<html><body>502 Bad Gateway</body></html>",
    ),
    "timeout": (504, {}, anthropic("timeout_error", "Request timed out")),
    "overloaded": (
        529,
        {"x-should-retry": "true"},
        anthropic("overloaded_error", "Overloaded"),
    ),
}

# What Vertex answers itself.
GOOGLE = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}


def google(status, message):
    return {
        "error": {
            "code": status,
            "message": message,
            "status": GOOGLE[status],
        }
    }
