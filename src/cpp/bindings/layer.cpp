// Layer: a model of one layer, whose parameters can be read and replaced.
#include "bindings/model.hpp"

namespace cnnfs::bindings {

namespace {

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

}  // namespace

void bind_layer(py::module_& m) {
    using M = LayerModel;
    py::class_<M> type(m, "Layer", py::custom_type_setup(make_callable<call_model<M>>));
    bind_model(type);
    type.def(py::init(&make_layer), py::arg("weights"), py::arg("bias"), py::arg("activation"),
             py::arg("single"))
        .def_property_readonly("n_neurons", reader<M>([](auto& n) { return n.n_outputs(); }),
                               "How many neurons there are, and so how many numbers it gives.")
        .def_property_readonly("activation_name", reader<M>([](auto& n) {
                                   return activation_names[int(only_layer(n).dense->activation())];
                               }),
                               "The name of the activation function.")
        .def_property(
            "weights", reader<M>([](auto& n) { return weights_of(*only_layer(n).dense); }),
            [](py::handle self, py::handle value) {
                native<M>(self.ptr()).visit([&](auto& n) { set_weights(n, value.ptr()); });
            },
            "The weights, a read-only array of shape (n_neurons, n_inputs). Assign to change them.")
        .def_property(
            "bias", reader<M>([](auto& n) { return bias_of(*only_layer(n).dense); }),
            [](py::handle self, py::handle value) {
                native<M>(self.ptr()).visit([&](auto& n) { set_bias(n, value.ptr()); });
            },
            "The biases, a read-only array of shape (n_neurons,). Assign to change them.");
}

}  // namespace cnnfs::bindings
