"""The optimizer objects: arguments, attributes, learning rates, state. Not their arithmetic."""

import copy
import math
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from cnnfs.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, optimizer_of
from cnnfs.schedules import CosineDecay, ExponentialDecay, Schedule

KINDS = [SGD, Adagrad, RMSprop, Adam, AdamW]
each_kind = pytest.mark.parametrize("kind", KINDS)


def test_names_and_defaults_are_those_of_pytorch():
    assert [repr(optimizer_of(kind.name)) for kind in KINDS] == [
        "SGD(learning_rate=0.001, momentum=0.0, nesterov=False)",
        "Adagrad(learning_rate=0.01, eps=1e-10)",
        "RMSprop(learning_rate=0.01, alpha=0.99, eps=1e-08)",
        "Adam(learning_rate=0.001, betas=(0.9, 0.999), eps=1e-08)",
        "AdamW(learning_rate=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)",
    ]
    assert [kind.name for kind in KINDS] == ["sgd", "adagrad", "rmsprop", "adam", "adamw"]


def test_parameters_have_their_order():
    assert SGD(1, 0.9, True).parameters() == (0.9, 1.0)
    assert SGD(1).parameters() == (0.0, 0.0)
    assert Adagrad(1, 0.5).parameters() == (0.5,)
    assert RMSprop(1, 0.25, 0.5).parameters() == (0.25, 0.5)
    assert Adam(1, (0.25, 0.5), 0.75).parameters() == (0.25, 0.5, 0.75)
    assert AdamW(1, [0.25, 0.5], 0.75, 2).parameters() == (0.25, 0.5, 0.75, 2.0)
    assert all(type(p) is float for kind in KINDS for p in kind().parameters())


@each_kind
def test_what_can_be_given_as_optimizer(kind):
    mine = kind()
    assert optimizer_of(mine) is mine
    assert optimizer_of(kind.name) is not optimizer_of(kind.name)
    assert type(optimizer_of(kind.name)) is kind
    with pytest.raises(TypeError, match=rf"write {kind.__name__}\(\)"):
        optimizer_of(kind)


def test_what_is_no_optimizer():
    with pytest.raises(ValueError, match=r"'Adam'.*sgd.*adagrad.*rmsprop.*adam.*adamw"):
        optimizer_of("Adam")
    for given in (None, 3, 1e-3, object()):
        with pytest.raises(TypeError, match="optimizer must be a name or an optimizer"):
            optimizer_of(given)
    with pytest.raises(TypeError, match="abstract"):
        Optimizer(1e-3, None, None)


@each_kind
def test_repr_shows_what_was_given(kind):
    optimizer = kind(CosineDecay(1.0, 10), clip_value=0.5, clip_norm=2)
    text = repr(optimizer)
    assert "CosineDecay(initial=1.0, steps=10, final=0.0)" in text
    assert text.endswith("clip_value=0.5, clip_norm=2.0)")
    assert repr(eval(text)) == text


@each_kind
def test_clipping_is_by_keyword(kind):
    assert kind().clip_value is kind().clip_norm is None
    with pytest.raises(TypeError):
        kind(1e-3, 0.5, 0.5, 0.5, 0.5)
    for name in ("clip_value", "clip_norm"):
        for value in (0, -1.0, math.nan, math.inf):
            with pytest.raises(ValueError, match=f"{name} must be above 0"):
                kind(**{name: value})
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            kind(**{name: True})


@each_kind
def test_a_refused_learning_rate(kind):
    for value in (0, -1e-3, math.nan, math.inf):
        with pytest.raises(ValueError, match="learning_rate must be above 0"):
            kind(value)
    for value in ("1e-3", True, np.True_, None, 1j, [0.1]):
        with pytest.raises(TypeError, match="learning_rate must be a number"):
            kind(value)
    with pytest.raises(TypeError, match=r"write CosineDecay\(...\)"):
        kind(CosineDecay)


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        (SGD, "momentum", [-0.1, 1.0, math.nan]),
        (Adagrad, "eps", [-1e-8, math.inf]),
        (RMSprop, "alpha", [-0.1, 1.0]),
        (RMSprop, "eps", [-1.0]),
        (Adam, "betas", [(1.0, 0.9), (0.9, -0.1), (0.9, math.nan)]),
        (Adam, "eps", [-1.0]),
        (AdamW, "weight_decay", [-0.1, math.nan]),
    ],
)
def test_an_argument_out_of_range(kind, name, wrong):
    optimizer = kind()
    before = getattr(optimizer, name)
    for value in wrong:
        with pytest.raises(ValueError, match=name):
            kind(**{name: value})
        with pytest.raises(ValueError, match=name):
            setattr(optimizer, name, value)
    with pytest.raises(TypeError, match=name):
        setattr(optimizer, name, "0.5")
    assert getattr(optimizer, name) == before


def test_betas_and_nesterov_of_the_wrong_kind():
    for betas in (0.9, (0.9,), (0.9, 0.99, 0.999), ("a", "b"), None):
        with pytest.raises(TypeError, match="betas"):
            Adam(betas=betas)
    for switch in (1, "yes", None):
        with pytest.raises(TypeError, match="nesterov must be True or False"):
            SGD(momentum=0.9, nesterov=switch)


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        SGD(nesterov=True)
    optimizer = SGD(momentum=0.9, nesterov=True)
    optimizer.momentum = 0
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        optimizer.parameters()


@each_kind
def test_attributes_can_be_changed(kind):
    optimizer = kind()
    optimizer.learning_rate = np.float32(0.5)
    assert type(optimizer.learning_rate) is float
    assert optimizer.rates(0, 2).tolist() == [0.5, 0.5]
    optimizer.learning_rate = CosineDecay(1.0, 2)
    assert optimizer.rates(0, 1).tolist() == [1.0]
    optimizer.clip_norm = 3
    assert optimizer.clip_norm == 3.0
    optimizer.clip_norm = None
    assert optimizer.clip_norm is None


def test_two_optimizers_share_nothing():
    a, b = Adam(1e-3), Adam(1e-3)
    a.learning_rate, a.betas = 0.5, (0.5, 0.5)
    assert (b.learning_rate, b.betas) == (1e-3, (0.9, 0.999))


def test_rates_of_a_number_and_of_a_schedule():
    rates = Adam(0.25).rates(7, 3)
    assert rates.dtype == np.float64
    assert rates.tolist() == [0.25] * 3
    schedule = ExponentialDecay(1.0, 0.5)
    assert Adam(schedule).rates(2, 3).tolist() == [0.25, 0.125, 0.0625]
    assert Adam(schedule).rates(2, 0).shape == (0,)


def test_rates_of_a_user_s_function():
    seen = []

    def rate(step):
        seen.append(step)
        return np.float32(0.5) if step % 2 else 0

    assert SGD(rate).rates(3, 3).tolist() == [0.5, 0.0, 0.5]
    assert seen == [3, 4, 5]
    assert {type(step) for step in seen} == {int}


def test_a_user_s_own_schedule_gets_one_step_at_a_time():
    class Mine(Schedule):
        def __call__(self, step):
            return 0.5 if step > 2 else 0.25

        def _rates(self, steps):
            raise AssertionError

    assert SGD(Mine()).rates(2, 2).tolist() == [0.25, 0.5]


@pytest.mark.parametrize("bad", [-1e-9, math.nan, math.inf])
def test_a_bad_rate_names_its_step(bad):
    optimizer = SGD(lambda step: bad if step == 12 else 0.1)
    assert optimizer.rates(0, 12).tolist() == [0.1] * 12
    with pytest.raises(ValueError, match=f"step 12 must be finite and at least 0, but is {bad!r}"):
        optimizer.rates(10, 5)


def test_a_schedule_that_grows_too_far_names_its_step():
    with pytest.raises(ValueError, match=r"at step 1024 .*inf"):
        SGD(ExponentialDecay(1.0, 2.0)).rates(1000, 100)


def test_a_rate_that_is_no_number():
    with pytest.raises(TypeError, match="at step 3 must be a number, not None"):
        SGD(lambda step: None).rates(3, 2)


def test_an_error_of_a_user_s_function_is_the_user_s():
    def rate(step):
        raise LookupError("my own words")

    with pytest.raises(LookupError, match="my own words"):
        SGD(rate).rates(0, 1)


@each_kind
def test_state_is_counted_and_forgotten(kind):
    optimizer = kind(0.5)
    assert (optimizer.steps, optimizer.epochs) == (0, 0)
    optimizer._epochs, optimizer._trainer = 2, SimpleNamespace(steps=30)
    assert (optimizer.steps, optimizer.epochs) == (30, 2)
    for name in ("steps", "epochs"):
        with pytest.raises(AttributeError):
            setattr(optimizer, name, 0)
    optimizer.reset()
    assert (optimizer.steps, optimizer.epochs) == (0, 0)
    assert optimizer._trainer is optimizer._network is None
    assert optimizer.learning_rate == 0.5


@each_kind
def test_copies_of_an_unused_optimizer(kind):
    optimizer = kind(0.25, clip_norm=1.0)
    for twin in (
        copy.copy(optimizer),
        copy.deepcopy(optimizer),
        pickle.loads(pickle.dumps(optimizer)),
    ):
        assert type(twin) is kind
        assert repr(twin) == repr(optimizer)
        assert (twin.steps, twin._trainer, twin._network) == (0, None, None)
        twin.learning_rate = 0.5
        assert optimizer.learning_rate == 0.25


@each_kind
@pytest.mark.parametrize("attribute", ["_trainer", "_network"])
def test_an_optimizer_with_state_is_never_copied_without_it(kind, attribute):
    optimizer = kind()
    setattr(optimizer, attribute, object())
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"holds the state of a network.*call reset\(\)"):
            way(optimizer)
    optimizer.reset()
    assert repr(copy.copy(optimizer)) == repr(optimizer)
