#include "nn/trainer.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "core/fpu.hpp"
#include "nn/dropout.hpp"

namespace cnnfs {

template <class T>
Trainer<T>::Trainer(Slots slots) : slots_(std::move(slots)), states_(slots_.size()) {
    for (std::size_t l = 0; l < slots_.size(); ++l) {
        const Dense<T>& dense = *slots_[l]->dense;
        parameters_ += dense.packed_size() + dense.padded_outputs();
    }
}

template <class T>
void Trainer<T>::set_optimizer(OptimizerChoice choice) {
    choice_ = choice;
    const int moments = moments_of(choice.optimizer, choice.momentum);
    for (std::size_t l = 0; l < slots_.size(); ++l) {
        State& state = states_[l];
        const Dense<T>& dense = *slots_[l]->dense;
        const Index size = dense.packed_size() + dense.padded_outputs();
        if ((state.first.size() > 0) != (moments > 0))
            state.first = zeros<T>(moments > 0 ? size : 0);
        if ((state.second.size() > 0) != (moments > 1))
            state.second = zeros<T>(moments > 1 ? size : 0);
    }
}

template <class T>
void Trainer<T>::begin() {
    layers_.clear();
    for (std::size_t l = 0; l < slots_.size(); ++l) {
        State& state = states_[l];
        const auto& current = slots_[l]->dense;
        if (!state.working || state.published != current)
            state.working = current->copy(std::move(state.spare));
        state.published = current;
        layers_.push_back(state.working);
    }
}

template <class T>
void Trainer<T>::publish() {
    layers_.clear();
    for (std::size_t l = 0; l < slots_.size(); ++l) {
        State& state = states_[l];
        state.published.reset();
        std::shared_ptr<const Dense<T>> old = std::move(slots_[l]->dense);
        slots_[l]->dense = state.published = std::move(state.working);
        // A pass that runs meanwhile may still read the old one.
        if (old.use_count() == 1) state.spare = std::const_pointer_cast<Dense<T>>(std::move(old));
    }
}

template <class T>
void Trainer<T>::discard() {
    layers_.clear();
    for (State& state : states_) state.spare = std::move(state.working);
}

template <class T>
UpdateRule<T> Trainer<T>::rule(double rate) const {
    UpdateRule<T> rule{choice_.optimizer,
                       T(rate),
                       T(choice_.momentum),
                       T(choice_.decay),
                       T(choice_.epsilon),
                       T(1),
                       T(1 - rate * choice_.weight_decay),
                       choice_.nesterov};
    if (choice_.optimizer == Optimizer::adam || choice_.optimizer == Optimizer::adamw) {
        const double step = double(steps_ + 1);
        rule.rate = T(rate / (1 - std::pow(choice_.momentum, step)));
        rule.correction = T(1 / std::sqrt(1 - std::pow(choice_.decay, step)));
    }
    return rule;
}

template <class T>
End Trainer<T>::slopes(const TrainingChoice& choice, const Examples<T>& examples, Index first,
                       Index rows, const Dropouts& dropouts, LossFunction<T>& loss,
                       Measures& measures, Interrupt* interrupt) {
    const bool logits = takes_logits(choice.loss.loss);
    if (!gather(examples, first, propagation_.input(rows), interrupt) ||
        !propagation_.forward(layers_, rows, logits, dropouts, interrupt))
        return End::interrupted;
    const double weight_before = measures.weight;
    loss(propagation_.outputs(rows), examples.order + first,
         propagation_.slopes(Index(layers_.size()) - 1, rows), measures);
    if (!choice.penalties.empty())
        measures.loss +=
            (measures.weight - weight_before) * penalty_of<T>(layers_, choice.penalties);
    if (!std::isfinite(measures.loss)) return End::diverged;
    return propagation_.backward(layers_, rows, logits, {}, interrupt) ? End::done
                                                                       : End::interrupted;
}

template <class T>
End Trainer<T>::train(const TrainingChoice& choice, const Examples<T>& examples,
                      const double* rates, std::uint64_t seed, Measures& measures, Index& steps,
                      Interrupt* interrupt) {
    const StandardArithmetic standard;
    const Index most = std::min(examples.batch, examples.count);
    if (!propagation_.reserve(layers_, most, interrupt)) return End::interrupted;
    LossFunction<T> loss(layers_.front()->kernels_of_type(), choice.loss, examples.targets,
                         examples.weights);
    Dropouts dropouts{choice.dropout, 0};
    steps = 0;
    finite_ = true;
    for (Index first = 0; first < examples.count; first += examples.batch, ++steps) {
        if (stopped(interrupt)) return End::interrupted;
        const Index rows = std::min(examples.batch, examples.count - first);
        dropouts.seed = mixed(seed + std::uint64_t(steps));
        const End end = slopes(choice, examples, first, rows, dropouts, loss, measures, interrupt);
        if (end != End::done) return end;
        if (!step(choice, rows, rule(rates[steps]), interrupt)) return End::interrupted;
        if (!finite_.load(std::memory_order_relaxed)) return End::diverged;
        ++steps_;
    }
    return End::done;
}

template <class T>
End Trainer<T>::gradient(const TrainingChoice& choice, const Examples<T>& examples,
                         std::uint64_t seed, Measures& measures, Interrupt* interrupt) {
    const StandardArithmetic standard;
    const Index rows = examples.count;
    if (!propagation_.reserve(layers_, rows, interrupt)) return End::interrupted;
    LossFunction<T> loss(layers_.front()->kernels_of_type(), choice.loss, examples.targets,
                         examples.weights);
    End end =
        slopes(choice, examples, 0, rows, {choice.dropout, mixed(seed)}, loss, measures, interrupt);
    if (end != End::done) return end;
    reserve_gradient();
    const auto all = [&](std::size_t l, const Part& part) {
        part_gradient(l, part, rows, weights_of_gradient(l, part), bias_of_gradient(l, part));
    };
    return for_parts(parameters_ * (rows + elementwise_work), interrupt, all) ? End::done
                                                                              : End::interrupted;
}

// f(layer, part) for all parts of all layers, on several threads where that pays.
template <class T>
template <class F>
bool Trainer<T>::for_parts(Index work, Interrupt* interrupt, F f) const {
    const int threads = threads_of_step(work);
    // Small steps: each thread has the same share of every layer's neurons as in the forward pass. Large
    // ones: many shares, so that a thread that is late costs little.
    const Index shares = threads == 1 ? 1 : work < most_work ? threads : items_per_thread * threads;
    return share(shares, threads, interrupt, [&](Index item, int, Interrupt* stop) {
        for (std::size_t l = 0; l < states_.size(); ++l)
            for_each_part(*states_[l].working, item, shares, [&](const Part& part) {
                if (!interrupt || !stopped(stop)) f(l, part);
            });
    });
}

template <class T>
bool Trainer<T>::step(const TrainingChoice& choice, Index rows, const UpdateRule<T>& rule,
                      Interrupt* interrupt) {
    const Index work = parameters_ * (rows + elementwise_work);
    // A part's gradient is used while it is in the first-level cache, and never stored. An update that has
    // begun is finished, so it must not take long.
    if (choice.clip_norm == 0 && work <= most_work_of_update)
        return for_parts(work, nullptr, [&](std::size_t l, const Part& part) {
            alignas(buffer_alignment) T weights[inputs_at_once * widest_panel], bias[widest_panel];
            part_gradient(l, part, rows, weights, bias);
            update_part(l, part, choice, T(1), rule, weights, bias);
        });

    reserve_gradient();
    if (!for_parts(work, interrupt, [&](std::size_t l, const Part& part) {
            part_gradient(l, part, rows, weights_of_gradient(l, part), bias_of_gradient(l, part));
        }))
        return false;
    apply_gradient(choice, rule);
    return true;
}

template <class T>
void Trainer<T>::reserve_gradient() {
    for (State& state : states_) {
        const Index size = state.working->packed_size() + state.working->padded_outputs();
        if (state.gradient.size() < size) state.gradient = Buffer<T>(size);
    }
}

template <class T>
T* Trainer<T>::weights_of_gradient(std::size_t layer, const Part& part) const {
    const State& state = states_[layer];
    return state.gradient.data() + part.column * state.working->n_inputs() +
           part.first * part.columns;
}

template <class T>
T* Trainer<T>::bias_of_gradient(std::size_t layer, const Part& part) const {
    const State& state = states_[layer];
    return state.gradient.data() + state.working->packed_size() + part.column;
}

// The whole gradient is there: clip its norm, and step.
template <class T>
void Trainer<T>::apply_gradient(const TrainingChoice& choice, const UpdateRule<T>& rule) {
    T factor = 1;
    if (choice.clip_norm > 0) {
        // The penalties belong to the gradient whose norm it is.
        for (std::size_t l = 0; l < states_.size() && !choice.penalties.empty(); ++l)
            add_penalties(*layers_[l], choice.penalties[l], states_[l].gradient.data());
        double squares = 0;
        for (std::size_t l = 0; l < states_.size(); ++l) {
            const Dense<T>& dense = *layers_[l];
            const T* const gradient = states_[l].gradient.data();
            squares += sum_over_weights(dense, ColumnSum::squares, gradient) +
                       sum_over_biases(dense, ColumnSum::squares, gradient + dense.packed_size());
        }
        factor = T(std::min(1.0, choice.clip_norm / (std::sqrt(squares) + 1e-6)));
    }
    for_parts(parameters_ * elementwise_work, nullptr, [&](std::size_t l, const Part& part) {
        update_part(l, part, choice, factor, rule, weights_of_gradient(l, part),
                    bias_of_gradient(l, part));
    });
}

template <class T>
bool Trainer<T>::apply(const TrainingChoice& choice, double rate) {
    const StandardArithmetic standard;
    finite_ = true;
    apply_gradient(choice, rule(rate));
    if (!finite_) return false;
    ++steps_;
    return true;
}

template <class T>
void Trainer<T>::part_gradient(std::size_t layer, const Part& part, Index rows, T* weights,
                               T* bias) const {
    cnnfs::part_gradient(*states_[layer].working, part, propagation_.given(Index(layer), rows),
                         read_only(propagation_.slopes(Index(layer), rows)), weights, bias);
}

// The penalties and the clipping of a part of the gradient, and the optimizer's step.
template <class T>
void Trainer<T>::update_part(std::size_t layer, const Part& part, const TrainingChoice& choice,
                             T factor, const UpdateRule<T>& rule, T* weights, T* bias) {
    State& state = states_[layer];
    Dense<T>& dense = *state.working;
    const Kernels<T>& k = dense.kernels_of_type();
    const bool penalised = !choice.penalties.empty() && choice.clip_norm == 0;
    const auto apply = [&](Index offset, Index n, T* parameters, T* gradient, double l1,
                           double l2) {
        if (penalised && (l1 != 0 || l2 != 0))
            k.add_penalty(n, parameters, T(l1), T(2 * l2), gradient);
        if (factor != T(1) || choice.clip_value > 0)
            k.clip(
                n, factor,
                choice.clip_value > 0 ? T(choice.clip_value) : std::numeric_limits<T>::infinity(),
                gradient);
        T* const first = state.first.size() ? state.first.data() + offset : nullptr;
        T* const second = state.second.size() ? state.second.data() + offset : nullptr;
        if (!k.update({rule, n, parameters, gradient, first, second}))
            finite_.store(false, std::memory_order_relaxed);
    };
    const Penalty penalty = choice.penalties.empty() ? Penalty{} : choice.penalties[layer];
    const Index offset = part.column * dense.n_inputs() + part.first * part.columns;
    apply(offset, part.inputs * part.columns, dense.packed() + offset, weights, penalty.weight_l1,
          penalty.weight_l2);
    if (part.first == 0)
        apply(dense.packed_size() + part.column, part.columns, dense.bias() + part.column, bias,
              penalty.bias_l1, penalty.bias_l2);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace cnnfs
