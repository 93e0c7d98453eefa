"""The errors of AWS, as it writes them."""

from simbase.service import Refused

KINDS = {
    "ValidationException": 400,
    "ServiceQuotaExceededException": 400,
    "IncompleteSignatureException": 400,
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "UnrecognizedClientException": 403,
    "MissingAuthenticationTokenException": 403,
    "ExpiredTokenException": 403,
    "ResourceNotFoundException": 404,
    "UnknownOperationException": 404,
    "ModelTimeoutException": 408,
    "RequestEntityTooLargeException": 413,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ThrottlingException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
SPACE = "http://internal.amazon.com/coral/com.amazon.bedrock/"


def aws(kind, message):
    """(status, headers, document)"""
    headers = {"x-amzn-ErrorType": f"{kind}:{SPACE}"}
    return KINDS[kind], headers, {"message": message}


def refused(kind, message):
    status, headers, document = aws(kind, message)
    return Refused(status, document, headers)


def bad(message):
    return refused("ValidationException", message)


# name: (status, headers, document)
ERRORS = {
    "bad_request": aws(
        "ValidationException",
        "The model returned the following errors: Malformed input request, "
        "please reformat your input and try again.",
    ),
    "bad_key": aws(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "bad_signature": aws(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature "
        "you provided. Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details.",
    ),
    "expired": aws(
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
    "bad_token": aws(
        "AccessDeniedException",
        "Authentication failed: Please make sure your API Key is valid.",
    ),
    "no_permission": aws(
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ),
    "no_model": aws(
        "ResourceNotFoundException",
        "Could not resolve the foundation model from the provided model "
        "identifier.",
    ),
    "no_path": aws("UnknownOperationException", "Unknown operation"),
    "too_large": aws(
        "RequestEntityTooLargeException", "Request entity too large"
    ),
    "too_long": aws(
        "ValidationException", "Input is too long for requested model."
    ),
    "quota": aws(
        "ServiceQuotaExceededException", "Too many tokens per day."
    ),
    "rate": aws(
        "ThrottlingException",
        "Too many requests, please wait before trying again.",
    ),
    "not_ready": aws(
        "ModelNotReadyException", "Model is not ready for inference."
    ),
    "model": aws(
        "ModelErrorException",
        "The system encountered an unexpected error during processing. Try "
        "your request again.",
    ),
    "server": aws(
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try "
        "your request again.",
    ),
    "overloaded": aws(
        "ServiceUnavailableException",
        "Bedrock is unable to process your request.",
    ),
    "timeout": aws(
        "ModelTimeoutException", "Model has timed out in processing the "
        "request. Try your request again."
    ),
}
# AWS tells when to come again only sometimes; here always.
ERRORS["rate"][1]["Retry-After"] = "1"
# In a stream they have names of their own.
EVENTS = {
    "bad_request": "validationException",
    "rate": "throttlingException",
    "model": "modelStreamErrorException",
    "server": "internalServerException",
    "overloaded": "serviceUnavailableException",
}
