"""Google's token service: a service account signs who it is, and gets a
token for it."""

import base64
import binascii
import json
import secrets
import time
from urllib.parse import parse_qs

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# What Google's own libraries write, wherever the token service is.
AUDIENCE = "https://oauth2.googleapis.com/token"
LIFETIME = 3600  # seconds, of an assertion at most and of a token
SKEW = 300  # seconds that two clocks may differ
FRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
    "reasonable timeframe. Check your iat and exp values in the JWT claim."
)


class Denied(Exception):
    def __init__(self, name, why, status=400):
        super().__init__(why)
        self.status = status
        self.document = {"error": name, "error_description": why}


def grant_refused(why):
    return Denied("invalid_grant", why)


def section(text):
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise grant_refused("Invalid JWT Signature.") from error


class Tokens:
    """`account` is what a service account's file says."""

    def __init__(self, account):
        # Only those who use it need the library.
        from cryptography.hazmat.primitives import serialization

        self.account = account
        self.key = serialization.load_pem_private_key(
            account["private_key"].encode(), None
        ).public_key()
        self.given = {}  # token: when it expires

    def good(self, token):
        return self.given.get(token, 0) > time.time()

    def give(self, body, audience, lifetime=None):
        """The answer to a request for a token; `lifetime` in seconds."""
        form = {
            name: values[-1] for name, values in parse_qs(body.decode()).items()
        }
        if form.get("grant_type") != GRANT:
            raise Denied(
                "unsupported_grant_type",
                f"Invalid grant_type: {form.get('grant_type', '')}",
            )
        self.check(form.get("assertion", ""), audience)
        return self.grant(lifetime)

    def grant(self, lifetime=None):
        """To whom needs not say who it is, too: metadata of an instance."""
        lifetime = LIFETIME - 1 if lifetime is None else lifetime
        token = "ya29.sim-" + secrets.token_urlsafe(32)
        self.given[token] = time.time() + lifetime
        return {
            "access_token": token,
            "expires_in": lifetime,
            "token_type": "Bearer",
        }

    def check(self, assertion, audience):
        sections = assertion.split(".")
        if len(sections) != 3:
            raise grant_refused("Invalid JWT: wrong number of segments")
        try:
            head = json.loads(section(sections[0]))
            claims = json.loads(section(sections[1]))
        except ValueError as error:
            raise grant_refused("Invalid JWT Signature.") from error
        if head.get("alg") != "RS256":
            raise grant_refused("Invalid JWT: unsupported algorithm")
        if claims.get("iss") != self.account["client_email"]:
            raise grant_refused("Invalid grant: account not found")
        if head.get("kid", self.account["private_key_id"]) != (
            self.account["private_key_id"]
        ):
            raise grant_refused("Invalid JWT Signature.")
        self.verify(".".join(sections[:2]).encode(), section(sections[2]))
        if claims.get("aud") not in (audience, AUDIENCE):
            raise grant_refused("Invalid JWT: Failed audience check.")
        self.timely(claims)
        if SCOPE not in claims.get("scope", "").split():
            raise Denied(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            )

    def verify(self, signed, signature):
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            self.key.verify(
                signature, signed, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as error:
            raise grant_refused("Invalid JWT Signature.") from error

    @staticmethod
    def timely(claims):
        start, end = claims.get("iat"), claims.get("exp")
        now = time.time()
        if not isinstance(start, int) or not isinstance(end, int):
            raise grant_refused(FRAME)
        if start > now + SKEW or end <= now or end - start > LIFETIME:
            raise grant_refused(FRAME)
