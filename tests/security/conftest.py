"""Fixtures of the security tests: the machine of the end-to-end tests."""

from tests.e2e.conftest import machine

__all__ = ["machine"]
