// ndarray <-> view. Every check of an argument that holds numbers is here, and every error text.
#pragma once

#include <pybind11/pybind11.h>

#define PY_ARRAY_UNIQUE_SYMBOL cnnfs_numpy_api
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#ifndef CNNFS_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "core/matrix.hpp"

namespace cnnfs::bindings {

namespace py = pybind11;

template <class T>
constexpr int type_number = sizeof(T) == sizeof(float) ? NPY_FLOAT32 : NPY_FLOAT64;

inline PyArrayObject* array(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }
inline PyArrayObject* array(const py::object& object) { return array(object.ptr()); }

template <class T>
T* data(PyArrayObject* a) {
    return static_cast<T*>(PyArray_DATA(a));
}

// Whether the object is a plain array that kernels can read as it is.
inline bool is_ready(PyObject* object, int type) {
    if (!PyArray_CheckExact(object)) return false;
    PyArrayObject* a = array(object);
    return PyArray_TYPE(a) == type && PyArray_ISCARRAY_RO(a);
}

// Any object as an array of real numbers, as np.asarray would make it. TypeError for numbers that
// have no place here, with `name` saying which argument it was.
py::object real_array(PyObject* object, const char* name);

// The type to compute in: float32 if all arrays are float32 or float16, else float64.
inline bool is_single(PyArrayObject* a) {
    return PyArray_TYPE(a) == NPY_FLOAT32 || PyArray_TYPE(a) == NPY_FLOAT16;
}

// A real array as a plain, aligned, native, C-contiguous one of this type: itself, or a copy.
py::object ready(const py::object& real, int type);

// A new array, or `out` (may be null or None) after it has been checked against what is needed.
py::object result_array(PyObject* out, int ndim, const npy_intp* shape, int type);

// As PyArray_NewCopy, in C order.
py::object copy_of(PyArrayObject* a);

bool overlap(PyArrayObject* a, PyArrayObject* b);

std::string shape_text(int ndim, const npy_intp* shape);  // "(3, 4)"
std::string size_text(Index rows, Index columns);         // "3x4"

[[noreturn]] void throw_error(PyObject* type, const std::string& text);
[[noreturn]] inline void value_error(const std::string& text) {
    throw_error(PyExc_ValueError, text);
}
[[noreturn]] inline void type_error(const std::string& text) { throw_error(PyExc_TypeError, text); }

}  // namespace cnnfs::bindings
