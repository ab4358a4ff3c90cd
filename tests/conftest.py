"""Fixtures for every test: instruction sets, dtypes, a build of the C++ core."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from reference import ELEMENTWISE

import cnnfs
from cnnfs import _cnnfs_core as core

ROOT = Path(__file__).resolve().parent.parent
ISAS = tuple(core.available_isas())

settings.register_profile(
    "local",
    deadline=None,
    # The fixtures used with @given hold for all examples of a test: nothing to reset in between.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(params=ISAS)
def isa(request):
    """The name of an instruction set that new layers and functions use during the test."""
    before = core.isa()
    core.use_isa(request.param)
    yield request.param
    core.use_isa(before)


@pytest.fixture
def each_isa():
    """Iterate over the instruction sets; each is in use while its name is handed out."""
    before = core.isa()

    def switch():
        for name in ISAS:
            core.use_isa(name)
            yield name

    yield switch
    core.use_isa(before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)


class Forward:
    """One of the three things that compute act(x W^T + b), all called as ``forward(x, out=...)``.

    It takes 4 features and gives 5.
    """

    n_inputs, n_neurons = 4, 5

    def __init__(self, kind, dtype="float32"):
        rng = np.random.default_rng(7)
        self.kind = kind
        self.dtype = np.dtype(dtype)
        self.weights = rng.normal(size=(5, 4)).astype(dtype)
        self.bias = rng.normal(size=5).astype(dtype)
        self.layer = cnnfs.Layer.from_arrays(self.weights, self.bias, "relu")
        self.call = {"dense": self._dense, "layer": self.layer}.get(kind)
        if self.call is None:
            self.call = cnnfs.Network([self.layer])

    def _dense(self, x, **options):
        return cnnfs.dense(x, self.weights, self.bias, "relu", **options)

    def __call__(self, *args, **options):
        return self.call(*args, **options)

    def expected(self, x):
        """The answer for an x that is easy: C-contiguous, native, of the right dtype."""
        return cnnfs.dense(np.array(x, self.dtype, order="C"), self.weights, self.bias, "relu")


@pytest.fixture(params=["dense", "layer", "network"])
def forward(request):
    return Forward(request.param)


@pytest.fixture(params=["dense", "layer", "network"])
def make_forward(request):
    return lambda dtype: Forward(request.param, dtype)


@pytest.fixture(params=ELEMENTWISE)
def function(request):
    """Each elementwise function."""
    return getattr(cnnfs, request.param)


def program(name):
    """The path of a build tool, beside this Python or on PATH; fails when there is none."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    found = shutil.which(name, path=places)
    if found is None:
        pytest.fail(f"this test needs the program '{name}'; it is not installed")
    return found


@pytest.fixture(scope="session")
def core_build(tmp_path_factory):
    """A build directory with the C++ core and its C++ tests, made without Python."""
    build = tmp_path_factory.mktemp("core_build")
    cmake = program("cmake")
    configure = [
        *(cmake, "-S", ROOT, "-B", build, "-G", "Ninja"),
        f"-DCMAKE_MAKE_PROGRAM={program('ninja')}",
        *("-DCNNFS_BUILD_PYTHON=OFF", "-DCNNFS_BUILD_TESTS=ON", "-DCMAKE_BUILD_TYPE=Release"),
    ]
    for command in (configure, [cmake, "--build", build]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return build
