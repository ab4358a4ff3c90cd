// Training: steps of an optimizer over batches, and what else needs a loss or a gradient.
#pragma once

#include <atomic>

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
    // The same where nothing was changed: the next begin() need not copy.
    void pause() { layers_.clear(); }

    // A step for each batch and rate. `steps` counts those that were done. A loss that is not finite ends
    // the run before its step; so does a step that would make parameters infinite, which leaves these
    // as they were.
    End train(const TrainingChoice& choice, const Examples<T>& examples, const double* rates,
              std::uint64_t seed, Measures& measures, Index& steps, Interrupt* interrupt);
    const Slots& slots() const { return slots_; }
    // Steps of its life.
    Index steps() const { return steps_; }

    // For files: the i-th moment of a layer, of its weights as they are packed, then of its biases.
    int moments() const { return moments_of(choice_.optimizer, choice_.momentum); }
    T* moment(std::size_t layer, int i) const {
        return (i == 0 ? states_[layer].first : states_[layer].second).data();
    }
    void set_steps(Index steps) { steps_ = steps; }

    // A step in two halves, for gradients that several processes add up. First the gradient of the mean loss
    // of all examples, as one batch, without the penalties: a layer's is in the order of a moment.
    End gradient(const TrainingChoice& choice, const Examples<T>& examples, std::uint64_t seed,
                 Measures& measures, Interrupt* interrupt);
    T* gradient_of(std::size_t layer) {
        reserve_gradient();
        return states_[layer].gradient.data();
    }
    // Then the step with what gradient_of() holds, penalties added. False if it diverged.
    bool apply(const TrainingChoice& choice, double rate);

private:
    struct State {
        std::shared_ptr<Dense<T>> working, spare;
        std::shared_ptr<const Dense<T>> published;
        Buffer<T> first, second;  // moments: of the weights as they are packed, then of the biases
        Buffer<T> gradient;       // in the same order, where all of it is needed before the update
    };

    UpdateRule<T> rule(double rate) const;
    // Forward and back, up to the slopes of all sums, with the rows from example `first` on.
    End slopes(const TrainingChoice& choice, const Examples<T>& examples, Index first, Index rows,
               const Dropouts& dropouts, LossFunction<T>& loss, Measures& measures,
               Interrupt* interrupt);
    bool step(const TrainingChoice& choice, Index rows, const UpdateRule<T>& rule,
              Interrupt* interrupt);
    template <class F>
    bool for_parts(Index work, Interrupt* interrupt, F f) const;
    void reserve_gradient();
    // Where a part's gradient stands in its layer's.
    T* weights_of_gradient(std::size_t layer, const Part& part) const;
    T* bias_of_gradient(std::size_t layer, const Part& part) const;
    void apply_gradient(const TrainingChoice& choice, const UpdateRule<T>& rule);
    void part_gradient(std::size_t layer, const Part& part, Index rows, T* weights, T* bias) const;
    void update_part(std::size_t layer, const Part& part, const TrainingChoice& choice, T factor,
                     const UpdateRule<T>& rule, T* weights, T* bias);

    Slots slots_;
    OptimizerChoice choice_;
    std::vector<State> states_;
    Propagation<T> propagation_;
    typename Propagation<T>::Layers layers_;
    Index parameters_ = 0;
    Index steps_ = 0;
    std::atomic<bool> finite_{true};
};

}  // namespace cnnfs
