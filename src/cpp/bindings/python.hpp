// Between C++ and the interpreter: raw entry points, their arguments, and the interpreter's lock.
#pragma once

#include <chrono>
#include <new>

#include "bindings/numpy.hpp"
#include "core/interrupt.hpp"
#include "kernels/kernels.hpp"

namespace cnnfs::bindings {

// The kernel set that new layers and the functions use.
const KernelSet& current_kernels();

// "relu" or an Activation of Python -> the enum of C++. Errors list the choices.
Activation activation_of(PyObject* name);

// Runs f() -> PyObject* for the interpreter, which knows no C++ exceptions.
template <class F>
PyObject* entry(F f) noexcept {
    try {
        return f();
    } catch (py::error_already_set& error) {
        error.restore();
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return nullptr;
}

// Binds the arguments of a fast call to `names`, as Python itself would. Absent ones stay null.
struct Signature {
    const char* function;
    const char* const* names;
    int count, required, positional;
};
void bind_arguments(const Signature& signature, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* kwnames, PyObject** bound);

// The interpreter's lock is given up while one of these lives. As an interrupt it takes the lock back
// every 20 ms, so that Python handles signals: Ctrl-C ends long work.
class WithoutLock final : public Interrupt {
public:
    WithoutLock() : thread_(PyEval_SaveThread()) {}
    ~WithoutLock() { take_lock(); }
    WithoutLock(const WithoutLock&) = delete;
    WithoutLock& operator=(const WithoutLock&) = delete;

    bool requested() override;

private:
    using Clock = std::chrono::steady_clock;

    void take_lock() noexcept;

    PyThreadState* thread_;
    bool raised_ = false;  // the signal's exception waits for the lock's owner; do not look again
    Clock::time_point looked_ = Clock::now();
};

// Work below this many multiply-adds (some microseconds) keeps the lock: giving it up and taking it back
// costs 40 ns alone and a thread switch or two when others wait.
inline constexpr Index work_worth_unlocking = Index(1) << 17;

}  // namespace cnnfs::bindings
