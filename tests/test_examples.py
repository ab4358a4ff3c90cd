"""The programs in examples/ run and print what they are there to show."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT
from helpers import child_environment


def run(name, folder, *arguments, **variables):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=child_environment(MPLBACKEND="Agg", **variables),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def check_pictures(folder, out):
    pictures = sorted(folder.rglob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.name in out
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_neuron_to_network(tmp_path):
    out = run("neuron_to_network.py", tmp_path)
    assert out.count("4.8, 1.21, 2.385") >= 2  # by NumPy and by cnnfs
    for word in ("neuron", "batch", "layer", "relu", "sigmoid", "step", "linear"):
        assert word in out
    assert "False" not in out
    check_pictures(tmp_path, out)


def test_digits(tmp_path):
    out = run("digits.py", tmp_path, "--runs", "1", "--output", "pictures")
    check_pictures(tmp_path / "pictures", out)
    learned, held_out = map(int, re.search(r"1797 .*?(\d+) to learn.*?(\d+) held", out).groups())
    assert learned + held_out == 1797
    curve = re.findall(r"^ +(\d+) +(\d\.\d+) +[\d.]+% +\d\.\d+ +([\d.]+)%$", out, re.MULTILINE)
    numbers, losses, accuracies = zip(*curve, strict=True)
    assert numbers[0] == "1"
    assert numbers[-1] == "15"
    assert float(losses[-1]) < float(losses[0]) / 10
    matrix = re.findall(r"^ +(\d)((?: +(?:\d+|\.)){10})$", out, re.MULTILINE)
    counts = [row.replace(".", "0").split() for digit, row in matrix]
    assert [digit for digit, row in matrix] == list("0123456789")
    assert sum(int(count) for row in counts for count in row) == held_out
    right = sum(int(counts[i][i]) for i in range(10))
    percent = {
        name: float(re.search(rf"^{name} +([\d.]+)% +\d", out, re.MULTILINE)[1])
        for name in ("cnnfs", "scikit-learn")
    }
    assert percent["cnnfs"] == round(100 * right / held_out, 2) == float(accuracies[-1])
    assert min(percent.values()) > 95


def test_spiral(tmp_path):
    out = run("spiral.py", tmp_path)
    check_pictures(tmp_path, out)
    assert float(re.search(r"training points.*: ([\d.]+)%", out)[1]) > 95


def test_from_scikit_learn(tmp_path):
    out = run("from_scikit_learn.py", tmp_path, "--rounds", "3")
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


@pytest.mark.parametrize("name", ["digits.py", "neuron_to_network.py", "spiral.py"])
def test_without_matplotlib(name, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "matplotlib.py").write_text("raise ImportError")
    out = run(name, tmp_path, PYTHONPATH=str(hidden))
    assert 'pip install ".[plot]"' in out
    assert not list(tmp_path.rglob("*.png"))
