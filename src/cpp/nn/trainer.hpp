// Training: steps of an optimizer over batches, and what else needs a loss or a gradient.
#pragma once

#include "nn/gradient.hpp"
#include "nn/network.hpp"

namespace cnnfs {

struct OptimizerChoice {
    Optimizer optimizer = Optimizer::sgd;
    double momentum = 0;  // SGD: momentum. Adam, AdamW: beta 1
    double decay = 0;     // RMSprop: alpha. Adam, AdamW: beta 2
    double epsilon = 0;
    double weight_decay = 0;  // AdamW
    bool nesterov = false;
};

enum class End { done, interrupted, diverged };

template <class T>
class Trainer {
public:
    using Slots = std::vector<std::shared_ptr<Layer<T>>>;

    // Trains these layers' parameters, which are taken up by begin() and put back by publish(). These two
    // are called under the lock of the layers, everything else without.
    explicit Trainer(Slots slots);

    // Moments are kept, as far as the new optimizer has as many of them.
    void set_optimizer(OptimizerChoice choice);

    void begin();
    void publish();
    void discard();  // instead of publish(): the layers keep what they had

    // A step for each batch and rate. Parameters are those of the last whole step in any case; a loss that
    // is not finite ends the run before its step is done. `steps` counts those that were done.
    End train(const TrainingChoice& choice, const Examples<T>& examples, const double* rates,
              std::uint64_t seed, Measures& measures, Index& steps, Interrupt* interrupt);
    bool finite() const;  // all parameters in work

    const Slots& slots() const { return slots_; }
    // Steps of its life.
    Index steps() const { return steps_; }

private:
    // Some inputs' weights in one panel of one layer.
    struct Part {
        std::size_t layer;
        Index first, inputs, column, columns;
    };
    struct State {
        std::shared_ptr<Dense<T>> working, spare;
        std::shared_ptr<const Dense<T>> published;
        Buffer<T> first, second;  // moments: of the weights as they are packed, then of the biases
        Buffer<T> gradient;       // in the same order, where all of it is needed before the update
    };

    UpdateRule<T> rule(double rate) const;
    // `next`: the example that the next step begins with.
    bool step(const TrainingChoice& choice, const Examples<T>& examples, Index next, Index rows,
              const UpdateRule<T>& rule, Interrupt* interrupt);
    void part_gradient(const Part& part, Index rows, T* weights, T* bias) const;
    void update_part(const Part& part, const TrainingChoice& choice, T factor,
                     const UpdateRule<T>& rule, T* weights, T* bias);

    Slots slots_;
    OptimizerChoice choice_;
    std::vector<State> states_;
    std::vector<Part> parts_;
    Propagation<T> propagation_;
    typename Propagation<T>::Layers layers_;
    Index parameters_ = 0;
    Index steps_ = 0;
};

}  // namespace cnnfs
