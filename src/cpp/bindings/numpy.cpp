#include "bindings/numpy.hpp"

#include <string>

namespace cnnfs::bindings {

namespace {

std::string text_of(PyObject* object) { return py::str(py::handle(object)); }

std::string dtype_text(PyArrayObject* a) {
    return text_of(reinterpret_cast<PyObject*>(PyArray_DESCR(a)));
}

py::object checked(PyObject* made) {
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

bool is_masked(PyObject* object) {
    if (PyArray_CheckExact(object)) return false;
    const py::object masked = py::module_::import("numpy.ma").attr("MaskedArray");
    return py::isinstance(object, masked);
}

}  // namespace

void throw_error(PyObject* type, const std::string& text) {
    PyErr_SetString(type, text.c_str());
    throw py::error_already_set();
}

std::string shape_text(int ndim, const npy_intp* shape) {
    std::string text = "(";
    for (int i = 0; i < ndim; ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + (ndim == 1 ? ",)" : ")");
}

std::string size_text(Index rows, Index columns) {
    return std::to_string(rows) + "x" + std::to_string(columns);
}

py::object real_array(PyObject* object, const char* name) {
    py::object made;
    if (PyArray_Check(object)) {
        if (is_masked(object))
            type_error(
                std::string(name) +
                " is a masked array; masks have no meaning here: fill or drop the masked values");
        made = py::reinterpret_borrow<py::object>(object);
    } else {
        made = checked(PyArray_FromAny(object, nullptr, 0, 0, 0, nullptr));
    }
    const int type = PyArray_TYPE(array(made));
    if (!PyTypeNum_ISBOOL(type) && !PyTypeNum_ISINTEGER(type) && !PyTypeNum_ISFLOAT(type))
        type_error(std::string(name) + " has dtype " + dtype_text(array(made)) +
                   "; cnnfs takes real numbers (bool, integer or float)");
    return made;
}

py::object ready(const py::object& real, int type) {
    if (is_ready(real.ptr(), type)) return real;
    // Casts to a narrower float are what the caller asked for by the dtype of the network.
    constexpr int flags =
        NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY | NPY_ARRAY_FORCECAST;
    return checked(PyArray_FromArray(array(real), PyArray_DescrFromType(type), flags));
}

py::object copy_of(PyArrayObject* a) { return checked(PyArray_NewCopy(a, NPY_CORDER)); }

py::object result_array(PyObject* out, int ndim, const npy_intp* shape, int type) {
    if (!out || out == Py_None)
        return checked(PyArray_SimpleNew(ndim, const_cast<npy_intp*>(shape), type));
    if (!PyArray_Check(out) || is_masked(out))
        type_error(std::string("out must be a NumPy array, not ") + Py_TYPE(out)->tp_name);
    PyArrayObject* a = array(out);
    if (PyArray_NDIM(a) != ndim || !PyArray_CompareLists(PyArray_DIMS(a), shape, ndim))
        value_error("out has shape " + shape_text(PyArray_NDIM(a), PyArray_DIMS(a)) +
                    ", but the result has shape " + shape_text(ndim, shape));
    if (PyArray_TYPE(a) != type || !PyArray_ISNOTSWAPPED(a))
        value_error("out has dtype " + dtype_text(a) + ", but the result is " +
                    (type == NPY_FLOAT32 ? "float32" : "float64"));
    if (!PyArray_ISWRITEABLE(a)) value_error("out is read-only, but the result is written into it");
    if (!PyArray_IS_C_CONTIGUOUS(a) || !PyArray_ISALIGNED(a))
        value_error(std::string("out is ") +
                    (!PyArray_ISALIGNED(a)        ? "not aligned"
                     : PyArray_IS_F_CONTIGUOUS(a) ? "in Fortran order"
                                                  : "strided") +
                    ", but the result needs an aligned C-contiguous array");
    return py::reinterpret_borrow<py::object>(out);
}

bool overlap(PyArrayObject* a, PyArrayObject* b) {
    const char *a0 = PyArray_BYTES(a), *b0 = PyArray_BYTES(b);
    return a0 < b0 + PyArray_NBYTES(b) && b0 < a0 + PyArray_NBYTES(a);
}

}  // namespace cnnfs::bindings
