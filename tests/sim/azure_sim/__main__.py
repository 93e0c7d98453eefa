"""Start the simulator: python3 tests/sim/azure_sim --port 8080"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure_sim.quirks import QUIRKS  # noqa: E402
from azure_sim.service import Azure  # noqa: E402
from simbase import program  # noqa: E402


def main():
    parser = program.parser(
        "azure_sim", "gpt-4.1,gpt-4.1-mini,text-embedding-3-small", __doc__
    )
    parser.add_argument(
        "--mode", choices=("azure", "openai"), default="azure"
    )
    parser.add_argument(
        "--quirk",
        choices=QUIRKS,
        default="none",
        help="a server that resembles OpenAI; with --mode openai",
    )
    options = parser.parse_args()
    service = Azure(
        program.deployments(options),
        options.key,
        options.mode,
        options.token,
        options.quirk,
    )
    program.run("azure_sim", service, options)


if __name__ == "__main__":
    main()
