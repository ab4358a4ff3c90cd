// Gradients without an optimizer, and what they share with it.
#pragma once

#include "nn/loss.hpp"
#include "nn/propagation.hpp"

namespace cnnfs {

// Added to the loss: l1 sum |p| + l2 sum p^2, over a layer's weights and over its biases.
struct Penalty {
    double weight_l1 = 0, weight_l2 = 0, bias_l1 = 0, bias_l2 = 0;
};

struct TrainingChoice {
    LossChoice loss;
    std::vector<Penalty> penalties;  // for each layer; empty: none
    std::vector<double> dropout;     // share dropped of each layer's inputs; empty: none
    double clip_value = 0;           // of each number of the gradient; 0: not
    double clip_norm = 0;            // of the whole gradient; 0: not
};

// Rows of data. The pointers are borrowed.
template <class T>
struct Examples {
    MatrixView<const T> x;
    Targets<T> targets;
    const double* weights = nullptr;      // of each row; null: all 1
    const std::int64_t* order = nullptr;  // `count` rows of x, in the order to take
    Index count = 0;
    Index batch = 1;  // rows of a step
};

template <class T>
Buffer<T> zeros(Index size) {
    Buffer<T> made(size);
    std::fill_n(made.data(), size, T(0));
    return made;
}

// The rows of a batch that begins with example `first`, side by side. False if interrupted.
template <class T>
bool gather(const Examples<T>& examples, Index first, MatrixView<T> to, Interrupt* interrupt) {
    constexpr Index line = 64 / Index(sizeof(T)), rows_ahead = 2;
    const auto from = [&](Index i) { return examples.x.row(Index(examples.order[first + i])); };
    for (Index i = 0; i < to.rows; ++i) {
        if (i % rows_between_looks == rows_between_looks - 1 && stopped(interrupt)) return false;
        // The processor does not guess where a row of a shuffled batch lies.
        if (i + rows_ahead < to.rows)
            for (Index j = 0; j < to.cols; j += line)
                __builtin_prefetch(from(i + rows_ahead) + j, 0, 2);
        std::copy_n(from(i), to.cols, to.row(i));
    }
    return true;
}

// The weights between some inputs and one panel of neurons; with the first inputs also the biases.
struct Part {
    Index first, inputs, column, columns;
};

// f(part) for the parts of one of so many shares of a layer's panels. Always the same ones: what a thread
// has in its cache it finds there again.
template <class T, class F>
void for_each_part(const Dense<T>& dense, Index share, Index shares, F f) {
    const Index panel = dense.kernels_of_type().panel, padded = dense.padded_outputs();
    const Index panels = pieces(padded, panel);
    const Index begin = pieces(share * panels, shares), end = pieces((share + 1) * panels, shares);
    for (Index first = 0; first == 0 || first < dense.n_inputs(); first += inputs_at_once)
        for (Index p = begin; p < end; ++p)
            f(Part{first, std::min(inputs_at_once, dense.n_inputs() - first), p * panel,
                   std::min(panel, padded - p * panel)});
}

// The gradient of a part, in the order of packed weights, from what the layer was given and the slopes at
// its sums.
template <class T>
void part_gradient(const Dense<T>& dense, const Part& part, MatrixView<const T> x,
                   MatrixView<const T> dz, T* weights, T* bias) {
    const Kernels<T>& k = dense.kernels_of_type();
    k.weight_gradient({columns_of(x, part.first, part.inputs), dz.data + part.column, dz.stride,
                       part.columns, weights});
    if (part.first == 0)
        k.column_sums(ColumnSum::values, columns_of(dz, part.column, part.columns), bias);
}

// Of the numbers of all weights, which are in packed order, or of the biases: neuron after neuron, so that
// it does not depend on the packing.
template <class T>
double sum_over_weights(const Dense<T>& dense, ColumnSum of, const T* packed);
template <class T>
double sum_over_biases(const Dense<T>& dense, ColumnSum of, const T* bias);

template <class T>
double penalty_of(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
                  const std::vector<Penalty>& penalties);

// gradient: of the weights in packed order, then of the biases.
template <class T>
void add_penalties(const Dense<T>& dense, const Penalty& penalty, T* gradient);

// The measures of the layers as they are. False if interrupted.
template <class T>
bool measure(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
             const TrainingChoice& choice, const Examples<T>& examples, Measures& measures,
             Interrupt* interrupt);

// The loss of all examples together, and its gradients: for each layer those of its weights in packed
// order and behind them those of its biases, and dx. False if interrupted.
template <class T>
bool gradients(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
               const TrainingChoice& choice, const Examples<T>& examples, double& loss,
               std::vector<Buffer<T>>& of_layers, MatrixView<T> dx, Interrupt* interrupt);

// jacobian(row * outputs + o, i): the slope of output o of a row with respect to its input i.
template <class T>
bool input_gradient(const std::vector<std::shared_ptr<const Dense<T>>>& layers,
                    MatrixView<const T> x, MatrixView<T> jacobian, Interrupt* interrupt);

}  // namespace cnnfs
