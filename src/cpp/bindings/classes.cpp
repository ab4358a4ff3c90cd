// Layer and Network as Python sees them: one call for both, and a layer's parameters.
#include <algorithm>
#include <variant>

#include "bindings/callable.hpp"
#include "bindings/python.hpp"
#include "nn/network.hpp"

namespace cnnfs::bindings {

namespace {

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

// ---- the call -------------------------------------------------------------------------------

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

template <class T>
PyObject* call(const Network<T>& network, bool is_layer, PyObject* given, PyObject* out) {
    py::object x =
        is_ready(given, type_number<T>) ? py::reinterpret_borrow<py::object>(given) : py::object();
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
            [&](auto& network) { return call(network, model.is_layer, bound[0], bound[1]); });
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

// ---- parameters -----------------------------------------------------------------------------

template <class T>
Layer<T>& only_layer(const Network<T>& network) {
    return *network.layers().front();
}

template <class T>
std::shared_ptr<const Dense<T>> make_dense(const KernelSet& kernels, const py::object& weights,
                                           const py::object& bias, Activation activation) {
    const py::object w = ready(weights, type_number<T>);
    const py::object b = bias ? ready(bias, type_number<T>) : py::object();
    const Index rows = PyArray_DIM(array(w), 0), columns = PyArray_DIM(array(w), 1);
    std::shared_ptr<const Dense<T>> dense;
    {
        WithoutLock unlocked;
        dense = Dense<T>::make(kernels, {data<T>(array(w)), rows, columns, columns},
                               b ? data<T>(array(b)) : nullptr, activation, &unlocked);
    }
    if (!dense) throw py::error_already_set();
    return dense;
}

template <class T>
void fill_layer(LayerModel& model, const py::object& weights, const py::object& bias,
                Activation activation) {
    auto layer = std::make_shared<Layer<T>>();
    layer->dense = make_dense<T>(current_kernels(), weights, bias, activation);
    model.network = std::make_unique<Network<T>>(std::vector{std::move(layer)});
}

std::unique_ptr<LayerModel> make_layer(py::handle weights, py::handle bias, py::handle activation,
                                       py::object single) {
    const Activation act = activation_of(activation.ptr());
    const py::object w = weights_array(weights.ptr());
    const py::object b = bias_array(bias.ptr(), PyArray_DIM(array(w), 0));
    const bool is_float = single.is_none() ? is_single(array(w)) && (!b || is_single(array(b)))
                                           : py::cast<bool>(single);
    auto model = std::make_unique<LayerModel>();
    model->is_layer = true;
    if (is_float) fill_layer<float>(*model, w, b, act);
    else fill_layer<double>(*model, w, b, act);
    return model;
}

py::object read_only(py::object made) {
    PyArray_CLEARFLAGS(array(made), NPY_ARRAY_WRITEABLE);
    return made;
}

template <class T>
py::object weights_of(const Dense<T>& dense) {
    const npy_intp shape[] = {dense.n_outputs(), dense.n_inputs()};
    py::object made = result_array(nullptr, 2, shape, type_number<T>);
    dense.unpack_weights(data<T>(array(made)));
    return read_only(made);
}

template <class T>
py::object bias_of(const Dense<T>& dense) {
    const npy_intp shape[] = {dense.n_outputs()};
    py::object made = result_array(nullptr, 1, shape, type_number<T>);
    std::copy_n(dense.bias(), dense.n_outputs(), data<T>(array(made)));
    return read_only(made);
}

// New parameters are checked, copied and packed, and only then take the place of the old ones. Should
// another thread have replaced the old ones meanwhile, start again from what it left.
template <class T, class F>
void replace(const Network<T>& network, F make_parameters) {
    Layer<T>& layer = only_layer(network);
    for (;;) {
        const std::shared_ptr<const Dense<T>> old = layer.dense;
        const auto [weights, bias] = make_parameters(*old);
        auto made = make_dense<T>(old->kernels(), weights, bias, old->activation());
        if (layer.dense == old) return layer.dense.swap(made);
    }
}

template <class T>
void set_weights(const Network<T>& network, PyObject* value) {
    const py::object weights = weights_array(value);
    const Index rows = PyArray_DIM(array(weights), 0), columns = PyArray_DIM(array(weights), 1);
    if (rows != network.n_outputs() || columns != network.n_inputs())
        value_error("the new weights are " + size_text(rows, columns) + ", but this layer's are " +
                    size_text(network.n_outputs(), network.n_inputs()) + " (neurons x inputs)");
    replace(network, [&](auto& old) { return std::pair(weights, bias_of(old)); });
}

template <class T>
void set_bias(const Network<T>& network, PyObject* value) {
    const py::object bias = bias_array(value, network.n_outputs());
    replace(network, [&](auto& old) { return std::pair(weights_of(old), bias); });
}

py::object dtype_of(const Model& model) {
    const bool single = model.network.index() == 0;
    return py::reinterpret_steal<py::object>(
        reinterpret_cast<PyObject*>(PyArray_DescrFromType(single ? NPY_FLOAT32 : NPY_FLOAT64)));
}

template <class T>
std::unique_ptr<NetworkModel> join(const std::vector<const LayerModel*>& parts) {
    std::vector<std::shared_ptr<Layer<T>>> layers;
    for (const LayerModel* part : parts)
        layers.push_back(std::get<std::unique_ptr<Network<T>>>(part->network)->layers().front());
    auto model = std::make_unique<NetworkModel>();
    model->network = std::make_unique<Network<T>>(std::move(layers));
    return model;
}

// The layers are known to be there, to chain and to be of one dtype: Python's Network sees to it.
std::unique_ptr<NetworkModel> make_network(const py::list& layers) {
    std::vector<const LayerModel*> parts;
    for (py::handle layer : layers) parts.push_back(&native<LayerModel>(layer.ptr()));
    return parts.front()->network.index() == 0 ? join<float>(parts) : join<double>(parts);
}

template <class M>
void bind_model(py::class_<M>& type) {
    type.def_property_readonly(
            "n_inputs", [](const M& m) { return m.visit([](auto& n) { return n.n_inputs(); }); })
        .def_property_readonly("dtype", [](const M& m) { return dtype_of(m); });
    add_forward(type);
}

}  // namespace

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

void bind_classes(py::module_& m) {
    py::class_<LayerModel> layer(m, "Layer",
                                 py::custom_type_setup(make_callable<call_model<LayerModel>>));
    bind_model(layer);
    layer
        .def(py::init(&make_layer), py::arg("weights"), py::arg("bias"), py::arg("activation"),
             py::arg("single"))
        .def_property_readonly(
            "n_neurons",
            [](const LayerModel& m) { return m.visit([](auto& n) { return n.n_outputs(); }); })
        .def_property_readonly(
            "activation_name",
            [](const LayerModel& m) {
                return m.visit([](auto& n) {
                    return activation_names[int(only_layer(n).dense->activation())];
                });
            })
        .def_property(
            "weights",
            [](const LayerModel& m) {
                return m.visit([](auto& n) { return weights_of(*only_layer(n).dense); });
            },
            [](const LayerModel& m, py::handle value) {
                m.visit([&](auto& n) { set_weights(n, value.ptr()); });
            },
            "The weights, a read-only array of shape (n_neurons, n_inputs). Assign to change them.")
        .def_property(
            "bias",
            [](const LayerModel& m) {
                return m.visit([](auto& n) { return bias_of(*only_layer(n).dense); });
            },
            [](const LayerModel& m, py::handle value) {
                m.visit([&](auto& n) { set_bias(n, value.ptr()); });
            },
            "The biases, a read-only array of shape (n_neurons,). Assign to change them.");

    py::class_<NetworkModel> network(
        m, "Network", py::custom_type_setup(make_callable<call_model<NetworkModel>>));
    bind_model(network);
    network.def(py::init(&make_network), py::arg("layers"))
        .def_property_readonly("n_outputs", [](const NetworkModel& m) {
            return m.visit([](auto& n) { return n.n_outputs(); });
        });
}

}  // namespace cnnfs::bindings
