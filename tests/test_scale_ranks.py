"""Training over several ranks: the steps of one process whose batches are all ranks' together."""

import numpy as np
import pytest
from thread_ranks import on_ranks

import cnnfs
from cnnfs.seeds import Seeds

OPTIMIZERS = {
    "sgd": lambda: cnnfs.SGD(0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda: cnnfs.Adagrad(0.05),
    "rmsprop": lambda: cnnfs.RMSprop(1e-3),
    "adam": lambda: cnnfs.Adam(1e-3),
    "adamw": lambda: cnnfs.AdamW(1e-3, clip_norm=0.5),
    "clipped": lambda: cnnfs.SGD(cnnfs.ExponentialDecay(0.1, 0.99), clip_value=0.01),
}
# Two orders of summation differ by some roundings in each of some 50 steps; a hundred units of each
# are left for what the steps after make of them.
BOUND = {"float32": 50 * 100 * 2.0**-24, "float64": 50 * 100 * 2.0**-53}


def network(last="softmax", dtype="float64", **penalties):
    layers = [
        cnnfs.Layer(5, 9, "tanh", dtype=dtype, rng=1, **penalties),
        cnnfs.Layer(9, 7, "gelu", dtype=dtype, rng=2),
        cnnfs.Layer(7, 3, last, dtype=dtype, rng=3, **penalties),
    ]
    return cnnfs.Network(layers)


def data(sizes, last="softmax"):
    """For each rank its rows."""
    rng = np.random.default_rng(0)
    parts = []
    for n in sizes:
        x = rng.normal(size=(n, 5))
        y = rng.integers(0, 3, n) if last == "softmax" else rng.normal(size=(n, 3))
        parts.append((x, y, rng.uniform(0, 2, n)))
    return parts


def parameters(net):
    return np.concatenate([a.ravel() for layer in net for a in (layer.weights, layer.bias)])


def orders(parts, epoch, seed, shuffle):
    for rank, (x, _, _) in enumerate(parts):
        order = np.arange(len(x))
        if shuffle:
            mixed = np.random.SeedSequence([Seeds(seed).of_epoch(epoch), rank])
            drawn = int(mixed.generate_state(1, np.uint64)[0])
            order = np.random.Generator(np.random.PCG64(drawn)).permutation(order)
        yield order


def alone(net, parts, optimizer, *, epochs, batch, weighted, shuffle=True, rng=0):
    """One process that takes, step by step, the rows of all ranks' batches."""
    for epoch in range(epochs):
        each = list(orders(parts, epoch, rng, shuffle))
        for start in range(0, max(map(len, each)), batch):
            rows = [order[start : start + batch] for order in each]
            union = [
                np.concatenate([part[i][r] for part, r in zip(parts, rows, strict=True)])
                for i in range(3)
            ]
            weight = union[2] if weighted else None
            net.train_step(union[0], union[1], optimizer=optimizer, sample_weight=weight)
    return parameters(net)


def assert_near(got, want):
    assert np.abs(got - want).max() <= BOUND[str(want.dtype)] * np.abs(want).max()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("sizes", [(40, 40), (40, 25, 1)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_steps_of_one_process_with_the_union_of_the_batches(name, sizes, weighted):
    parts = data(sizes)

    def work(comm):
        net, optimizer = network(weight_l2=1e-3, bias_l1=1e-4), OPTIMIZERS[name]()
        x, y, weight = parts[comm.Get_rank()]
        weight = weight if weighted else None
        for epochs in (1, 2):
            net.fit(x, y, epochs=epochs, batch_size=8, optimizer=optimizer, rng=0, comm=comm,
                    sample_weight=weight)  # fmt: skip
        return parameters(net)

    results = on_ranks(len(sizes), work)
    net = network(weight_l2=1e-3, bias_l1=1e-4)
    want = alone(net, parts, OPTIMIZERS[name](), epochs=3, batch=8, weighted=weighted)
    for got in results:
        assert got.tobytes() == results[0].tobytes()
        assert_near(got, want)
    assert on_ranks(len(sizes), work)[0].tobytes() == results[0].tobytes(), "in every run"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twice_the_batch_size_of_one_process(dtype):
    """As the user has it: rows dealt out batch by batch, and no shuffling."""
    x, y, _ = data([96])[0]
    want = network(dtype=dtype)
    want.fit(x, y, epochs=4, batch_size=16, shuffle=False)

    def work(comm):
        net = network(dtype=dtype)
        mine = np.arange(96).reshape(-1, 2, 8)[:, comm.Get_rank()].ravel()
        history = net.fit(x[mine], y[mine], epochs=4, batch_size=8, shuffle=False, comm=comm)
        return parameters(net), history

    for got, history in on_ranks(2, work):
        assert_near(got, parameters(want))
        assert set(history) == {"loss", "accuracy"}


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_the_history_is_that_of_all_rows(last):
    parts, held = data((33, 20), last), data((11, 30), last)

    def work(comm):
        net = network(last)
        (x, y, w), (vx, vy, vw) = parts[comm.Get_rank()], held[comm.Get_rank()]
        logs = dict(net.fit(x, y, epochs=2, batch_size=64, shuffle=False, sample_weight=w,
                            validation_data=(vx, vy, vw), comm=comm))  # fmt: skip
        return logs, net

    (logs, net), (others, _) = on_ranks(2, work)
    assert logs == others
    before = network(last)
    union, rest = ([np.concatenate(a) for a in zip(*p, strict=True)] for p in (parts, held))
    first = before.evaluate(union[0], union[1], sample_weight=union[2])
    after = net.evaluate(rest[0], rest[1], sample_weight=rest[2])
    assert set(logs) == {*first, *(f"val_{key}" for key in first)}
    for key in first:
        assert logs[key][0] == pytest.approx(first[key], rel=1e-12)
        assert logs[f"val_{key}"][-1] == pytest.approx(after[key], rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_rank_is_no_other_than_none(dtype):
    x, y, _ = data([50])[0]
    noisy = [cnnfs.Dropout(0.3), *network(dtype=dtype)]
    plain = cnnfs.Network([cnnfs.Dropout(0.3), *network(dtype=dtype)])
    plain.fit(x, y, epochs=3, rng=5)

    def work(comm):
        net = cnnfs.Network(noisy)
        net.fit(x, y, epochs=3, rng=5, comm=comm)
        return net

    (net,) = on_ranks(1, work)
    assert net == plain


def test_each_rank_has_dropouts_of_its_own():
    x, y, _ = data([16])[0]

    def work(comm):
        net = cnnfs.Network([cnnfs.Dropout(0.5), *network()])
        net.fit(x, y, epochs=1, batch_size=16, shuffle=False, rng=0, comm=comm)
        return parameters(cnnfs.Network(net[1:]))

    both = on_ranks(2, work)
    (one,) = on_ranks(1, work)
    assert both[0].tobytes() == both[1].tobytes()
    assert both[0].tobytes() == on_ranks(2, work)[0].tobytes()
    # With the same rows on both ranks, only other dropouts can make a difference of this size.
    assert np.abs(both[0] - one).max() > 1e-6


def test_all_ranks_begin_with_the_weights_and_the_state_of_rank_0():
    parts = data((24, 24))

    def work(comm):
        rank = comm.Get_rank()
        layers = [cnnfs.Layer(5, 3, "softmax", dtype="float64", rng=rank)]
        net, adam = cnnfs.Network(layers), cnnfs.Adam(0.01)
        x, y, _ = parts[rank]
        if rank == 0:
            net.fit(x, y, epochs=2, optimizer=adam, rng=0)
        before = parameters(net)
        net.fit(x, y, epochs=1, batch_size=24, optimizer=adam, rng=0, shuffle=False, comm=comm)
        return before, parameters(net), adam.steps, adam.epochs

    (before, got, *counts), (_, other, *others) = on_ranks(2, work)
    assert got.tobytes() == other.tobytes()
    assert counts == others == [3, 3]
    assert np.abs(got - before).max() < 0.1


def test_callbacks_that_end_the_training_on_one_rank_end_it_on_all():
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        stop = [lambda epoch: epoch.number == 2] if comm.Get_rank() == 1 else []
        return len(network().fit(x, y, epochs=9, rng=0, callbacks=stop, comm=comm)["loss"])

    assert on_ranks(2, work) == [2, 2]
