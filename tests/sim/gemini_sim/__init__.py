"""The Gemini API and Gemini on Vertex AI, simulated for tests."""
