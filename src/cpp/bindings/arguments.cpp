// The checks that functions and classes share. The texts speak of layers, as users do.
#include <string>

#include "bindings/bind.hpp"

namespace cnnfs::bindings {

py::object weights_array(PyObject* object) {
    py::object w = real_array(object, "weights");
    const int ndim = PyArray_NDIM(array(w));
    if (ndim != 2)
        value_error("weights must have shape (n_neurons, n_inputs), but have shape " +
                    shape_text(ndim, PyArray_DIMS(array(w))));
    return w;
}

py::object bias_array(PyObject* object, Index n_neurons) {
    if (!object || object == Py_None) return {};
    py::object b = real_array(object, "bias");
    const int ndim = PyArray_NDIM(array(b));
    if (ndim != 1)
        value_error("bias must have shape (n_neurons,), but has shape " +
                    shape_text(ndim, PyArray_DIMS(array(b))));
    const Index count = PyArray_DIM(array(b), 0);
    if (count != n_neurons)
        value_error("bias has " + std::to_string(count) + (count == 1 ? " value" : " values") +
                    ", but the layer has " + std::to_string(n_neurons) +
                    (n_neurons == 1 ? " neuron" : " neurons"));
    return b;
}

void check_features(PyArrayObject* x, Index n_neurons, Index n_inputs, bool of_layer) {
    const std::string taker = of_layer ? "the layer takes " + std::to_string(n_inputs) +
                                             " (weights are " + size_text(n_neurons, n_inputs) + ")"
                                       : "the network takes " + std::to_string(n_inputs) +
                                             " (its first layer's weights are " +
                                             size_text(n_neurons, n_inputs) + ")";
    const int ndim = PyArray_NDIM(x);
    if (ndim == 0) value_error("x is a single number without a feature dimension, but " + taker);
    const Index features = PyArray_DIM(x, ndim - 1);
    if (features != n_inputs)
        value_error("x has " + std::to_string(features) +
                    (features == 1 ? " feature" : " features") + ", but " + taker);
}

}  // namespace cnnfs::bindings
