"""A certificate authority for tests, and the leaves that go wrong."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Files below `where`: ca.pem, and one PEM with key for each leaf. With a
    parent it is an intermediate one, and its leaves bring the chain along."""

    def __init__(self, where, title="azurelit test authority", parent=None):
        where.mkdir(parents=True, exist_ok=True)
        self.where = where
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(title)
        issuer = parent or self
        cert = (
            self.builder(self.name, self.key, NOW - DAY, NOW + 30 * DAY)
            .issuer_name(issuer.name)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(issuer.key, hashes.SHA256())
        )
        pem = cert.public_bytes(serialization.Encoding.PEM)
        self.chain = pem + parent.chain if parent else b""
        self.ca = where / "ca.pem"
        self.ca.write_bytes(pem)

    @staticmethod
    def builder(subject, key, start, end):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def leaf(self, host="localhost", expired=False, self_signed=False):
        key = ec.generate_private_key(ec.SECP256R1())
        end = NOW - DAY if expired else NOW + 10 * DAY
        subject = name(host)
        cert = (
            self.builder(subject, key, NOW - 20 * DAY, end)
            .issuer_name(subject if self_signed else self.name)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host)]), False
            )
            .sign(key if self_signed else self.key, hashes.SHA256())
        )
        kind = f"{host}{'-expired' * expired}{'-self' * self_signed}"
        path = self.where / f"{kind}.pem"
        path.write_bytes(
            cert.public_bytes(serialization.Encoding.PEM)
            + (b"" if self_signed else self.chain)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path
