"""Start the simulator: python3 tests/sim/azure_sim --port 8080"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure_sim.server import Server  # noqa: E402
from azure_sim.service import Service  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="azure_sim", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument(
        "--port-file", help="file that gets the port once it listens"
    )
    parser.add_argument(
        "--deployments",
        default="gpt-4.1,gpt-4.1-mini,text-embedding-3-small",
        help="name or name=base-model, comma-separated",
    )
    parser.add_argument("--key", default="sim-key")
    parser.add_argument("--token", help="a bearer token that is good too")
    parser.add_argument(
        "--mode", choices=("azure", "openai"), default="azure"
    )
    parser.add_argument("--cert", help="PEM file: serve TLS")
    parser.add_argument("--cert-key", help="its key, if in another file")
    return parser.parse_args()


async def main(options):
    deployments = {}
    for word in options.deployments.split(","):
        name, _, base = word.strip().partition("=")
        deployments[name] = base or name
    server = Server(
        Service(deployments, options.key, options.mode, options.token)
    )
    port = await server.listen(
        options.host, options.port, options.cert, options.cert_key
    )
    if options.port_file:
        # Complete as soon as it is there.
        part = Path(options.port_file + ".part")
        part.write_text(f"{port}\n")
        part.rename(options.port_file)
    print(f"azure_sim listens on {options.host}:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
