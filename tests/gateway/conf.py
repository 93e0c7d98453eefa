"""Builds configurations, a line at a time."""

import hashlib

MODULES = (
    "mpm_event unixd authz_core authz_host log_config env alias mime dir "
    "reqtimeout status proxy proxy_http ssl socache_shmcb http2 rewrite "
    "headers"
).split()


def digest(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


class Conf:
    def __init__(self):
        self.lines = []

    def add(self, *lines):
        self.lines += lines
        return self

    def on(self):
        return self.add("AzureLIT on")

    def key(self, name, key, *options):
        return self.add(" ".join(["AzureLITKey", name, digest(key), *options]))

    def endpoint(self, name, url, *options, credential="env:SIM_KEY"):
        return self.add(
            f"AzureLITEndpoint {name} {url} credential={credential} "
            + " ".join(options)
        )

    def model(self, alias, target, *options):
        return self.add(" ".join(["AzureLITModel", alias, target, *options]))

    def vhost(self, port, *lines):
        return self.add(
            f"<VirtualHost 127.0.0.1:{port}>", *lines, "</VirtualHost>"
        )

    def tls(self, port, pem, name="gateway.test"):
        """A virtual host of HTTP/2 and TLS."""
        return self.add(f"Listen 127.0.0.1:{port} https").vhost(
            port,
            f"ServerName {name}",
            "SSLEngine on",
            f"SSLCertificateFile {pem}",
            f"SSLCertificateKeyFile {pem}",
            "Protocols h2 http/1.1",
        )

    def text(self):
        return "\n".join(self.lines) + "\n"
