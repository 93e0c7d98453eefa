"""The command line of every simulator."""

import argparse
import asyncio
import signal
from pathlib import Path

from simbase.server import Server


def parser(name, deployments, about=None):
    words = argparse.ArgumentParser(prog=name, description=about)
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, default=0, help="0: any")
    words.add_argument(
        "--port-file", help="file that gets the port once it listens"
    )
    words.add_argument(
        "--deployments",
        default=deployments,
        help="name or name=base-model, comma-separated",
    )
    words.add_argument("--key", default="sim-key")
    words.add_argument("--token", help="a bearer token that is good too")
    words.add_argument("--entra", help="key of entra_sim: its tokens are good")
    words.add_argument("--cert", help="PEM file: serve TLS")
    words.add_argument("--cert-key", help="its key, if in another file")
    return words


def deployments(options):
    """name: base model"""
    names = {}
    for word in options.deployments.split(","):
        name, _, base = word.strip().partition("=")
        names[name] = base or name
    return names


async def serve(name, service, options):
    server = Server(service)
    port = await server.listen(
        options.host, options.port, options.cert, options.cert_key
    )
    if options.port_file:
        # Complete as soon as it is there.
        part = Path(options.port_file + ".part")
        part.write_text(f"{port}\n")
        part.rename(options.port_file)
    print(f"{name} listens on {options.host}:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def run(name, service, options):
    service.entra = options.entra
    asyncio.run(serve(name, service, options))
