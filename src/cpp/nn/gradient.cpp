#include "nn/gradient.hpp"

#include <cmath>

#include "core/fpu.hpp"

namespace cnnfs {

template <class T>
double sum_over_weights(const Dense<T>& dense, ColumnSum of, const T* packed) {
    const Kernels<T>& k = dense.kernels_of_type();
    double total = 0;
    for (Index column = 0; column < dense.padded_outputs(); column += k.panel) {
        const Index columns = std::min(k.panel, dense.padded_outputs() - column);
        alignas(buffer_alignment) T sums[widest_panel];
        k.column_sums(of, {packed + column * dense.n_inputs(), dense.n_inputs(), columns, columns},
                      sums);
        for (Index j = 0; j < std::min(columns, dense.n_outputs() - column); ++j)
            total += double(sums[j]);
    }
    return total;
}

template <class T>
double sum_over_biases(const Dense<T>& dense, ColumnSum of, const T* bias) {
    double total = 0;
    for (Index j = 0; j < dense.n_outputs(); ++j) {
        const double b = double(bias[j]);
        total += of == ColumnSum::squares ? b * b : of == ColumnSum::absolutes ? std::abs(b) : b;
    }
    return total;
}

template <class T>
double penalty_of(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
                  const std::vector<Penalty>& penalties) {
    double total = 0;
    for (std::size_t l = 0; l < penalties.size(); ++l) {
        const Penalty& p = penalties[l];
        const Dense<T>& dense = *layers[l];
        const auto add = [&](double factor, ColumnSum of, bool weights) {
            if (factor != 0)
                total += factor * (weights ? sum_over_weights(dense, of, dense.packed())
                                           : sum_over_biases(dense, of, dense.bias()));
        };
        add(p.weight_l1, ColumnSum::absolutes, true);
        add(p.weight_l2, ColumnSum::squares, true);
        add(p.bias_l1, ColumnSum::absolutes, false);
        add(p.bias_l2, ColumnSum::squares, false);
    }
    return total;
}

template <class T>
void add_penalties(const Dense<T>& dense, const Penalty& penalty, T* gradient) {
    const Kernels<T>& k = dense.kernels_of_type();
    if (penalty.weight_l1 != 0 || penalty.weight_l2 != 0)
        k.add_penalty(dense.packed_size(), dense.packed(), T(penalty.weight_l1),
                      T(2 * penalty.weight_l2), gradient);
    if (penalty.bias_l1 != 0 || penalty.bias_l2 != 0)
        k.add_penalty(dense.padded_outputs(), dense.bias(), T(penalty.bias_l1),
                      T(2 * penalty.bias_l2), gradient + dense.packed_size());
}

template <class T>
bool measure(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
             const TrainingChoice& choice, const Examples<T>& examples, Measures& measures,
             Interrupt* interrupt) {
    const StandardArithmetic standard;
    Propagation<T> propagation;
    if (!propagation.reserve(layers, std::min(examples.batch, examples.count), interrupt))
        return false;
    LossFunction<T> loss(layers.front()->kernels_of_type(), choice.loss, examples.targets,
                         examples.weights);
    for (Index first = 0; first < examples.count; first += examples.batch) {
        const Index rows = std::min(examples.batch, examples.count - first);
        if (stopped(interrupt) || !gather(examples, first, propagation.input(rows), interrupt) ||
            !propagation.forward(layers, rows, takes_logits(choice.loss.loss), {}, interrupt))
            return false;
        loss(propagation.outputs(rows), examples.order + first,
             propagation.slopes(Index(layers.size()) - 1, rows), measures);
    }
    measures.loss += measures.weight * penalty_of<T>(layers, choice.penalties);
    return true;
}

template <class T>
bool gradients(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
               const TrainingChoice& choice, const Examples<T>& examples, double& loss_value,
               std::vector<Buffer<T>>& of_layers, MatrixView<T> dx, Interrupt* interrupt) {
    const StandardArithmetic standard;
    const Index rows = examples.count;
    const bool logits = takes_logits(choice.loss.loss);
    Propagation<T> propagation;
    if (!propagation.reserve(layers, rows, interrupt)) return false;
    LossFunction<T> loss(layers.front()->kernels_of_type(), choice.loss, examples.targets,
                         examples.weights);
    Measures measures;
    if (!gather(examples, 0, propagation.input(rows), interrupt) ||
        !propagation.forward(layers, rows, logits, {}, interrupt))
        return false;
    loss(propagation.outputs(rows), examples.order,
         propagation.slopes(Index(layers.size()) - 1, rows), measures);
    loss_value = (measures.weight > 0 ? measures.loss / measures.weight : 0) +
                 penalty_of<T>(layers, choice.penalties);
    if (!propagation.backward(layers, rows, logits, dx, interrupt)) return false;

    of_layers.clear();
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Dense<T>& dense = *layers[l];
        const MatrixView<const T> x = propagation.given(Index(l), rows);
        const MatrixView<const T> dz = read_only(propagation.slopes(Index(l), rows));
        Buffer<T>& made = of_layers.emplace_back(dense.packed_size() + dense.padded_outputs());
        bool whole = true;
        for_each_part(dense, 0, 1, [&](const Part& part) {
            whole = whole && !stopped(interrupt);
            if (whole)
                part_gradient(
                    dense, part, x, dz,
                    made.data() + part.column * dense.n_inputs() + part.first * part.columns,
                    made.data() + dense.packed_size() + part.column);
        });
        if (!whole) return false;
        if (!choice.penalties.empty()) add_penalties(dense, choice.penalties[l], made.data());
    }
    return true;
}

template <class T>
bool input_gradient(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
                    MatrixView<const T> x, MatrixView<T> jacobian, Interrupt* interrupt) {
    constexpr Index rows_at_once = 256;
    const StandardArithmetic standard;
    const Index outputs = layers.back()->n_outputs();
    Propagation<T> propagation;
    if (!propagation.reserve(layers, std::min(rows_at_once, x.rows), interrupt)) return false;
    for (Index first = 0; first < x.rows; first += rows_at_once) {
        const Index rows = std::min(rows_at_once, x.rows - first);
        const MatrixView<T> input = propagation.input(rows);
        for (Index i = 0; i < rows; ++i) std::copy_n(x.row(first + i), x.cols, input.row(i));
        if (!propagation.forward(layers, rows, false, {}, interrupt)) return false;
        for (Index o = 0; o < outputs; ++o) {
            const MatrixView<T> slopes = propagation.slopes(Index(layers.size()) - 1, rows);
            for (Index i = 0; i < rows; ++i) {
                std::fill_n(slopes.row(i), outputs, T(0));
                slopes.row(i)[o] = 1;
            }
            const MatrixView<T> to{jacobian.row(first * outputs + o), rows, x.cols,
                                   outputs * jacobian.stride};
            if (!propagation.backward(layers, rows, false, to, interrupt)) return false;
        }
    }
    return true;
}

#define CNNFS_INSTANTIATE(T)                                                                 \
    template double sum_over_weights(const Dense<T>&, ColumnSum, const T*);                  \
    template double sum_over_biases(const Dense<T>&, ColumnSum, const T*);                   \
    template double penalty_of(const std::vector<std::shared_ptr<const Dense<T>>>&,          \
                               const std::vector<Penalty>&);                                 \
    template void add_penalties(const Dense<T>&, const Penalty&, T*);                        \
    template bool measure(const std::vector<std::shared_ptr<const Dense<T>>>&,               \
                          const TrainingChoice&, const Examples<T>&, Measures&, Interrupt*); \
    template bool gradients(const std::vector<std::shared_ptr<const Dense<T>>>&,             \
                            const TrainingChoice&, const Examples<T>&, double&,              \
                            std::vector<Buffer<T>>&, MatrixView<T>, Interrupt*);             \
    template bool input_gradient(const std::vector<std::shared_ptr<const Dense<T>>>&,        \
                                 MatrixView<const T>, MatrixView<T>, Interrupt*);
CNNFS_INSTANTIATE(float)
CNNFS_INSTANTIATE(double)

}  // namespace cnnfs
