"""ONNX models for the tests, written as they are in files."""

import numpy as np
from interop_bounds import assert_close, layers_of, outputs
from onnx import TensorProto, helper, numpy_helper

import cnnfs

TYPES = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}


def node(kind, inputs, output, **attributes):
    """A node, from strings: inputs and outputs are names with spaces between."""
    return helper.make_node(kind, inputs.split(" "), output.split(" "), name=output, **attributes)


def model(nodes, constants=None, *, dims=("batch", 3), opset=17, dtype="float32", ends="x y"):
    """A model of one input and one output; constants: name to array."""
    x, *ys = ends.split(" ")
    if dims is not None:
        dims = [int(d) if isinstance(d, np.integer) else d for d in dims]
    kind = TYPES[dtype]
    constants = constants or {}
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(x, kind, dims)],
        [helper.make_tensor_value_info(y, kind, None) for y in ys],
        tensors,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=max(4, min(opset, 10)))


def weights(rng, *shape, dtype="float32"):
    return rng.normal(size=shape).astype(dtype)


def runtime(made):
    """x -> the model's outputs, by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


def assert_agree(net, x, want, note=""):
    """That the network and the other computation err by no more than each may."""
    rows = np.reshape(x, (-1, net.n_inputs))
    _, bound = outputs(layers_of(net), rows, net.dtype, np.asarray(want).dtype)
    assert_close(net(rows), np.reshape(want, (len(rows), -1)), bound, note)


def read_and_compare(made, rng, n=20, *, shape=None, scale=1.0, **options):
    """The network of a model, after it gave what the package onnx's own evaluator gives."""
    from onnx.reference import ReferenceEvaluator

    net = cnnfs.from_onnx(made, **options)
    kind = made.graph.input[0].type.tensor_type.elem_type
    x = scale * rng.normal(size=shape or (n, net.n_inputs))
    x = x.astype({number: name for name, number in TYPES.items()}[kind])
    name = made.graph.input[0].name
    wanted = [options["output"]] if "output" in options else None
    assert_agree(net, x, ReferenceEvaluator(made).run(wanted, {name: x})[0])
    return net


def read_and_run(made, rng, n=20):
    """As read_and_compare, but with ONNX Runtime."""
    net = cnnfs.from_onnx(made)
    x = rng.normal(size=(n, net.n_inputs)).astype(net.dtype)
    assert_agree(net, x, runtime(made)(x)[0])
    return net
