"""The test cases that the package onnx makes of each operator, and what cnnfs makes of them.

``python tests/onnx_cases.py`` prints the table of docs/onnx.md.
"""

import importlib
import re
import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np
import onnx
from interop_bounds import assert_close, layers_of, outputs
from onnx import numpy_helper
from onnx.backend.test.case import node as node_cases

import cnnfs

OPERATORS = {
    "Gemm": "gemm",
    "MatMul": "matmul",
    "Sigmoid": "sigmoid",
    "Relu": "relu",
    "Tanh": "tanh",
    "Softmax": "softmax",
    "LeakyRelu": "leakyrelu",
    "Elu": "elu",
    "Selu": "selu",
    "Gelu": "gelu",
    "Softplus": "softplus",
    "Swish": "swish",
    "Identity": "identity",
    "Flatten": "flatten",
    "Dropout": "dropout",
    "Cast": "cast",
    "Reshape": "reshape",
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Sum": "sum",
    "BatchNormalization": "batch_normalization",
}
_REAL, _ODD = "FLOAT|DOUBLE|FLOAT16", "(no_saturate_|e8m0_)?"
# Cases that are refused: a pattern of their names, and words of the error, which say why.
REFUSED = {
    r"test_(leakyrelu|elu|softplus|relu|softmax)(_.*)?_expanded.*": "cnnfs has nothing that does",
    r"test_(add|sub|mul|div)_u?int\d+.*": "not float, double or float16",
    r"test_(add|sub|mul|div)": "not the same for every row",
    r"test_sum_example": "it has 3 inputs",
    r"test_gemm_default_matrix_bias": "not the same for every row",
    r"test_gemm_(transposeA|all_attributes)": "transA exchanges rows and features",
    r"test_matmul_(3d|4d|bcast|1d_3d|4d_1d|1d_1d)": "its weights have shape",
    r"test_softmax_axis_[01].*": "is not that of the features",
    r"test_leakyrelu(_example)?": "its alpha is 0.1, but that of cnnfs is 0.01",
    r"test_elu(_example)?": "its alpha is 2, but that of cnnfs is 1",
    r"test_selu.*": "cnnfs has nothing that does this",
    r"test_identity_(sequence|opt)": "it is no tensor",
    r"test_dropout_default_mask.*": "the graph has 2 outputs",
    r"test_training_dropout.*_mask|test_training_dropout_mask": "the graph has 2 outputs",
    r"test_training_dropout.*": "it is in training",
    rf"test_cast_{_ODD}({_REAL})_to_(?!({_REAL})$).*": "it makes",
    rf"test_cast_{_ODD}(?!{_REAL.replace('|', '_|')}_).*": "not float, double or float16",
    r"test_reshape_(?!reduced_dims).*": "does not keep rows and features",
    r"test_batchnorm_(example|epsilon)": "not the same for every row",
    r"test_batchnorm_.*_training_mode": "the graph has 3 outputs",
}


class Outcome(NamedTuple):
    operator: str
    case: str
    refused: str  # the error's text, or ""
    expected: str | None  # words of an error, if there should be one


def cases():
    """Of each operator its cases, those with the operator spelled out as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for operator, module in OPERATORS.items():
            known = len(node_cases._NodeTestCases)
            name = f"{node_cases.__name__}.{module}"
            importlib.import_module(name)
            if operator not in _of_operator:
                _of_operator[operator] = node_cases._NodeTestCases[known:]
    return [(operator, case) for operator, known in _of_operator.items() for case in known]


_of_operator = {}


def outcome(operator, case):
    """Read the case's model, all inputs but the first being constants, and compare the numbers."""
    name = case.name
    expected = [words for pattern, words in REFUSED.items() if re.fullmatch(pattern, name)]
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    ((x, *others), results) = case.data_sets[0]
    for value, info in zip(others, model.graph.input[1:], strict=True):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), info.name))
    try:
        net = cnnfs.from_onnx(model)
    except cnnfs.ConversionError as error:
        return Outcome(operator, name, str(error), expected[0] if expected else None)
    x, want = map(_array, (x, results[0]))
    rows, want_rows = x.reshape(-1, net.n_inputs), want.reshape(-1, net.n_outputs)
    finite = np.isfinite(rows).all(axis=1)  # in a sum, 0 times infinity is NaN
    rows, want_rows = rows[finite], want_rows[finite]
    y, bound = outputs(layers_of(net), rows, net.dtype, want.dtype)
    assert_close(net(rows), y, bound, name)
    assert_close(want_rows, y, bound, name)
    if operator not in ("Flatten", "Reshape"):
        assert net(x).shape == want.shape
    return Outcome(operator, name, "", expected[0] if expected else None)


def _array(value):
    message = isinstance(value, onnx.TensorProto)
    return numpy_helper.to_array(value) if message else np.asarray(value)


def main():
    found = [outcome(*case) for case in cases()]
    print("| operator | cases | read, and right | refused |\n|---|---|---|---|")
    for operator in OPERATORS:
        of_it = [o for o in found if o.operator == operator]
        refused = Counter(bool(o.refused) for o in of_it)
        print(f"| {operator} | {len(of_it)} | {refused[False]} | {refused[True]} |")
    refused = sum(bool(o.refused) for o in found)
    print(f"| all | {len(found)} | {len(found) - refused} | {refused} |")
    for o in found:
        if bool(o.refused) != (o.expected is not None):
            print(o)


if __name__ == "__main__":
    main()
