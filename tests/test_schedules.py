"""Schedules: formulas, kinds of steps, arguments."""

import copy
import math
import pickle

import numpy as np
import pytest

from cnnfs.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearWarmup,
    Schedule,
    StepDecay,
)

STEPS = [0, 1, 2, 3, 9, 10, 11, 19, 20, 50, 99, 100, 101, 12345]
# A schedule, and its formula written for one step.
CASES = [
    (InverseTimeDecay(0.5, 1e-2), lambda s: 0.5 * (1 / (1 + 1e-2 * s))),
    (InverseTimeDecay(0.5, 0), lambda s: 0.5),
    (StepDecay(0.5, 10), lambda s: 0.5 * 0.1 ** (s // 10)),
    (StepDecay(0.5, 3, 0.7), lambda s: 0.5 * 0.7 ** (s // 3)),
    (ExponentialDecay(0.3, 0.999), lambda s: 0.3 * 0.999**s),
    (
        CosineDecay(0.5, 100, 0.1),
        lambda s: 0.1 if s >= 100 else 0.1 + 0.4 * (1 + math.cos(math.pi * s / 100)) / 2,
    ),
    (LinearWarmup(0.4, 10), lambda s: 0.4 * min(s + 1, 10) / 10),
    (
        LinearWarmup(ExponentialDecay(0.4, 0.99), 10),
        lambda s: 0.4 * (s + 1) / 10 if s < 10 else 0.4 * 0.99 ** (s - 10),
    ),
    (
        LinearWarmup(lambda s: 0.4 / (s + 1), 10),
        lambda s: 0.4 * (s + 1) / 10 if s < 10 else 0.4 / (s - 9),
    ),
    (
        LinearWarmup(LinearWarmup(0.4, 2), 2),
        lambda s: [0.1, 0.2, 0.2, 0.4][min(s, 3)],
    ),
]
SCHEDULES = [case[0] for case in CASES]
each_case = pytest.mark.parametrize(("schedule", "formula"), CASES, ids=lambda c: repr(c)[:40])
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda c: repr(c)[:40])


@each_case
def test_formula(schedule, formula):
    for step in STEPS:
        # A handful of roundings on either side.
        assert schedule(step) == pytest.approx(formula(step), rel=1e-14, abs=1e-17), step


@each_schedule
@pytest.mark.parametrize("kind", ["int64", "int32", "uint8", "uint64"])
def test_an_array_of_steps_gives_the_same_bits(schedule, kind):
    steps = np.array([s for s in STEPS if s < 256], kind)
    rates = schedule(steps)
    assert rates.dtype == np.float64
    assert rates.tolist() == [schedule(int(s)) for s in steps]
    assert schedule(steps.reshape(1, -1, 1))[0, :, 0].tolist() == rates.tolist()
    assert schedule(steps[:0]).shape == (0,)


@each_schedule
def test_one_step_gives_a_float(schedule):
    for step in (3, np.int32(3), np.array(3)):
        assert type(schedule(step)) is float
        assert schedule(step) == schedule(3)


@each_schedule
def test_what_is_no_step(schedule):
    for step in (1.0, True, "1", None, np.ones(2)):
        with pytest.raises(TypeError, match="step must be an integer"):
            schedule(step)
    for step in (-1, np.array([3, -1])):
        with pytest.raises(ValueError, match="at least 0, but is -1"):
            schedule(step)


def test_a_warm_up_begins_above_zero_and_ends_at_the_rate():
    schedule = LinearWarmup(CosineDecay(1.0, 10), 4)
    assert schedule(np.arange(5)).tolist() == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule(14) == 0.0


def test_a_user_s_function_gets_plain_ints():
    seen = []

    def after(step):
        seen.append(step)
        return 0.5

    LinearWarmup(after, 2)(np.arange(4))
    assert seen == [0, 0, 1]
    assert {type(step) for step in seen} == {int}


def test_overflow_is_infinite_without_a_warning():
    assert ExponentialDecay(1.0, 2.0)(10**6) == math.inf
    assert ExponentialDecay(1e300, 2.0)(1000) == math.inf
    assert ExponentialDecay(1.0, 0.5)(10**6) == 0.0


def test_equality_repr_copy_and_pickle():
    for schedule in SCHEDULES:
        assert copy.deepcopy(schedule) == schedule == copy.copy(schedule)
        if "lambda" not in repr(schedule):
            assert pickle.loads(pickle.dumps(schedule)) == schedule
            assert eval(repr(schedule)) == schedule
    assert StepDecay(0.5, 10) != StepDecay(0.5, 11)
    with pytest.raises(AttributeError):
        StepDecay(0.5, 10).every = 3


def test_arguments_become_plain_numbers():
    schedule = StepDecay(np.float32(0.5), np.int8(3), 1)
    assert repr(schedule) == "StepDecay(initial=0.5, every=3, factor=1.0)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: InverseTimeDecay(0, 1), "initial must be above 0"),
        (lambda: InverseTimeDecay(np.nan, 1), "initial must be above 0"),
        (lambda: InverseTimeDecay(1, -1), "decay must be at least 0"),
        (lambda: StepDecay(-1, 1), "initial"),
        (lambda: StepDecay(1, 0), "every must be at least 1, but is 0"),
        (lambda: StepDecay(1, 1, 0), "factor must be above 0"),
        (lambda: ExponentialDecay(1, -0.5), "factor"),
        (lambda: ExponentialDecay(np.inf, 0.5), "initial"),
        (lambda: CosineDecay(1, 0), "steps must be at least 1"),
        (lambda: CosineDecay(1, 5, -0.1), "final"),
        (lambda: LinearWarmup(0, 5), "after must be above 0"),
        (lambda: LinearWarmup(1, 0), "steps"),
    ],
)
def test_what_is_out_of_range(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: InverseTimeDecay("1", 1), "initial must be a number"),
        (lambda: InverseTimeDecay(True, 1), "initial must be a number"),
        (lambda: StepDecay(1, 2.0), "every must be an integer"),
        (lambda: StepDecay(1, True), "every must be an integer"),
        (lambda: CosineDecay(1, None), "steps must be an integer"),
        (lambda: LinearWarmup("1", 5), "after must be a number"),
        (lambda: LinearWarmup(CosineDecay, 5), r"write CosineDecay\(...\)"),
        (lambda: LinearWarmup(lambda s: "big", 5)(0), "at step 0 must be a number, not 'big'"),
        (Schedule, "abstract"),
    ],
)
def test_what_is_of_the_wrong_kind(make, words):
    with pytest.raises(TypeError, match=words):
        make()
