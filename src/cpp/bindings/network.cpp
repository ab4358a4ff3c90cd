// Network: a model of several layers.
#include "bindings/model.hpp"

namespace cnnfs::bindings {

namespace {

template <class T>
std::unique_ptr<NetworkModel> join(const std::vector<const LayerModel*>& parts) {
    std::vector<std::shared_ptr<Layer<T>>> layers;
    for (const LayerModel* part : parts)
        layers.push_back(std::get<std::unique_ptr<Network<T>>>(part->network)->layers().front());
    auto model = std::make_unique<NetworkModel>();
    model->network = std::make_unique<Network<T>>(std::move(layers));
    return model;
}

// That the layers chain and are of one dtype is seen to by Python's Network.
std::unique_ptr<NetworkModel> make_network(const py::list& layers) {
    std::vector<const LayerModel*> parts;
    for (py::handle layer : layers) parts.push_back(&native<LayerModel>(layer.ptr()));
    if (parts.empty()) value_error("a Network needs at least one layer");
    return parts.front()->network.index() == 0 ? join<float>(parts) : join<double>(parts);
}

}  // namespace

void bind_network(py::module_& m) {
    using M = NetworkModel;
    py::class_<M> type(m, "Network", py::custom_type_setup(make_callable<call_model<M>>));
    bind_model(type);
    type.def(py::init(&make_network), py::arg("layers"))
        .def_property_readonly("n_outputs", reader<M>([](auto& n) { return n.n_outputs(); }),
                               "How many numbers it gives.");
}

}  // namespace cnnfs::bindings
