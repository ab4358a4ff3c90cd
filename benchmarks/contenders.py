"""How a user of each library runs the task, from a NumPy array to a new NumPy array.

Each function makes a callable of x, or gives None where its library can't do the task. A library is
imported only in its own process. What can be done once is done here, outside the timed call.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Array, Task

Call = Callable[[Array], Array]


def make_cnnfs(task: Task) -> Call | None:
    import cnnfs

    cnnfs.set_num_threads(task.threads)
    if task.kind != "network":
        return cnnfs.sigmoid if task.kind == "sigmoid" else cnnfs.relu
    last = len(task.parameters) - 1
    return cnnfs.Network(
        [
            cnnfs.Layer.from_arrays(weights, bias, "relu" if k < last else "linear")
            for k, (weights, bias) in enumerate(task.parameters)
        ]
    )


def make_numpy(task: Task) -> Call | None:
    if task.kind == "sigmoid":
        return lambda x: 1 / (1 + np.exp(-x))
    if task.kind == "relu":
        return lambda x: np.maximum(x, 0)
    layers = [(np.ascontiguousarray(weights.T), bias) for weights, bias in task.parameters]
    hidden, (last_weights, last_bias) = layers[:-1], layers[-1]

    def call(x: Array) -> Array:
        h = x
        for weights, bias in hidden:
            h = h @ weights
            h += bias
            np.maximum(h, 0, out=h)
        y: Array = h @ last_weights
        y += last_bias
        return y

    return call


def make_sklearn(task: Task) -> Call | None:
    if task.kind != "network":
        return None
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=task.widths[1:-1], activation="relu")
    model.coefs_ = [np.ascontiguousarray(weights.T) for weights, _ in task.parameters]
    model.intercepts_ = [bias for _, bias in task.parameters]
    model.n_features_in_, model.n_outputs_ = task.widths[0], task.widths[-1]
    model.n_layers_, model.out_activation_ = len(task.widths), "identity"
    predict: Call = model.predict
    return predict


def make_torch(task: Task) -> Call | None:
    import torch

    torch.set_num_threads(task.threads)
    torch.inference_mode(True).__enter__()  # for good: entering it at each call costs time
    from_numpy = torch.from_numpy
    if task.kind != "network":
        function = torch.sigmoid if task.kind == "sigmoid" else torch.relu
        return lambda x: function(from_numpy(x)).numpy()
    modules: list[Any] = []
    for weights, bias in task.parameters:
        linear = torch.nn.Linear(*reversed(weights.shape))
        linear.weight = torch.nn.Parameter(from_numpy(weights), requires_grad=False)
        linear.bias = torch.nn.Parameter(from_numpy(bias), requires_grad=False)
        modules += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1]).eval()
    return lambda x: model(from_numpy(x)).numpy()


def onnx_model(task: Task) -> bytes:
    import onnx
    from onnx import helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(task.dtype))
    nodes, arrays, here = [], [], "x"
    for k, (weights, bias) in enumerate(task.parameters):
        arrays += [
            numpy_helper.from_array(weights, f"weights{k}"),
            numpy_helper.from_array(bias, f"bias{k}"),
        ]
        last = k == len(task.parameters) - 1
        result = "y" if last else f"sum{k}"
        inputs = [here, f"weights{k}", f"bias{k}"]
        nodes.append(helper.make_node("Gemm", inputs, [result], transB=1))
        if not last:
            here = f"hidden{k}"
            nodes.append(helper.make_node("Relu", [result], [here]))
    x = helper.make_tensor_value_info("x", kind, [task.batch, task.widths[0]])
    y = helper.make_tensor_value_info("y", kind, [task.batch, task.widths[-1]])
    graph = helper.make_graph(nodes, "mlp", [x], [y], arrays)
    opset = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return bytes(model.SerializeToString())


def make_onnxruntime(task: Task) -> Call | None:
    if task.kind != "network":
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = task.threads, 1
    session = onnxruntime.InferenceSession(
        onnx_model(task), options, providers=["CPUExecutionProvider"]
    )
    run, names = session.run, ["y"]
    return lambda x: run(names, {"x": x})[0]


def make_openvino(task: Task) -> Call | None:
    if task.kind != "network" or task.dtype != "float32":  # its CPU code turns float64 to float32
        return None
    import openvino

    core = openvino.Core()
    options = {
        "INFERENCE_NUM_THREADS": task.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(onnx_model(task)), "CPU", options)
    request = compiled.create_infer_request()
    source, result = request.get_input_tensor().data, request.get_output_tensor().data

    def call(x: Array) -> Array:  # the quickest of its ways in and out
        source[:] = x
        request.infer()
        return np.array(result)

    return call


def make_litert(task: Task) -> Call | None:
    if task.kind != "network" or task.dtype != "float32":
        return None
    from ai_edge_litert.interpreter import Interpreter
    from litert_model import model_bytes

    interpreter = Interpreter(model_content=model_bytes(task), num_threads=task.threads)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    set_tensor, invoke = interpreter.set_tensor, interpreter.invoke
    get_tensor = interpreter.get_tensor

    def call(x: Array) -> Array:
        set_tensor(source, x)
        invoke()
        y: Array = get_tensor(result)
        return y

    return call


def make_numba(task: Task) -> Call | None:
    import numba

    zero, one = np.dtype(task.dtype).type(0), np.dtype(task.dtype).type(1)

    def elementwise(x: Array) -> Array:
        y = np.empty_like(x)
        for i in range(x.size):
            y[i] = one / (one + np.exp(-x[i])) if sigmoid else max(x[i], zero)
        return y

    def layer_then(weights: Array, bias: Array, rest: Call | None) -> Call:
        # Arrays of an enclosing function are compiled in: quicker than passing them at each call.
        def last(h: Array) -> Array:
            y: Array = np.dot(h, weights)
            for i in range(y.shape[0]):
                for j in range(y.shape[1]):
                    y[i, j] += bias[j]
            return y

        def hidden(h: Array) -> Array:
            y: Array = np.dot(h, weights)
            for i in range(y.shape[0]):
                for j in range(y.shape[1]):
                    y[i, j] = max(y[i, j] + bias[j], zero)
            return rest(y)  # type: ignore[misc]  # never called where there is no rest

        call: Call = numba.njit(last if rest is None else hidden)
        return call

    sigmoid = task.kind == "sigmoid"
    if task.kind != "network":
        function: Call = numba.njit(elementwise)
        return function
    call: Call | None = None
    for weights, bias in reversed(task.parameters):
        call = layer_then(np.ascontiguousarray(weights.T), bias, call)
    return call


def make_jax(task: Task) -> Call | None:
    import jax

    jax.config.update("jax_enable_x64", task.dtype == "float64")
    # A call that hands its work to another thread is slower here: the next line waits for it.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    parameters = [(jax.numpy.asarray(weights.T), bias) for weights, bias in task.parameters]

    def network(x: Any) -> Any:
        h = x
        for weights, bias in parameters[:-1]:
            h = jax.nn.relu(h @ weights + bias)
        weights, bias = parameters[-1]
        return h @ weights + bias

    functions = {"network": network, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}
    compiled = jax.jit(functions[task.kind])
    return lambda x: np.asarray(compiled(x))


MAKERS: dict[str, Callable[[Task], Call | None]] = {
    "cnnfs": make_cnnfs,
    "numpy": make_numpy,
    "sklearn": make_sklearn,
    "torch": make_torch,
    "onnxruntime": make_onnxruntime,
    "openvino": make_openvino,
    "litert": make_litert,
    "numba": make_numba,
    "jax": make_jax,
}
