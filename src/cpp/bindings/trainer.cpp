// Training for Python's fit. Arguments come from there and are checked there: arrays are C-contiguous
// and of the network's dtype, sizes fit.
#include <pybind11/stl.h>

#include <algorithm>
#include <array>

#include "bindings/model.hpp"
#include "nn/trainer.hpp"

namespace cnnfs::bindings {

namespace {

struct TrainerModel {
    std::variant<std::unique_ptr<Trainer<float>>, std::unique_ptr<Trainer<double>>> trainer;
    bool busy = false;

    template <class F>
    decltype(auto) visit(F f) {
        return std::visit([&](auto& trainer) -> decltype(auto) { return f(*trainer); }, trainer);
    }
};

template <class T>
std::vector<std::shared_ptr<Layer<T>>> slots_of(const py::list& layers) {
    std::vector<std::shared_ptr<Layer<T>>> slots;
    for (py::handle layer : layers)
        slots.push_back(std::get<std::unique_ptr<Network<T>>>(native<LayerModel>(layer.ptr()).network)
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

TrainingChoice choice_of(const std::string& loss, double parameter, const Penalties& penalties) {
    TrainingChoice choice;
    choice.loss = {Loss(number_of(loss, loss_names)), parameter};
    for (const auto& p : penalties) choice.penalties.push_back({p[0], p[1], p[2], p[3]});
    return choice;
}

template <class T>
const T* data_or_null(const py::object& object) {
    return object.is_none() ? nullptr : data<const T>(array(object));
}

// Without an order the rows are taken as they come: `rows` is filled with their numbers.
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

py::tuple tuple_of(const Measures& m) {
    const Index count = Index(m.squared.size());
    const py::object squared = new_array<double>({count});
    std::copy(m.squared.begin(), m.squared.end(), data<double>(array(squared)));
    return py::make_tuple(m.weight, m.loss, m.correct, m.absolute, squared);
}

// One call at a time: the working parameters are not for two.
class Turn {
public:
    explicit Turn(TrainerModel& model) : model_(model) {
        if (model.busy) throw_error(PyExc_RuntimeError, "this optimizer is in use by another call");
        model.busy = true;
    }
    ~Turn() { model_.busy = false; }

private:
    TrainerModel& model_;
};

std::unique_ptr<TrainerModel> make_trainer(const py::list& layers) {
    auto model = std::make_unique<TrainerModel>();
    with_type(layers, [&]<class T>(T) {
        model->trainer = std::make_unique<Trainer<T>>(slots_of<T>(layers));
    });
    return model;
}

void set_optimizer(TrainerModel& model, const std::string& name, const std::vector<double>& p) {
    const Turn turn(model);
    OptimizerChoice choice;
    choice.optimizer = Optimizer(number_of(name, optimizer_names));
    switch (choice.optimizer) {
        case Optimizer::sgd:
            choice.momentum = p.at(0);
            choice.nesterov = p.at(1) != 0;
            break;
        case Optimizer::adagrad: choice.epsilon = p.at(0); break;
        case Optimizer::rmsprop:
            choice.decay = p.at(0);
            choice.epsilon = p.at(1);
            break;
        case Optimizer::adamw: choice.weight_decay = p.at(3); [[fallthrough]];
        case Optimizer::adam:
            choice.momentum = p.at(0);
            choice.decay = p.at(1);
            choice.epsilon = p.at(2);
            break;
    }
    model.visit([&](auto& trainer) { trainer.set_optimizer(choice); });
}

// (steps done, whether the loss was still finite, measures). The layers have the parameters of the last
// whole step.
py::tuple train(TrainerModel& model, const std::string& loss, double parameter,
                const Penalties& penalties, std::vector<double> dropout, double clip_value,
                double clip_norm, const py::object& x, const py::object& targets,
                const py::object& weights, const py::object& order, Index batch,
                const py::object& rates, std::uint64_t seed) {
    TrainingChoice choice = choice_of(loss, parameter, penalties);
    choice.dropout = std::move(dropout);
    choice.clip_value = clip_value;
    choice.clip_norm = clip_norm;
    const Turn turn(model);
    return model.visit([&]<class T>(Trainer<T>& trainer) {
        const Examples<T> examples = examples_of<T>(x, targets, weights, order, batch);
        Measures measures;
        Index steps = 0;
        End end = End::done;
        trainer.begin();
        try {
            WithoutLock unlocked;
            end = trainer.train(choice, examples, data<const double>(array(rates)), seed, measures,
                                steps, &unlocked);
        } catch (...) {
            trainer.discard();
            throw;
        }
        if (end == End::diverged && !trainer.finite()) trainer.discard();
        else trainer.publish();
        if (end == End::interrupted) throw py::error_already_set();
        return py::make_tuple(steps, end == End::done, tuple_of(measures));
    });
}

template <class T>
std::vector<std::shared_ptr<const Dense<T>>> held(const py::list& layers) {
    std::vector<std::shared_ptr<const Dense<T>>> held;
    for (const auto& slot : slots_of<T>(layers)) held.push_back(slot->dense);
    return held;
}

py::tuple measure_layers(const py::list& layers, const std::string& loss, double parameter,
                         const Penalties& penalties, const py::object& x,
                         const py::object& targets, const py::object& weights,
                         const py::object& order, Index batch) {
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
            const py::object dweights = new_array<T>({dense.n_outputs(), dense.n_inputs()});
            const py::object dbias = new_array<T>({dense.n_outputs()});
            dense.unpack(made[l].data(), data<T>(array(dweights)));
            std::copy_n(made[l].data() + dense.packed_size(), dense.n_outputs(),
                        data<T>(array(dbias)));
            of_layers.append(py::make_tuple(dweights, dbias));
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
            done = input_gradient<T>(
                parts, {data<const T>(array(x)), rows, inputs, inputs},
                {data<T>(array(made)), rows * outputs, inputs, inputs}, &unlocked);
        }
        if (!done) throw py::error_already_set();
        return made;
    });
}

}  // namespace

void bind_trainer(py::module_& m) {
    py::class_<TrainerModel>(m, "Trainer")
        .def(py::init(&make_trainer), py::arg("layers"))
        .def_property_readonly("steps", [](TrainerModel& model) {
            return model.visit([](auto& trainer) { return trainer.steps(); });
        })
        .def("set_optimizer", &set_optimizer, py::arg("name"), py::arg("parameters"))
        .def("train", &train, py::arg("loss"), py::arg("parameter"), py::arg("penalties"),
             py::arg("dropout"), py::arg("clip_value"), py::arg("clip_norm"), py::arg("x"),
             py::arg("targets"), py::arg("weights"), py::arg("order"), py::arg("batch"),
             py::arg("rates"), py::arg("seed"));
    m.def("measure", &measure_layers, py::arg("layers"), py::arg("loss"), py::arg("parameter"),
          py::arg("penalties"), py::arg("x"), py::arg("targets"), py::arg("weights"),
          py::arg("order"), py::arg("batch"));
    m.def("gradients", &gradients_of_layers, py::arg("layers"), py::arg("loss"),
          py::arg("parameter"), py::arg("penalties"), py::arg("x"), py::arg("targets"),
          py::arg("weights"), py::arg("order"));
    m.def("input_gradient", &input_gradient_of_layers, py::arg("layers"), py::arg("x"));
}

}  // namespace cnnfs::bindings
