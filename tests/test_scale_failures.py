"""Training over several ranks: what fails on one ends all of them, and says why."""

import numpy as np
import pytest
from test_scale_ranks import data, network, parameters
from thread_ranks import ThreadComm, on_ranks

import cnnfs


def test_divergence_is_the_same_on_all_ranks():
    parts = data((24, 24), "linear")
    parts[1][1][20] = 1e300  # on one rank only

    def work(comm):
        net = network("linear")
        x, y, _ = parts[comm.Get_rank()]
        with pytest.raises(cnnfs.TrainingDiverged) as caught:
            net.fit(x, y, batch_size=8, shuffle=False, optimizer=cnnfs.SGD(0.1), comm=comm)
        return caught.value.epoch, caught.value.step, parameters(net)

    (*place, got), (*other, same) = on_ranks(2, work)
    assert place == other == [1, 3]
    assert got.tobytes() == same.tobytes()
    assert np.isfinite(got).all()


def test_an_error_on_one_rank_is_an_error_on_all():
    parts = data((24, 24))
    parts[1][0][3, 2] = np.nan

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        network().fit(x, y, comm=comm)

    other, own = on_ranks(2, work)
    assert type(own) is ValueError
    assert "X has nan in row 3, column 2" in str(own)
    assert type(other) is RuntimeError
    assert str(other).startswith("fit failed on rank 1: ValueError: X has nan in row 3, column 2")


DIFFERENT = {
    "epochs is 2 on rank 1 and 1 on rank 0": ({"epochs": 1}, {"epochs": 2}),
    "batch_size is 8": ({"batch_size": 16}, {"batch_size": 8}),
    "shuffle is": ({"shuffle": True}, {"shuffle": False}),
    "the optimizer is": ({"optimizer": "adam"}, {"optimizer": "sgd"}),
    "the learning rate is": ({"optimizer": cnnfs.SGD(0.1)}, {"optimizer": cnnfs.SGD(0.2)}),
    "class_weight is": ({}, {"class_weight": {0: 2.0}}),
    "the loss is": ({}, {"loss": cnnfs.CrossEntropy(label_smoothing=0.1)}),
    "validation is": ({}, {"validation_split": 0.5}),
}


@pytest.mark.parametrize("words", DIFFERENT)
def test_ranks_that_want_different_things(words):
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        network().fit(x, y, comm=comm, **DIFFERENT[words][comm.Get_rank()])

    errors = on_ranks(2, work)
    assert all(type(error) is ValueError for error in errors), errors
    assert words in str(errors[0])


def test_networks_that_differ():
    parts = data((24, 24))

    def work(comm):
        net = network() if comm.Get_rank() else cnnfs.Network([cnnfs.Layer(5, 3, "softmax")])
        x, y, _ = parts[comm.Get_rank()]
        net.fit(x, y, comm=comm)

    for error in on_ranks(2, work):
        assert "the dtype is" in str(error)


def test_what_is_no_communicator():
    for wrong in (2, "world", object(), ThreadComm):
        with pytest.raises(TypeError, match="comm must be a communicator of mpi4py"):
            network().fit([[0.0] * 5], [0], comm=wrong)


def assert_fails(work, rank, own, words):
    """That one rank has its own error, and the others are told, instead of waiting for ever."""
    errors = on_ranks(2, work)
    assert type(errors[rank]) is own, errors
    assert type(errors[1 - rank]) is RuntimeError, errors
    assert f"fit failed on rank {rank}: {own.__name__}: " in str(errors[1 - rank])
    for error in errors:
        assert words in str(error)


@pytest.mark.parametrize("when", ["on_begin", "__call__", "on_end"])
def test_a_callback_that_fails_on_one_rank(when):
    class Bad:
        def __call__(self, epoch):
            pass

    def fail(self, argument):
        raise OSError("the disk is full")

    setattr(Bad, when, fail)
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        network().fit(x, y, comm=comm, callbacks=[Bad()] if comm.Get_rank() else [])

    assert_fails(work, 1, OSError, "the disk is full")


def test_a_learning_rate_that_fails_on_rank_0():
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        rate = float("nan") if comm.Get_rank() == 0 else 0.1
        network().fit(x, y, comm=comm, optimizer=cnnfs.SGD(lambda step: rate))

    assert_fails(work, 0, ValueError, "the learning rate at step 0 must be finite")


def test_best_weights_put_back_on_one_rank_only_are_noticed():
    parts, held = data((24, 24)), data((9, 9))

    def work(comm, everywhere):
        x, y, _ = parts[comm.Get_rank()]
        stop = [cnnfs.EarlyStopping(patience=1, min_delta=10.0)]
        net = network()
        net.fit(x, y, epochs=5, rng=0, validation_data=held[comm.Get_rank()], comm=comm,
                callbacks=stop if everywhere or comm.Get_rank() else [])  # fmt: skip
        return parameters(net)

    one, other = on_ranks(2, lambda comm: work(comm, True))
    assert one.tobytes() == other.tobytes()
    for error in on_ranks(2, lambda comm: work(comm, False)):
        assert type(error) is RuntimeError
        assert "EarlyStopping belongs on all" in str(error)


def test_class_weights_that_each_rank_would_count_for_itself():
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        network().fit(x, y, class_weight="balanced", comm=comm)

    for error in on_ranks(2, work):
        assert type(error) is ValueError
        assert "give a dict of the weights" in str(error)


def test_weights_whose_sum_is_infinite():
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        net = network()
        before = parameters(net)
        with pytest.raises(cnnfs.TrainingDiverged):
            net.fit(x, y, sample_weight=np.full(24, 1e308), comm=comm)
        assert parameters(net).tobytes() == before.tobytes()

    assert on_ranks(2, work) == [None, None]


def test_a_fit_that_fails_leaves_no_optimizer_behind():
    """Else the next one, without an optimizer, would go on with it."""
    parts = data((24, 24))

    def work(comm):
        x, y, _ = parts[comm.Get_rank()]
        net = network()
        with pytest.raises(ValueError, match="the optimizer is"):
            net.fit(x, y, comm=comm, optimizer=("adam", "sgd")[comm.Get_rank()])
        net.fit(x, y, comm=comm)

    assert on_ranks(2, work) == [None, None]
