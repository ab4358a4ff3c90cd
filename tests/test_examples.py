"""The programs in examples/ run and print what they are there to show."""

import re
import subprocess
import sys

from conftest import ROOT
from helpers import child_environment


def run(name, folder, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=child_environment(MPLBACKEND="Agg"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_neuron_to_network(tmp_path):
    out = run("neuron_to_network.py", tmp_path)
    assert out.count("4.8, 1.21, 2.385") >= 2  # by NumPy and by cnnfs
    for word in ("neuron", "batch", "layer", "relu", "sigmoid", "step", "linear"):
        assert word in out
    assert "False" not in out
    pictures = sorted(tmp_path.rglob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.name in out
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_digits(tmp_path):
    out = run("digits.py", tmp_path, "--rounds", "3")
    assert "1797" in out
    same, held_out = map(int, re.search(r"same label.*?(\d+) of (\d+)", out).groups())
    assert same == held_out >= 300
    by_name = {
        name: re.search(rf"^{name}\D*\d\d\s+(\d+\.\d+)%\s+(\d+\.\d+)", out, re.MULTILINE).groups()
        for name in ("scikit-learn", "cnnfs")
    }
    assert by_name["scikit-learn"][0] == by_name["cnnfs"][0]
    for accuracy, microseconds in by_name.values():
        assert 90 < float(accuracy) <= 100
        assert float(microseconds) > 0
