"""The command line as its user meets it: a process of its own, real S3 servers, real files."""

import pytest

# They assert too, and a failure should say what was not equal.
pytest.register_assert_rewrite("tests.e2e.machine", "tests.e2e.nights")
