// Training for Python's fit. Arguments come from there and are checked there: arrays are C-contiguous
// and of the network's dtype, sizes fit.
#include "nn/trainer.hpp"
#include "bindings/training.hpp"

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
        trainer.publish();
        if (end == End::interrupted) throw py::error_already_set();
        return py::make_tuple(steps, end == End::done, tuple_of(measures));
    });
}

// Arrays (weights, bias) -> the order of a packed layer. Their shapes are Python's affair.
template <class T>
void pack(const Dense<T>& dense, const T* weights, const T* bias, T* to) {
    const Index inputs = dense.n_inputs(), outputs = dense.n_outputs();
    dense.kernels_of_type().pack({weights, outputs, inputs, inputs}, to);
    T* const end = std::copy_n(bias, outputs, to + dense.packed_size());
    std::fill(end, to + dense.packed_size() + dense.padded_outputs(), T(0));
}

// For each layer a list of its moments, each a pair (weights, bias).
py::list state(TrainerModel& model) {
    const Turn turn(model);
    return model.visit([]<class T>(Trainer<T>& trainer) {
        py::list layers;
        for (std::size_t l = 0; l < trainer.slots().size(); ++l) {
            py::list moments;
            for (int i = 0; i < trainer.moments(); ++i)
                moments.append(unpacked_pair<T>(*trainer.slots()[l]->dense, trainer.moment(l, i)));
            layers.append(moments);
        }
        return layers;
    });
}

void set_state(TrainerModel& model, const py::list& layers, Index steps) {
    const Turn turn(model);
    model.visit([&]<class T>(Trainer<T>& trainer) {
        for (std::size_t l = 0; l < trainer.slots().size(); ++l)
            for (int i = 0; i < trainer.moments(); ++i) {
                const auto pair =
                    py::cast<py::tuple>(py::cast<py::list>(layers[l])[std::size_t(i)]);
                pack(*trainer.slots()[l]->dense, data<const T>(array(pair[0])),
                     data<const T>(array(pair[1])), trainer.moment(l, i));
            }
        trainer.set_steps(steps);
    });
}

// f(layer, its weights' numbers, its biases') for the layers' numbers in one array after another, each
// weights first, a neuron's side by side: an order that is the same on every processor.
template <class T, class F>
void for_each_layer(const Trainer<T>& trainer, const py::object& flat, F f) {
    T* next = data<T>(array(flat));
    for (std::size_t l = 0; l < trainer.slots().size(); ++l) {
        const Dense<T>& dense = *trainer.slots()[l]->dense;
        T* const weights = next;
        T* const bias = weights + dense.n_outputs() * dense.n_inputs();
        next = bias + dense.n_outputs();
        f(l, dense, weights, bias);
    }
}

// The first half of a step, with the rows in `order` as its batch: the gradient of their mean loss, without
// penalties, into `flat`. (whether the loss was finite, measures). Nothing is changed.
py::tuple gradient(TrainerModel& model, const std::string& loss, double parameter,
                   const Penalties& penalties, std::vector<double> dropout, const py::object& x,
                   const py::object& targets, const py::object& weights, const py::object& order,
                   std::uint64_t seed, const py::object& flat) {
    TrainingChoice choice = choice_of(loss, parameter, penalties);
    choice.dropout = std::move(dropout);
    const Turn turn(model);
    return model.visit([&]<class T>(Trainer<T>& trainer) {
        const Examples<T> examples = examples_of<T>(x, targets, weights, order, 1);
        Measures measures;
        End end = End::done;
        trainer.begin();
        try {
            WithoutLock unlocked;
            end = trainer.gradient(choice, examples, seed, measures, &unlocked);
            if (end == End::done)
                for_each_layer(trainer, flat,
                               [&](std::size_t l, const Dense<T>& dense, T* to, T* bias) {
                                   const T* const from = trainer.gradient_of(l);
                                   dense.unpack(from, to);
                                   std::copy_n(from + dense.packed_size(), dense.n_outputs(), bias);
                               });
        } catch (...) {
            trainer.discard();
            throw;
        }
        trainer.pause();
        if (end == End::interrupted) throw py::error_already_set();
        return py::make_tuple(end == End::done, tuple_of(measures));
    });
}

// The other half, with a gradient in the order that gradient() gives. False if it diverged.
bool apply(TrainerModel& model, const py::object& flat, const Penalties& penalties, double rate,
           double clip_value, double clip_norm) {
    TrainingChoice choice = choice_of("mse", 0, penalties);  // of the loss nothing is asked here
    choice.clip_value = clip_value;
    choice.clip_norm = clip_norm;
    const Turn turn(model);
    return model.visit([&]<class T>(Trainer<T>& trainer) {
        trainer.begin();
        bool finite = false;
        try {
            WithoutLock unlocked;
            for_each_layer(trainer, flat, [&](std::size_t l, const Dense<T>& dense, T* w, T* b) {
                pack<T>(dense, w, b, trainer.gradient_of(l));
            });
            finite = trainer.apply(choice, rate);
        } catch (...) {
            trainer.discard();
            throw;
        }
        trainer.publish();
        return finite;
    });
}

}  // namespace

void bind_trainer(py::module_& m) {
    py::class_<TrainerModel>(m, "Trainer")
        .def(py::init(&make_trainer), py::arg("layers"))
        .def_property_readonly(
            "steps",
            [](TrainerModel& model) {
                return model.visit([](auto& trainer) { return trainer.steps(); });
            })
        .def("set_optimizer", &set_optimizer, py::arg("name"), py::arg("parameters"))
        .def("train", &train, py::arg("loss"), py::arg("parameter"), py::arg("penalties"),
             py::arg("dropout"), py::arg("clip_value"), py::arg("clip_norm"), py::arg("x"),
             py::arg("targets"), py::arg("weights"), py::arg("order"), py::arg("batch"),
             py::arg("rates"), py::arg("seed"))
        .def("gradient", &gradient, py::arg("loss"), py::arg("parameter"), py::arg("penalties"),
             py::arg("dropout"), py::arg("x"), py::arg("targets"), py::arg("weights"),
             py::arg("order"), py::arg("seed"), py::arg("flat"))
        .def("apply", &apply, py::arg("flat"), py::arg("penalties"), py::arg("rate"),
             py::arg("clip_value"), py::arg("clip_norm"))
        .def("state", &state)
        .def("set_state", &set_state, py::arg("state"), py::arg("steps"));
}

}  // namespace cnnfs::bindings
