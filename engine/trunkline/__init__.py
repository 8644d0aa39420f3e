"""The routing engine for language models that people configure, not code."""
