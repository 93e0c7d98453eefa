"""Start the simulator: python3 tests/sim/bedrock_sim --port 8080"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bedrock_sim.keys import Keys  # noqa: E402
from bedrock_sim.service import Bedrock  # noqa: E402
from simbase import program  # noqa: E402

MODELS = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0,us.amazon.nova-micro-v1:0,"
    "amazon.titan-embed-text-v2:0,cohere.embed-multilingual-v3,"
    "cohere.rerank-v3-5:0,openai.gpt-oss-120b-1:0"
)


def main():
    parser = program.parser("bedrock_sim", MODELS, __doc__)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--access-key",
        default="AKIASIMULATOR0000001:sim-secret-key",
        help="ID:SECRET that is always good",
    )
    parser.add_argument(
        "--container-token", help="what a container must say to get its keys"
    )
    options = parser.parse_args()
    service = Bedrock(
        program.deployments(options),
        options.key,
        options.token,
        options.region,
        Keys(*options.access_key.split(":", 1)),
        options.container_token,
    )
    program.run("bedrock_sim", service, options)


if __name__ == "__main__":
    main()
