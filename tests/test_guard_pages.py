"""No function reads or writes outside its arrays: they end, or begin, at a forbidden page."""

import subprocess
import sys

import pytest
from conftest import ISAS
from helpers import TESTS, child_environment


def run(sweep, isa, dtype):
    return subprocess.run(
        [sys.executable, TESTS / "guarded.py", sweep, isa, dtype.name],
        capture_output=True,
        text=True,
        timeout=300,
        env=child_environment(),
    )


@pytest.mark.parametrize("sweep", ["elementwise", "dense", "models", "converted"])
def test_stays_inside(isa, dtype, sweep):
    done = run(sweep, isa, dtype)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout == "done\n"


@pytest.mark.parametrize("sweep", ["trespass", "trespass_below"])
def test_the_guards_do_guard(dtype, sweep):
    done = run(sweep, ISAS[0], dtype)
    assert done.returncode != 0
    assert done.stdout == "before\n"
