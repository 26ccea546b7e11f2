"""The computer of the end-to-end tests."""

from tests.e2e.conftest import machine

__all__ = ["machine"]
