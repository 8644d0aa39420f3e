# The same commands locally and in CI.

# List what there is.
default:
    @just --list

# Install for development into the current environment.
install:
    pip install -e ".[test]"

# Everything that CI checks, in the current environment.
check:
    ruff check .
    ruff format --check .
    mypy
    python -m pytest -n auto -m "not nightly and not packaging"

# Only the tests; further words go to pytest.
test *words:
    python -m pytest -n auto {{words}}

# Write again what is generated: schemas and the reference.
generate:
    python -m trunkline schema --write schemas
    python -m docs.generate

# Measure; prints tables, asserts nothing about time.
benchmark *words:
    python -m tests.benchmarks {{words}}

# Full-length scenarios.
nightly:
    python -m pytest -m nightly
