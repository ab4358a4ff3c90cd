"""The test cases of the package onnx: each is read and right, or refused for the reason known."""

import pytest

pytest.importorskip("onnx")

import onnx_cases

LEAST = {"Gemm": 8, "MatMul": 1, "Sigmoid": 2, "Relu": 1, "Tanh": 2, "Softmax": 5, "Softplus": 2}
LEAST |= {"LeakyRelu": 1, "Elu": 1, "Identity": 1, "Flatten": 9, "Cast": 6, "Sum": 2, "Dropout": 4}


@pytest.fixture(scope="module")
def outcomes():
    return [onnx_cases.outcome(*case) for case in onnx_cases.cases()]


def test_every_case_is_read_or_refused_as_it_should_be(outcomes):
    for found in outcomes:
        if found.expected is None:
            assert not found.refused, found
        else:
            assert found.expected in found.refused, found
            assert found.refused, found


def test_enough_cases_are_read(outcomes):
    for operator, least in LEAST.items():
        read = [o for o in outcomes if o.operator == operator and not o.refused]
        assert len(read) >= least, operator
