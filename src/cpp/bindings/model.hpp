// Layer and Network as Python objects: what they hold, and the one call of both.
#pragma once

#include <algorithm>
#include <string_view>
#include <variant>

#include "bindings/callable.hpp"
#include "bindings/python.hpp"
#include "nn/network.hpp"

namespace cnnfs::bindings {

// A network of either type. A layer is called as a network of one.
struct Model {
    std::variant<std::unique_ptr<Network<float>>, std::unique_ptr<Network<double>>> network;
    bool is_layer = false;

    template <class F>
    decltype(auto) visit(F f) const {
        return std::visit([&](auto& network) -> decltype(auto) { return f(*network); }, network);
    }
};

struct LayerModel : Model {};
struct NetworkModel : Model {};

template <class T>
bool forward(const Network<T>& network, MatrixView<const T> x, MatrixView<T> y) {
    constexpr Index on_stack = 32;
    const Index count = Index(network.layers().size());
    if (x.rows * network.multiply_adds() < work_worth_unlocking && count <= on_stack) {
        const Dense<T>* layers[on_stack];
        for (Index i = 0; i < count; ++i) layers[i] = network.layers()[std::size_t(i)]->dense.get();
        return network.forward({layers, count}, x, y, nullptr);
    }
    // Others may replace parameters meanwhile; this pass keeps those that it began with.
    std::vector<std::shared_ptr<const Dense<T>>> held;
    std::vector<const Dense<T>*> layers;
    for (const auto& layer : network.layers()) {
        held.push_back(layer->dense);
        layers.push_back(layer->dense.get());
    }
    WithoutLock unlocked;
    return network.forward({layers.data(), count}, x, y, &unlocked);
}

// Whether it is a lazy array of dask, or of a class derived from it, which is known by the classes' names:
// dask is not imported.
inline bool is_lazy(PyObject* object) {
    if (PyArray_Check(object) || PyList_CheckExact(object)) return false;
    const PyObject* const bases = Py_TYPE(object)->tp_mro;
    for (Py_ssize_t i = 0; bases && i < PyTuple_GET_SIZE(bases); ++i) {
        auto* const base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(bases, i));
        if (std::string_view(base->tp_name) != "Array" || !base->tp_dict) continue;
        PyObject* const module = PyDict_GetItemString(base->tp_dict, "__module__");  // borrowed
        if (module && PyUnicode_Check(module) &&
            py::cast<std::string>(py::handle(module)).starts_with("dask.array"))
            return true;
    }
    return false;
}

template <class T>
PyObject* call(PyObject* self, const Network<T>& network, bool is_layer, PyObject* given,
               PyObject* out) {
    py::object x =
        is_ready(given, type_number<T>) ? py::reinterpret_borrow<py::object>(given) : py::object();
    if (!x && is_lazy(given)) {
        const py::object map = py::module_::import("cnnfs.scale").attr("map_dask");
        return map(py::handle(self), py::handle(given), py::handle(out ? out : Py_None))
            .release()
            .ptr();
    }
    const py::object real = x ? x : real_array(given, "x");
    const Index depth = network.n_inputs(), columns = network.n_outputs();
    const int ndim = PyArray_NDIM(array(real));
    if (ndim == 0 || PyArray_DIM(array(real), ndim - 1) != depth)
        check_features(array(real), network.layers().front()->dense->n_outputs(), depth, is_layer);
    if (!x) x = ready(real, type_number<T>);
    npy_intp shape[NPY_MAXDIMS];
    std::copy_n(PyArray_DIMS(array(x)), ndim, shape);
    shape[ndim - 1] = columns;
    py::object y = result_array(out, ndim, shape, type_number<T>);
    if (out && overlap(array(x), array(y))) x = copy_of(array(x));
    const Index rows = PyArray_MultiplyList(shape, ndim - 1);
    if (!forward<T>(network, {data<T>(array(x)), rows, depth, depth},
                    {data<T>(array(y)), rows, columns, columns}))
        throw py::error_already_set();
    return y.release().ptr();
}

template <class M>
PyObject* call_model(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    return entry([&] {
        static constexpr const char* names[] = {"x", "out"};
        static constexpr Signature signature{"__call__", names, 2, 1, 2};
        const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
        PyObject* bound[2] = {args[0], nullptr};
        if (nargs != 1 || kwnames) bind_arguments(signature, args, nargs, kwnames, bound);
        const M& model = native<M>(self);
        return model.visit(
            [&](auto& network) { return call(self, network, model.is_layer, bound[0], bound[1]); });
    });
}

template <class M>
PyObject* call_forward(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return call_model<M>(self, args, std::size_t(nargs), kwnames);
}

template <class M>
void add_forward(py::class_<M>& type) {
    static PyMethodDef definition{
        "forward", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_forward<M>)),
        METH_FASTCALL | METH_KEYWORDS,
        "forward($self, /, x, out=None)\n--\n\nThe forward pass: the same as calling the object."};
    type.attr("forward") = py::reinterpret_steal<py::object>(
        PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition));
}

// A property that reads the network; unlike pybind11's own, it refuses an object without one.
template <class M, class F>
auto reader(F f) {
    return [f](py::handle self) { return native<M>(self.ptr()).visit(f); };
}

inline py::object dtype_object(int type) {
    return py::reinterpret_steal<py::object>(
        reinterpret_cast<PyObject*>(PyArray_DescrFromType(type)));
}

template <class M>
void bind_model(py::class_<M>& type) {
    type.def_property_readonly("n_inputs", reader<M>([](auto& n) { return n.n_inputs(); }),
                               "How many numbers (features) it takes.")
        .def_property_readonly("dtype", reader<M>([]<class T>(const Network<T>&) {
                                   return dtype_object(type_number<T>);
                               }),
                               "What it computes in: float32 or float64.");
    add_forward(type);
}

}  // namespace cnnfs::bindings
