"""Dropout as an object: its rate, equality, copies."""

import copy
import pickle

import numpy as np
import pytest

from cnnfs.dropout import Dropout


@pytest.mark.parametrize("rate", [0, 0.0, 0.1, 0.5, 1 - 2**-53, np.float32(0.25), np.int64(0)])
def test_a_rate(rate):
    dropout = Dropout(rate)
    assert dropout.rate == rate
    assert type(dropout.rate) is float
    assert repr(dropout) == f"Dropout({float(rate)})"


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 2, np.nan, np.inf])
def test_a_rate_out_of_range(rate):
    with pytest.raises(ValueError, match="rate of Dropout must be at least 0 and below 1"):
        Dropout(rate)


@pytest.mark.parametrize("rate", ["0.1", None, True, [0.1], 0.1j])
def test_what_is_no_rate(rate):
    with pytest.raises(TypeError, match="rate of Dropout must be a number"):
        Dropout(rate)


def test_it_does_not_change():
    dropout = Dropout(0.1)
    with pytest.raises(AttributeError):
        dropout.rate = 0.2
    with pytest.raises(AttributeError):
        del dropout.rate
    assert dropout.rate == 0.1


def test_equality():
    assert Dropout(0.1) == Dropout(0.1)
    assert Dropout(0.1) != Dropout(0.2)
    assert Dropout(0.1) != 0.1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Dropout(0.1))


def test_copies():
    dropout = Dropout(0.1)
    for twin in (
        copy.copy(dropout),
        copy.deepcopy(dropout),
        pickle.loads(pickle.dumps(dropout)),
    ):
        assert twin == dropout
        assert twin is not dropout
