#include "bindings/python.hpp"

#include <thread>

namespace cnnfs::bindings {

namespace {

[[noreturn]] void wrong_call(const Signature& signature, const std::string& text) {
    type_error(std::string(signature.function) + "() " + text);
}

std::string listed_activations() {
    std::string text;
    for (int i = 0; i < activation_count; ++i)
        text += std::string(i == 0                      ? "'"
                            : i == activation_count - 1 ? " or '"
                                                        : ", '") +
                activation_names[i] + "'";
    return text;
}

// A str (or a StrEnum member, which is one) finds its number by its cached hash.
PyObject* activation_table() {
    static PyObject* const table = [] {
        py::dict made;
        for (int i = 0; i < activation_count; ++i) made[activation_names[i]] = i;
        return made.release().ptr();
    }();
    return table;
}

}  // namespace

Activation activation_of(PyObject* name) {
    if (!PyUnicode_Check(name))
        type_error("activation must be " + listed_activations() + ", not " +
                   std::string(py::repr(name)));
    PyObject* number = PyDict_GetItemWithError(activation_table(), name);
    if (!number && PyErr_Occurred()) throw py::error_already_set();
    if (!number)
        value_error("activation must be " + listed_activations() + ", not " +
                    std::string(py::repr(name)));
    return Activation(PyLong_AsLong(number));
}

void bind_arguments(const Signature& signature, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* kwnames, PyObject** bound) {
    for (int i = 0; i < signature.count; ++i) bound[i] = nullptr;
    if (nargs > signature.positional)
        wrong_call(signature, "takes at most " + std::to_string(signature.positional) +
                                  " positional argument" + (signature.positional == 1 ? "" : "s") +
                                  ", but " + std::to_string(nargs) + " were given");
    for (Py_ssize_t i = 0; i < nargs; ++i) bound[i] = args[i];
    const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t k = 0; k < keywords; ++k) {
        PyObject* name = PyTuple_GET_ITEM(kwnames, k);
        int i = 0;
        while (i < signature.count && PyUnicode_CompareWithASCIIString(name, signature.names[i]))
            ++i;
        if (i == signature.count)
            wrong_call(signature, "has no argument " + std::string(py::repr(name)));
        if (bound[i])
            wrong_call(signature, "got several values for argument " + std::string(py::repr(name)));
        bound[i] = args[nargs + k];
    }
    for (int i = 0; i < signature.required; ++i)
        if (!bound[i])
            wrong_call(signature, "needs the argument '" + std::string(signature.names[i]) + "'");
}

bool WithoutLock::requested() {
    constexpr auto interval = std::chrono::milliseconds(20);
    if (raised_ || Clock::now() - looked_ < interval) return raised_;
    take_lock();
    raised_ = PyErr_CheckSignals() != 0;
    thread_ = PyEval_SaveThread();
    looked_ = Clock::now();
    return raised_;
}

void WithoutLock::take_lock() noexcept {
    try {
        PyEval_RestoreThread(thread_);
    } catch (...) {
        // A daemon thread that wants the lock while the interpreter shuts down is ended, before Python 3.14
        // by unwinding its stack. These frames own Python objects, which must not be touched
        // without the lock: the thread sleeps until the process is gone, as Python 3.14 does it.
        for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
}

}  // namespace cnnfs::bindings
