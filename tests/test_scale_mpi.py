"""Training on two ranks of MPI: the weights of one process, and the same bits in every run."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from helpers import child_environment

import cnnfs

pytest.importorskip("mpi4py")
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")

PROGRAM = """
import sys
import numpy as np
from mpi4py import MPI
import cnnfs
from test_scale_mpi import data, network, parameters

comm = MPI.COMM_WORLD
rank, ranks = comm.Get_rank(), comm.Get_size()
x, y = data()
mine = np.arange(len(x)).reshape(-1, ranks, 16)[:, rank].ravel()
if sys.argv[2] == "fails" and rank == 1:
    x[mine[5], 3] = np.nan
net = network()
shuffle = sys.argv[2] == "shuffled"
try:
    net.fit(x[mine], y[mine], epochs=5, batch_size=16, shuffle=shuffle, rng=0, comm=comm,
            optimizer=cnnfs.Adam(0.01))
except Exception as error:
    sys.exit(f"rank {rank}: {type(error).__name__}: {error}")
np.save(f"{sys.argv[1]}.{rank}.npy", parameters(net))
"""


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(320, 6))
    return x, (x @ rng.normal(size=(6, 3))).argmax(axis=1)


def network():
    layers = [cnnfs.Layer(6, 32, "relu", dtype="float64", rng=1)]
    return cnnfs.Network([*layers, cnnfs.Layer(32, 3, "softmax", dtype="float64", rng=2)])


def parameters(net):
    return np.concatenate([a.ravel() for layer in net for a in (layer.weights, layer.bias)])


def run(n, *arguments, cwd=None):
    return subprocess.run(
        [MPIEXEC, "-n", str(n), sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=child_environment(),
        cwd=cwd,
    )


def on_ranks(folder, name, kind, n=2):
    done = run(n, "-c", PROGRAM, folder / name, kind)
    return done, [np.load(path) for path in sorted(folder.glob(f"{name}.*.npy"))]


def test_two_ranks_and_one_process_with_twice_the_batch(tmp_path):
    done, (first, second) = on_ranks(tmp_path, "a", "in order")
    assert done.returncode == 0, done.stdout + done.stderr
    assert first.tobytes() == second.tobytes()
    net = network()
    net.fit(*data(), epochs=5, batch_size=32, shuffle=False, optimizer=cnnfs.Adam(0.01))
    want = parameters(net)
    # Two orders of summation, some roundings of float64 apart, in each of 50 steps.
    assert np.abs(first - want).max() <= 1e-12 * np.abs(want).max()


def test_the_same_bits_in_every_run(tmp_path):
    runs = []
    for name in "ab":
        done, results = on_ranks(tmp_path, name, "shuffled")
        assert done.returncode == 0, done.stdout + done.stderr
        runs += results
    assert len({run.tobytes() for run in runs}) == 1
    assert len(runs) == 4


def test_bad_data_on_one_rank_end_all(tmp_path):
    done, results = on_ranks(tmp_path, "a", "fails")
    assert done.returncode != 0
    assert "rank 1: ValueError: X has nan in row 5, column 3" in done.stderr
    words = "rank 0: RuntimeError: fit failed on rank 1: ValueError: X has nan in row 5, column 3"
    assert words in done.stderr
    assert not results


def test_the_program_of_the_guide(tmp_path):
    guide = (ROOT / "docs" / "scale.md").read_text()
    (program,) = (part for part in guide.split("```py\n") if part.startswith("# train.py"))
    (tmp_path / "train.py").write_text(program.split("```")[0])
    rng = np.random.default_rng(0)
    for rank in range(3):
        np.save(tmp_path / f"X-{rank}.npy", rng.random((300 + rank, 784), dtype=np.float32))
        np.save(tmp_path / f"y-{rank}.npy", rng.integers(0, 10, 300 + rank))
    done = run(3, "-m", "mpi4py", "train.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cnnfs.load(tmp_path / "model.safetensors").n_inputs == 784
