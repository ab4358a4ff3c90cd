// What each file of the bindings adds to the module, and what they share beyond numpy.hpp.
#pragma once

#include "bindings/numpy.hpp"

namespace cnnfs::bindings {

void bind_runtime(py::module_& m);
void bind_functions(py::module_& m);
void bind_layer(py::module_& m);
void bind_network(py::module_& m);
void bind_gradients(py::module_& m);
void bind_trainer(py::module_& m);

// A (n_neurons, n_inputs) array of real numbers.
py::object weights_array(PyObject* object);

// A (n_neurons,) array of real numbers, or no object for null and None.
py::object bias_array(PyObject* object, Index n_neurons);

// ValueError unless the last dimension of x is n_inputs.
void check_features(PyArrayObject* x, Index n_neurons, Index n_inputs, bool of_layer);

}  // namespace cnnfs::bindings
