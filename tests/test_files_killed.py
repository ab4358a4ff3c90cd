"""A save that is killed: there is the old file or the new one, and no other."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import child_environment

import cnnfs
from cnnfs import Layer, Network

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


SAVE_FOR_EVER = """
    import sys
    import cnnfs
    import numpy as np
    # Of different sizes, so that a mixture would be seen.
    nets = [
        cnnfs.Network([cnnfs.Layer.from_arrays(np.full((n, 300), n, "f4"))]) for n in (500, 700)
    ]
    print("ready", flush=True)
    while True:
        for net in nets:
            net.save("model.safetensors")
"""


def killed_saves(times, seed):
    draw = random.Random(seed)
    # The children may all be killed before their first save.
    Network([Layer.from_arrays(np.full((500, 300), 500, "f4"))]).save("model.safetensors")
    sizes, left = set(), 0
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", "\n".join(line[4:] for line in SAVE_FOR_EVER.split("\n"))],
            stdout=subprocess.PIPE,
            env=child_environment(),
        )
        assert child.stdout.readline() == b"ready\n"
        time.sleep(draw.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        layer = cnnfs.load("model.safetensors")[0]
        assert (layer.weights == layer.n_neurons).all()
        sizes.add(layer.n_neurons)
        rest = [name for name in os.listdir() if name != "model.safetensors"]
        assert all(n.startswith(".model.safetensors.") and n.endswith(".tmp") for n in rest)
        left = len(rest)
    return sizes, left


def test_a_killed_save_leaves_the_old_file_or_the_new_one():
    killed_saves(6, seed=0)
    assert cnnfs.load("model.safetensors").n_outputs in (500, 700)


@pytest.mark.deep
def test_a_hundred_killed_saves():
    sizes, left = killed_saves(100, seed=1)
    assert sizes == {500, 700}
    assert left > 10, "some were killed in the middle"


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "fsync of the folder"])
def test_a_save_that_ends_at_this_call(call):
    """The process ends right before each call that changes the disk."""
    net = Network([Layer(3, 4, rng=0)])
    net.save("model.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", END_AT, call], env=child_environment(), check=False, timeout=60
    )
    assert done.returncode == 7
    found = cnnfs.load("model.safetensors")
    if call == "fsync of the folder":
        assert found.n_outputs == 9
    else:
        assert found == net
    assert len(os.listdir()) == 1 + (call in ("write", "fsync", "replace"))


END_AT = """
import os, stat, sys
import cnnfs

def ends(function, when=lambda *a: True):
    def wrapper(*arguments, **options):
        if when(*arguments):
            os._exit(7)
        return function(*arguments, **options)
    return wrapper

is_folder = lambda descriptor: stat.S_ISDIR(os.fstat(descriptor).st_mode)
call = sys.argv[1]
if call == "open":
    os.open = ends(os.open)
elif call == "write":
    os.fchmod = ends(os.fchmod)
elif call == "fsync":
    os.fsync = ends(os.fsync)
elif call == "replace":
    os.replace = ends(os.replace)
else:
    os.fsync = ends(os.fsync, is_folder)
cnnfs.Network([cnnfs.Layer(3, 9)]).save("model.safetensors")
"""
