"""Python's own ways: pickle, copy, multiprocessing by fork and spawn, weak references, threads."""

import copy
import gc
import io
import pickle
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits
from train_cases import assert_same_network, make

import cnnfs
from cnnfs import Activation, Dropout, Layer, Network

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PENALTY = {"weight_l1": 1e-3, "weight_l2": 2e-3, "bias_l1": 3e-3, "bias_l2": 4e-3}


def trained():
    net, x, y, options = make("digits")
    net.fit(x, y, epochs=2, **options)
    return net, x, y, options


# ---- pickle ------------------------------------------------------------------------------------


class OnlyOurs(pickle.Unpickler):
    """As the pickle module recommends it: nothing but what is on a list."""

    allowed = frozenset(
        {
            ("cnnfs.network", "Network"),
            ("cnnfs.network", "_restore_network"),
            ("cnnfs.layer", "Layer"),
            ("cnnfs.layer", "_restore_layer"),
            ("cnnfs.dropout", "Dropout"),
        }
    )

    def find_class(self, module, name):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def test_a_pickle_names_nothing_but_cnnfs():
    net = trained()[0]
    for protocol in PROTOCOLS[3:]:  # the older ones need helpers of the standard library
        twin = OnlyOurs(io.BytesIO(pickle.dumps(net, protocol))).load()
        assert_same_network(twin, net)
        assert repr(twin) == repr(net)


@pytest.mark.parametrize("activation", list(Activation))
def test_what_a_pickle_keeps(dtype, activation):
    layer = Layer(3, 4, activation, dtype=dtype, rng=0, **PENALTY)
    net = Network([Dropout(0.5), layer, Dropout(0.25), Layer(4, 2, dtype=dtype, rng=1)])
    for protocol in PROTOCOLS:
        twin = pickle.loads(pickle.dumps(net, protocol))
        assert repr(twin) == repr(net)
        assert_same_network(twin, net)
        one = pickle.loads(pickle.dumps(layer, protocol))
        assert one.penalties == layer.penalties
        one.weight_l1 = 0.5
        with pytest.raises(ValueError, match="weight_l1"):
            one.weight_l1 = -1


def test_sharing_is_kept_within_a_pickle():
    layer = Layer(3, 3, rng=0)
    one, other = Network([layer, layer]), Network([layer])
    first, second, alone = pickle.loads(pickle.dumps((one, other, layer)))
    assert first[0] is first[1] is second[0] is alone
    assert copy.deepcopy([one, other])[0][0] is not layer


def test_a_damaged_pickle_of_a_layer_is_refused():
    restore, (kind, data), *_ = Layer(3, 4, rng=0).__reduce__()
    assert restore(kind, data) == Layer(3, 4, rng=0)
    for wrong in (b"", data[:-1], data + b"\0", data.replace(b"linear", b"lineal"), b"x" * 99):
        with pytest.raises(cnnfs.ModelFileError, match="a pickled layer: "):
            restore(kind, wrong)


# ---- a network with an optimizer ---------------------------------------------------------------


def test_copies_get_no_optimizer():
    net, x, y, options = trained()
    state = [pair[0].tobytes() for pairs in options["optimizer"]._trainer.state() for pair in pairs]
    steps = options["optimizer"].steps
    for twin in (copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net[:]):
        assert twin._optimizer is twin._loss is None
        with pytest.raises(ValueError, match="holds the state of another network"):
            twin.fit(x, y, optimizer=options["optimizer"])
    again = [pair[0].tobytes() for pairs in options["optimizer"]._trainer.state() for pair in pairs]
    assert (again, options["optimizer"].steps) == (state, steps)
    net.fit(x, y, **options)


def test_a_loaded_network_is_copied_like_any_other(tmp_path):
    net, *_, options = trained()
    net.save(tmp_path / "training", optimizer=options["optimizer"])
    loaded, optimizer = cnnfs.load_training(tmp_path / "training")
    for twin in (copy.copy(loaded), copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert_same_network(twin, net)
        assert twin._optimizer is None
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="holds the state of a network"):
            way(optimizer)


# ---- weak references ---------------------------------------------------------------------------


def test_a_loaded_network_and_its_optimizer_are_freed(tmp_path):
    net, *_, options = trained()
    net.save(tmp_path / "training", optimizer=options["optimizer"])
    loaded, optimizer = cnnfs.load_training(tmp_path / "training")
    gone = [weakref.ref(thing) for thing in (loaded, optimizer, loaded[0])]
    told = []
    weakref.finalize(loaded, told.append, "gone")
    assert gone[0]() is loaded
    del loaded, optimizer
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert told == ["gone"]


def test_an_optimizer_without_its_network(tmp_path):
    net, x, y, options = trained()
    net.save(tmp_path / "training", optimizer=options["optimizer"])
    optimizer = cnnfs.load_training(tmp_path / "training")[1]
    gc.collect()
    with pytest.raises(ValueError, match=r"reset\(\)"):
        net.fit(x, y, optimizer=optimizer)
    with pytest.raises(ValueError, match="holds the state of another network"):
        net.save(tmp_path / "training", optimizer=optimizer)


def test_weak_collections():
    nets = [Network([Layer(2, 2)]) for _ in range(3)]
    by_name = weakref.WeakValueDictionary({str(i): net for i, net in enumerate(nets)})
    del nets[1]
    gc.collect()
    assert sorted(by_name) == ["0", "2"]


# ---- processes ---------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("pool", ["multiprocessing", "concurrent.futures"])
def test_networks_go_to_other_processes_and_come_back(method, pool):
    checked_python(
        """
        import functools, multiprocessing, operator, sys, warnings
        from concurrent.futures import ProcessPoolExecutor
        import numpy as np
        import cnnfs
        from reference import assert_same_bits
        from train_cases import assert_same_network, make

        # Python 3.12 and later warn of every fork of a process that has threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        method, pool = sys.argv[1:]
        net, x, y, options = make("digits")
        net.fit(x, y, epochs=2, **options)  # its optimizer is attached, the threads are awake
        want = net(x)
        context = multiprocessing.get_context(method)
        with (
            context.Pool(2) if pool == "multiprocessing"
            else ProcessPoolExecutor(2, mp_context=context)
        ) as workers:
            for got in workers.map(net, [x] * 4):
                assert_same_bits(got, want)
            for got in workers.map(net[0], [x] * 4):
                assert_same_bits(got, net[0](x))
            (twin,) = workers.map(operator.itemgetter(slice(None)), [net])
            assert_same_network(twin, net)
            # Training in the children: the same as here, bit for bit.
            fit = functools.partial(operator.methodcaller, "fit", epochs=2, rng=1)
            histories = list(workers.map(fit(x, y), [net, net]))
        assert histories[0] == histories[1] == cnnfs.Network(net.layers).fit(x, y, epochs=2, rng=1)
        """,
        method,
        pool,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_training_goes_on_in_a_forked_child(tmp_path):
    """A child has all that its parent had, the optimizer's state as well, and a copy of it."""
    checked_python(
        """
        import multiprocessing, sys, warnings
        import cnnfs
        from train_cases import assert_same_network, make

        warnings.simplefilter("ignore", DeprecationWarning)
        net, x, y, options = make("digits")
        net.fit(x, y, epochs=2, **options)

        def child():
            net.fit(x, y, epochs=2, **options)
            net.save(sys.argv[1], optimizer=options["optimizer"])

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert options["optimizer"].epochs == 2
        net.fit(x, y, epochs=2, **options)
        twin, optimizer = cnnfs.load_training(sys.argv[1])
        assert_same_network(twin, net)
        assert optimizer.epochs == 4
        """,
        tmp_path / "training",
    )


# ---- threads -----------------------------------------------------------------------------------


def test_save_load_pickle_and_copy_in_many_threads(tmp_path):
    net, x, y, options = trained()
    want, adam = net(x), options["optimizer"]

    def work(number):
        path = tmp_path / f"{number % 4}.safetensors"
        net.save(path, optimizer=adam if number % 2 else None)
        twins = [cnnfs.load(path), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
        for twin in twins:
            assert_same_bits(twin(x), want)
            twin.fit(x[:40], y[:40], rng=0)
        for twin in twins[1:]:
            assert_same_network(twin, twins[1])
        return True

    def save(number):
        try:
            return work(number)
        except RuntimeError as error:  # two at once look into the optimizer
            return "in use by another call" in str(error)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(save, range(80)))
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{i}.safetensors" for i in range(4)]
    assert_same_bits(net(x), want)


def test_a_network_is_used_while_it_is_pickled_and_changed():
    """Each copy is of one moment: all weights of a layer are of the same number."""
    layer, stop, wrong = Layer(200, 100, rng=0), threading.Event(), []
    layer.weights = np.zeros((100, 200))

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            layer.weights = np.full((100, 200), number % 100)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            for twin in (pickle.loads(pickle.dumps(layer)), copy.copy(layer)):
                wrong += [twin] * bool(np.ptp(twin.weights))
    finally:
        stop.set()
        thread.join()
    assert not wrong
