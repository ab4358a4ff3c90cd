// dense and the activation functions.
#include <algorithm>

#include "bindings/bind.hpp"
#include "bindings/function_docs.hpp"
#include "bindings/python.hpp"
#include "nn/dense.hpp"

namespace cnnfs::bindings {

namespace {

template <class F>
bool run(Index work, F f) {
    if (work < work_worth_unlocking) return f(nullptr);
    WithoutLock unlocked;
    return f(&unlocked);
}

// y = the activation of x; softmax over the last axis.
template <class T>
py::object activate_as(Activation activation, const py::object& real, PyObject* out) {
    py::object x = ready(real, type_number<T>);
    py::object y =
        result_array(out, PyArray_NDIM(array(x)), PyArray_DIMS(array(x)), type_number<T>);
    // In place is fine, shifted is not.
    if (PyArray_DATA(array(x)) != PyArray_DATA(array(y)) && overlap(array(x), array(y)))
        x = copy_of(array(x));
    const Index n = PyArray_SIZE(array(x));
    const T* from = data<T>(array(x));
    T* to = data<T>(array(y));
    const KernelSet& kernels = current_kernels();
    const int ndim = PyArray_NDIM(array(x));
    const Index columns = ndim > 0 ? PyArray_DIM(array(x), ndim - 1) : 1;
    const Index rows = columns > 0 ? n / columns : 0;
    if (!run(n, [&](Interrupt* i) {
            return is_elementwise(activation) ? activate<T>(kernels, activation, n, from, to, i)
                                              : softmax<T>(kernels, {from, rows, columns, columns},
                                                           {to, rows, columns, columns}, i);
        }))
        throw py::error_already_set();
    return y;
}

template <Activation activation>
PyObject* activation_function(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                              PyObject* kwnames) {
    return entry([&]() -> PyObject* {
        static constexpr const char* names[] = {"x", "out"};
        static constexpr Signature signature{activation_names[int(activation)], names, 2, 1, 1};
        PyObject* bound[2];
        bind_arguments(signature, args, nargs, kwnames, bound);
        PyObject* out = bound[1] == Py_None ? nullptr : bound[1];
        const py::object x = real_array(bound[0], "x");
        if (!is_elementwise(activation) && PyArray_NDIM(array(x)) == 0)
            value_error("x is a single number, but softmax is a function of all numbers of a row");
        py::object y = is_single(array(x)) ? activate_as<float>(activation, x, out)
                                           : activate_as<double>(activation, x, out);
        // As NumPy's functions do, a number in gives a number out.
        return out ? y.release().ptr() : PyArray_Return(array(y.release().ptr()));
    });
}

template <class T>
py::object dense_as(const py::object& x_real, const py::object& w_real, const py::object& b_real,
                    Activation activation, PyObject* out) {
    py::object x = ready(x_real, type_number<T>), w = ready(w_real, type_number<T>);
    py::object b = b_real ? ready(b_real, type_number<T>) : py::object();
    const int ndim = PyArray_NDIM(array(x));
    npy_intp shape[NPY_MAXDIMS];
    std::copy_n(PyArray_DIMS(array(x)), ndim, shape);
    const Index depth = shape[ndim - 1], columns = PyArray_DIM(array(w), 0);
    shape[ndim - 1] = columns;
    py::object y = result_array(out, ndim, shape, type_number<T>);
    for (py::object* input : {&x, &w, &b})
        if (*input && overlap(array(*input), array(y))) *input = copy_of(array(*input));

    const Index rows = PyArray_MultiplyList(shape, ndim - 1);
    const KernelSet& kernels = current_kernels();
    const MatrixView<const T> xs{data<T>(array(x)), rows, depth, depth};
    const MatrixView<const T> ws{data<T>(array(w)), columns, depth, depth};
    const T* bias = b ? data<T>(array(b)) : nullptr;
    const MatrixView<T> ys{data<T>(array(y)), rows, columns, columns};
    if (!run((rows + 1) * columns * depth, [&](Interrupt* interrupt) {
            return dense_once<T>(kernels, xs, ws, bias, activation, ys, interrupt);
        }))
        throw py::error_already_set();
    return y;
}

PyObject* dense_function(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return entry([&]() -> PyObject* {
        static constexpr const char* names[] = {"x", "weights", "bias", "activation", "out"};
        static constexpr Signature signature{"dense", names, 5, 2, 4};
        PyObject* bound[5];
        bind_arguments(signature, args, nargs, kwnames, bound);
        const Activation activation = bound[3] ? activation_of(bound[3]) : Activation::linear;
        const py::object x = real_array(bound[0], "x");
        const py::object w = weights_array(bound[1]);
        const py::object b = bias_array(bound[2], PyArray_DIM(array(w), 0));
        check_features(array(x), PyArray_DIM(array(w), 0), PyArray_DIM(array(w), 1), true);
        const bool single =
            is_single(array(x)) && is_single(array(w)) && (!b || is_single(array(b)));
        return (single ? dense_as<float>(x, w, b, activation, bound[4])
                       : dense_as<double>(x, w, b, activation, bound[4]))
            .release()
            .ptr();
    });
}

template <class F>
PyMethodDef method(const char* name, F* function, const char* doc) {
    // CPython's own way of storing a fast call; the flags tell it the true type.
    return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
            METH_FASTCALL | METH_KEYWORDS, doc};
}

PyMethodDef functions[] = {
    method("dense", dense_function, dense_doc),
    method("step", activation_function<Activation::step>, step_doc),
    method("linear", activation_function<Activation::linear>, linear_doc),
    method("sigmoid", activation_function<Activation::sigmoid>, sigmoid_doc),
    method("relu", activation_function<Activation::relu>, relu_doc),
    method("softmax", activation_function<Activation::softmax>, softmax_doc),
    method("tanh", activation_function<Activation::tanh>, tanh_doc),
    method("leaky_relu", activation_function<Activation::leaky_relu>, leaky_relu_doc),
    method("elu", activation_function<Activation::elu>, elu_doc),
    method("gelu", activation_function<Activation::gelu>, gelu_doc),
    method("gelu_tanh", activation_function<Activation::gelu_tanh>, gelu_tanh_doc),
    method("silu", activation_function<Activation::silu>, silu_doc),
    method("softplus", activation_function<Activation::softplus>, softplus_doc),
};

}  // namespace

void bind_functions(py::module_& m) {
    const py::str owner("cnnfs");
    for (PyMethodDef& function : functions)
        m.add_object(function.ml_name, py::reinterpret_steal<py::object>(
                                           PyCFunction_NewEx(&function, nullptr, owner.ptr())));
}

}  // namespace cnnfs::bindings
