#define CNNFS_IMPORTS_NUMPY
#include "bindings/bind.hpp"

PYBIND11_MODULE(_cnnfs_core, m) {
    m.doc() = "The native core of cnnfs. Everything public is in the package cnnfs.";
    if (_import_array() < 0) throw pybind11::error_already_set();
    cnnfs::bindings::bind_runtime(m);
    cnnfs::bindings::bind_functions(m);
    cnnfs::bindings::bind_layer(m);
    cnnfs::bindings::bind_network(m);
    cnnfs::bindings::bind_gradients(m);
    cnnfs::bindings::bind_trainer(m);
}
