"""The same seed gives the same weights, bit for bit: threads, instruction sets, runs, layouts."""

import numpy as np
import pytest
import test_float_environment
from conftest import ISAS
from helpers import checked_python, layouts
from pooled import meanwhile, num_threads
from reference import assert_same_bits
from test_float_environment import MODES, Environment
from train_cases import CASES, assert_same_network, digest, make, network, parameters, trained

import cnnfs

FUSED = [name for name in ISAS if name != "generic"]


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_threads(isa, dtype, name):
    with num_threads(1):
        want = digest(name, dtype)
    for count in (2, 4, 3):
        with num_threads(count):
            assert digest(name, dtype) == want, f"{count} threads"


@pytest.mark.skipif(len(FUSED) < 2, reason="one instruction set with fused multiply-add")
def test_instruction_sets_in_one_process(each_isa, dtype):
    for name in CASES:
        found = {isa: digest(name, dtype) for isa in each_isa() if isa != "generic"}
        assert len(set(found.values())) == 1, (name, found)


@pytest.mark.skipif(len(FUSED) < 2, reason="one instruction set with fused multiply-add")
def test_instruction_sets_in_processes_of_their_own():
    code = """
        import cnnfs
        from train_cases import digest, network, parameters
        import numpy as np
        for name in ("digits", "shared, odd", "large batch"):
            print(digest(name, "float32"), digest(name, "float64"))
        x = np.random.default_rng(0).normal(size=(50, 11))
        for activation in (a for a in cnnfs.Activation if a != "step"):
            net = network((11, 13, 5, 3), activation, "linear", dropout=0.1)
            net.fit(x, x[:, :3], epochs=5, loss="huber", rng=0)
            print(*(p.tobytes().hex() for p in parameters(net)))
    """
    found = {
        checked_python(code, CNNFS_ISA=isa, CNNFS_NUM_THREADS=count)
        for isa, count in zip(FUSED, "12", strict=False)
    }
    assert len(found) == 1


def test_two_runs():
    for name in CASES:
        (one, first), (other, second) = trained(name), trained(name)
        assert_same_network(one, other, name)
        assert first == second


def test_another_seed_is_another_training():
    def run(**options):
        net, x, y, known = make("digits", dropout=0)
        net.fit(x, y, **{**known, **options})
        return parameters(net)[0].tobytes()

    assert len({run(rng=seed) for seed in range(4)}) == 4
    assert run() != run(shuffle=False)
    assert run(rng=None) != run(rng=None)
    state = np.random.get_state()[1].tobytes()
    run(rng=None)
    assert np.random.get_state()[1].tobytes() == state, "the global generator is left alone"


@pytest.mark.parametrize("seed", [3, [1, 2], np.int64(3)], ids=str)
def test_anything_that_numpy_takes_as_a_seed(seed):
    runs = []
    for _ in range(2):
        net, x, y, options = make("digits")
        net.fit(x, y, **{**options, "rng": seed})
        runs.append(net)
    assert_same_network(*runs)
    for make_rng in (np.random.default_rng, np.random.SeedSequence, np.random.PCG64):
        runs = []
        for _ in range(2):
            net, x, y, options = make("digits")
            net.fit(x, y, **{**options, "rng": make_rng(4)})
            runs.append(net)
        assert_same_network(*runs)


def test_memory_layouts_of_the_data(dtype, tmp_path):
    net, x, y, options = make("digits", dtype)
    x, labels = x[:70], y[:70]
    net.fit(x, labels, epochs=2, **options)
    for name, other in layouts(x, tmp_path):
        again, *_, options = make("digits", dtype)
        again.fit(other, labels, epochs=2, **options)
        assert_same_network(again, net, name)
    net, x, y, options = make("wide", dtype)
    x, y = x[:70], y[:70].astype(dtype)
    net.fit(x, y, epochs=2, **options)
    for name, other in layouts(y, tmp_path):
        again, *_, options = make("wide", dtype)
        again.fit(x, other, epochs=2, **options)
        assert_same_network(again, net, name)


@pytest.mark.parametrize("kind", ["f2", "i1", "u2", "i8", "?", "g", list])
def test_data_of_other_types_is_cast_once(dtype, kind):
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 2, (40, 7)), rng.integers(0, 2, (40, 2))

    def given(a):
        return a.tolist() if kind is list else a.astype(kind)

    runs = [network((7, 5, 2), "tanh", "linear", dtype) for _ in range(2)]
    runs[0].fit(x.astype(dtype), y.astype(dtype), epochs=2, rng=0)
    runs[1].fit(given(x), given(y), epochs=2, rng=0)
    assert_same_network(*runs)


def test_float64_data_for_a_float32_network():
    net, x, y, options = make("wide")
    x = x + np.pi * 1e-9  # float64, and no number of float32
    net.fit(x, y, **options)
    again, *_, options = make("wide")
    again.fit(x.astype("f4"), y.astype("f4"), **options)
    assert_same_network(again, net)


def test_the_data_is_left_alone():
    net, x, y, options = make("digits")
    weight = np.ones(len(x))
    before = [a.tobytes() for a in (x, y, weight)]
    net.fit(x, y, sample_weight=weight, validation_split=0.1, **options)
    net.train_step(x, y, sample_weight=weight)
    net.gradients(x, y, sample_weight=weight)
    net.evaluate(x, y, sample_weight=weight)
    assert [a.tobytes() for a in (x, y, weight)] == before


def test_a_busy_pool_trains_to_the_same_bits():
    wants = {name: digest(name, "float32") for name in ("shared", "large batch")}
    layer = cnnfs.Layer(256, 512, "gelu", rng=0)
    x = np.ones((3000, 256), "f4")
    with num_threads(3), meanwhile(lambda: layer(x), threads=2):
        for name, want in wants.items():
            assert digest(name, "float32") == want


@test_float_environment.pytestmark
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_the_caller_s_rounding_mode_changes_nothing(dtype, mode):
    """Of what is native: casts and schedules are NumPy's, in the mode it finds."""
    makers = [cnnfs.Adam, lambda: cnnfs.RMSprop(clip_norm=0.1), lambda: cnnfs.SGD(1e-3, 0.9)]
    for name, optimizer in zip(("digits", "large batch", "one at a time"), makers, strict=True):
        net, x, y, options = make(name, dtype)
        want, *_, same = make(name, dtype)
        y = y.astype("i8" if y.ndim == 1 else dtype)
        want.fit(x, y, epochs=2, **{**same, "optimizer": optimizer()})
        slopes = want.gradients(x, y)
        options["optimizer"] = optimizer()
        with num_threads(2), Environment(mode) as environment:
            before = environment.control()
            net.fit(x, y, epochs=2, **options)
            got = net.gradients(x, y)
            assert environment.control() == before
        assert_same_network(net, want, name)
        assert_same_bits(got.dx, slopes.dx)


def test_the_number_of_threads_may_change_between_epochs():
    want = trained("shared", epochs=4)[0]
    net, x, y, options = make("shared")
    counts = iter([3, 1, 4, 2])
    with num_threads(2):
        net.fit(
            x, y, epochs=4, validation_split=0.2,
            callbacks=[lambda epoch: cnnfs.set_num_threads(next(counts))], **options,
        )  # fmt: skip
    assert_same_network(net, want)
