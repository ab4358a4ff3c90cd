// What the bindings of training share. Arguments come from Python's fit and are checked there: arrays are
// C-contiguous and of the network's dtype, sizes fit.
#pragma once

#include <pybind11/stl.h>

#include <algorithm>
#include <array>

#include "bindings/model.hpp"
#include "nn/gradient.hpp"

namespace cnnfs::bindings {

template <class T>
std::vector<std::shared_ptr<Layer<T>>> slots_of(const py::list& layers) {
    std::vector<std::shared_ptr<Layer<T>>> slots;
    for (py::handle layer : layers)
        slots.push_back(
            std::get<std::unique_ptr<Network<T>>>(native<LayerModel>(layer.ptr()).network)
                ->layers()
                .front());
    return slots;
}

// Calls f with a T{} of the layers' type.
template <class F>
auto with_type(const py::list& layers, F f) {
    return native<LayerModel>(layers[0].ptr()).network.index() == 0 ? f(float{}) : f(double{});
}

template <std::size_t N>
int number_of(const std::string& name, const char* const (&names)[N]) {
    const auto found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names)) value_error("unknown: " + name);
    return int(found - std::begin(names));
}

using Penalties = std::vector<std::array<double, 4>>;

inline TrainingChoice choice_of(const std::string& loss, double parameter,
                                const Penalties& penalties) {
    TrainingChoice choice;
    choice.loss = {Loss(number_of(loss, loss_names)), parameter};
    for (const auto& p : penalties) choice.penalties.push_back({p[0], p[1], p[2], p[3]});
    return choice;
}

template <class T>
const T* data_or_null(const py::object& object) {
    return object.is_none() ? nullptr : data<const T>(array(object));
}

// order: the numbers of the rows to take.
template <class T>
Examples<T> examples_of(const py::object& x, const py::object& targets, const py::object& weights,
                        const py::object& order, Index batch) {
    PyArrayObject* const a = array(x);
    const Index columns = PyArray_DIM(a, 1);
    Examples<T> examples;
    examples.x = {data<const T>(a), PyArray_DIM(a, 0), columns, columns};
    if (PyArray_TYPE(array(targets)) == NPY_INT64)
        examples.targets.labels = data<const std::int64_t>(array(targets));
    else examples.targets.values = data<const T>(array(targets));
    examples.weights = data_or_null<double>(weights);
    examples.order = data<const std::int64_t>(array(order));
    examples.count = PyArray_DIM(array(order), 0);
    examples.batch = std::max<Index>(1, batch);
    return examples;
}

template <class T>
py::object new_array(std::initializer_list<npy_intp> shape) {
    return result_array(nullptr, int(shape.size()), shape.begin(), type_number<T>);
}

inline py::tuple tuple_of(const Measures& m) {
    const Index count = Index(m.squared.size());
    const py::object squared = new_array<double>({count});
    std::copy(m.squared.begin(), m.squared.end(), data<double>(array(squared)));
    return py::make_tuple(m.weight, m.loss, m.correct, m.absolute, squared);
}

template <class T>
py::tuple unpacked_pair(const Dense<T>& dense, const T* from) {
    const py::object weights = new_array<T>({dense.n_outputs(), dense.n_inputs()});
    const py::object bias = new_array<T>({dense.n_outputs()});
    dense.unpack(from, data<T>(array(weights)));
    std::copy_n(from + dense.packed_size(), dense.n_outputs(), data<T>(array(bias)));
    return py::make_tuple(weights, bias);
}

}  // namespace cnnfs::bindings
