"""The errors of Google's services, as they write them."""

QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
LIMIT = (
    "You exceeded your current quota, please check your plan and billing "
    "details. Please retry in {}."
)


def error(code, status, message, details=None):
    body = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = details
    return code, {}, {"error": body}


def quota(delay):
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/"
        "generate_content_free_tier_requests",
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global"},
        "quotaValue": "10",
    }
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        LIMIT.format(delay),
        [
            {"@type": QUOTA, "violations": [violation]},
            {"@type": RETRY, "retryDelay": delay},
        ],
    )


def invalid(message, details=None):
    return error(400, "INVALID_ARGUMENT", message, details)


# name: (status, headers, document)
ERRORS = {
    "bad_request": invalid("Request contains an invalid argument."),
    "precondition": error(
        400,
        "FAILED_PRECONDITION",
        "User location is not supported for the API use.",
    ),
    "bad_key": invalid(
        "API key not valid. Please pass a valid API key.",
        [
            {
                "@type": INFO,
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        ],
    ),
    "no_key": error(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without "
        "established identity). Please use API Key or other form of API "
        "consumer identity to call this API.",
    ),
    "bad_token": error(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 "
        "access token, login cookie or other valid authentication "
        "credential. See https://developers.google.com/identity/sign-in/web/"
        "devconsole-project.",
        [
            {
                "@type": INFO,
                "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED",
                "domain": "googleapis.com",
            }
        ],
    ),
    "no_permission": error(
        403,
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource (or it "
        "may not exist).",
    ),
    "no_model": error(
        404,
        "NOT_FOUND",
        "models/unknown is not found for API version v1beta, or is not "
        "supported for generateContent. Call ListModels to see the list of "
        "available models and their supported methods.",
    ),
    "no_path": error(404, "NOT_FOUND", "Requested entity was not found."),
    "too_large": error(
        413,
        "INVALID_ARGUMENT",
        "Request payload size exceeds the limit: 20971520 bytes.",
    ),
    "too_long": invalid(
        "The input token count (1048600) exceeds the maximum number of "
        "tokens allowed (1048576)."
    ),
    "rate": quota("1s"),
    "rate_fraction": quota("0.350s"),
    # Vertex says no more than this.
    "rate_plain": error(
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later.",
    ),
    "server": error(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    "overloaded": error(
        503,
        "UNAVAILABLE",
        "The model is overloaded. Please try again later.",
    ),
    "timeout": error(
        504,
        "DEADLINE_EXCEEDED",
        "Deadline expired before operation could complete.",
    ),
}
