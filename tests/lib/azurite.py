"""Azure Storage on this machine: Azurite, and how to put blobs into it."""

import os
import socket
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    generate_blob_sas,
)
from ports import free_port

SOURCE = Path(__file__).resolve().parent.parent / "azurite"
AZURITE = Path(os.environ.get("AZURELIT_AZURITE", SOURCE))
PROGRAM = (
    AZURITE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
)

ACCOUNT = "devstoreaccount1"
# Every emulator has this one; Microsoft's documentation tells it.
KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTO"
    "tr/KBHBeksoGMGw=="
)
CONTAINER = "config"


class Azurite:
    """With `pem` (a certificate for localhost and its key) it speaks TLS, and
    takes tokens too."""

    def __init__(self, where, pem=None, ca=None):
        if not PROGRAM.exists():
            raise RuntimeError(f"run 'npm ci' in {AZURITE} first")
        where.mkdir(parents=True, exist_ok=True)
        self.where = where
        self.pem = pem
        self.port = free_port()
        scheme = "https" if pem else "http"
        self.url = f"{scheme}://localhost:{self.port}/{ACCOUNT}"
        self.connection_string = (
            f"DefaultEndpointsProtocol={scheme};AccountName={ACCOUNT};"
            f"AccountKey={KEY};BlobEndpoint={self.url};"
        )
        options = {"connection_verify": str(ca)} if ca else {}
        self.client = BlobServiceClient.from_connection_string(
            self.connection_string, retry_total=0, **options
        )
        self.process = None
        self.start()

    def start(self):
        command = ["node", PROGRAM, "--blobHost", "127.0.0.1"]
        command += ["--blobPort", str(self.port), "--silent"]
        command += ["--location", self.where, "--disableTelemetry"]
        # Microsoft's package for Python is ahead of it.
        command += ["--skipApiVersionCheck"]
        if self.pem:
            command += ["--cert", self.pem, "--key", self.pem]
            command += ["--oauth", "basic"]
        with open(self.where / "azurite.out", "a") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        end = time.monotonic() + 60
        while True:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def put(self, name, text):
        """Where it lies."""
        container = self.client.get_container_client(CONTAINER)
        if not container.exists():
            container.create_container()
        container.upload_blob(name, text.encode(), overwrite=True)
        return f"{self.url}/{CONTAINER}/{name}"

    def sas(self, name):
        return generate_blob_sas(
            ACCOUNT,
            CONTAINER,
            name,
            account_key=KEY,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(timezone.utc) + timedelta(hours=1),
        )
