"""Amazon Bedrock and where AWS gives out credentials, simulated for tests."""
