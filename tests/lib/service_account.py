"""A service account of Google's: the file that it signs with."""

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EMAIL = "gateway@sim-project.iam.gserviceaccount.com"
KEY_BITS = 2048


class ServiceAccount:
    """`path` is the file for a simulator; `write` makes the one for who
    asks for tokens at `token_uri`."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.document = {
            "type": "service_account",
            "project_id": "sim-project",
            "private_key_id": "5e1f0c2a",
            "private_key": key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
        }
        self.path = self.write(where / "account.json", "https://unused/token")

    def write(self, path, token_uri):
        path.write_text(json.dumps({**self.document, "token_uri": token_uri}))
        path.chmod(0o600)
        return path
