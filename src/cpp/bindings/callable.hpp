// A Python object that is called through a raw entry point in its type, not through attribute
// look-up: the way to a call that costs tens of nanoseconds.
#pragma once

#include "bindings/bind.hpp"

namespace cnnfs::bindings {

// The native object inside a pybind11 instance. TypeError if a subclass never called __init__.
template <class Native>
Native& native(PyObject* self) {
    auto* instance = reinterpret_cast<py::detail::instance*>(self);
    void* value = instance->simple_layout ? instance->simple_value_holder[0]
                                          : py::cast<Native*>(py::handle(self));
    if (!value)
        type_error(std::string(Py_TYPE(self)->tp_name) +
                   " is not initialised: its __init__ must call super().__init__()");
    return *static_cast<Native*>(value);
}

// Behind pybind11's instance lies one more pointer, the one that the interpreter calls through.
// It is set by tp_new, which subclasses written in Python inherit.
inline vectorcallfunc& call_slot(PyObject* self) {
    return *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(self) +
                                              sizeof(py::detail::instance));
}

template <vectorcallfunc Call>
void make_callable(PyHeapTypeObject* heap) {
    PyTypeObject* type = &heap->ht_type;
    static_assert(sizeof(py::detail::instance) % alignof(vectorcallfunc) == 0);
    if (type->tp_basicsize != Py_ssize_t(sizeof(py::detail::instance)))
        py::pybind11_fail("cnnfs: unexpected layout of a pybind11 instance");
    type->tp_basicsize += sizeof(vectorcallfunc);
    type->tp_vectorcall_offset = sizeof(py::detail::instance);
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    type->tp_call = PyVectorcall_Call;
    static newfunc make_instance;
    make_instance = type->tp_base->tp_new;
    type->tp_new = [](PyTypeObject* subtype, PyObject* args, PyObject* kwargs) {
        PyObject* self = make_instance(subtype, args, kwargs);
        if (self) call_slot(self) = Call;
        return self;
    };
}

}  // namespace cnnfs::bindings
