# SPDX-License-Identifier: Apache-2.0
"""Shared parts of the system tests: a folder for each, and everything it started ended."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

from stack import Stack  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes long; run by make soak")
    config.addinivalue_line("markers", "sanitize: also run with the address and thread sanitizers")


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path)
    yield stack
    stack.close()
    complaints = [line for process in stack.processes if process.log_path.exists()
                  for line in process.log().splitlines()
                  if "ERROR: AddressSanitizer" in line or "WARNING: ThreadSanitizer" in line
                  or "runtime error:" in line or "ERROR: LeakSanitizer" in line]
    assert not complaints, complaints
