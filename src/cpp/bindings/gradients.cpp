// Losses and gradients of layers as they are, for Python's evaluate, gradients and input_gradient.
#include "bindings/training.hpp"

namespace cnnfs::bindings {

namespace {

template <class T>
std::vector<std::shared_ptr<const Dense<T>>> held(const py::list& layers) {
    std::vector<std::shared_ptr<const Dense<T>>> held;
    for (const auto& slot : slots_of<T>(layers)) held.push_back(slot->dense);
    return held;
}

py::tuple measure_layers(const py::list& layers, const std::string& loss, double parameter,
                         const Penalties& penalties, const py::object& x, const py::object& targets,
                         const py::object& weights, const py::object& order, Index batch) {
    const TrainingChoice choice = choice_of(loss, parameter, penalties);
    return with_type(layers, [&]<class T>(T) {
        const auto parts = held<T>(layers);
        const Examples<T> examples = examples_of<T>(x, targets, weights, order, batch);
        Measures measures;
        bool done = false;
        {
            WithoutLock unlocked;
            done = measure<T>(parts, choice, examples, measures, &unlocked);
        }
        if (!done) throw py::error_already_set();
        return tuple_of(measures);
    });
}

// (loss, [(dweights, dbias), ...], dx)
py::tuple gradients_of_layers(const py::list& layers, const std::string& loss, double parameter,
                              const Penalties& penalties, const py::object& x,
                              const py::object& targets, const py::object& weights,
                              const py::object& order) {
    const TrainingChoice choice = choice_of(loss, parameter, penalties);
    return with_type(layers, [&]<class T>(T) {
        const auto parts = held<T>(layers);
        const Examples<T> examples = examples_of<T>(x, targets, weights, order, 1);
        const Index rows = examples.x.rows, columns = examples.x.cols;
        const py::object dx = new_array<T>({rows, columns});
        double value = 0;
        std::vector<Buffer<T>> made;
        bool done = false;
        {
            WithoutLock unlocked;
            done = gradients<T>(parts, choice, examples, value, made,
                                {data<T>(array(dx)), rows, columns, columns}, &unlocked);
        }
        if (!done) throw py::error_already_set();
        py::list of_layers;
        for (std::size_t l = 0; l < parts.size(); ++l) {
            const Dense<T>& dense = *parts[l];
            of_layers.append(unpacked_pair<T>(dense, made[l].data()));
        }
        return py::make_tuple(value, of_layers, dx);
    });
}

// (rows, outputs, inputs)
py::object input_gradient_of_layers(const py::list& layers, const py::object& x) {
    return with_type(layers, [&]<class T>(T) {
        const auto parts = held<T>(layers);
        const Index rows = PyArray_DIM(array(x), 0), inputs = PyArray_DIM(array(x), 1);
        const Index outputs = parts.back()->n_outputs();
        const py::object made = new_array<T>({rows, outputs, inputs});
        bool done = false;
        {
            WithoutLock unlocked;
            done = input_gradient<T>(parts, {data<const T>(array(x)), rows, inputs, inputs},
                                     {data<T>(array(made)), rows * outputs, inputs, inputs},
                                     &unlocked);
        }
        if (!done) throw py::error_already_set();
        return made;
    });
}

}  // namespace

void bind_gradients(py::module_& m) {
    m.def("measure", &measure_layers, py::arg("layers"), py::arg("loss"), py::arg("parameter"),
          py::arg("penalties"), py::arg("x"), py::arg("targets"), py::arg("weights"),
          py::arg("order"), py::arg("batch"));
    m.def("gradients", &gradients_of_layers, py::arg("layers"), py::arg("loss"),
          py::arg("parameter"), py::arg("penalties"), py::arg("x"), py::arg("targets"),
          py::arg("weights"), py::arg("order"));
    m.def("input_gradient", &input_gradient_of_layers, py::arg("layers"), py::arg("x"));
}

}  // namespace cnnfs::bindings
