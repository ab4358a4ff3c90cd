// The loss of a batch, its slope, and the measures that are counted beside it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/buffer.hpp"
#include "kernels/kernels.hpp"

namespace cnnfs {

enum class Loss : int { mse, mae, huber, binary_cross_entropy, cross_entropy };

inline constexpr const char* loss_names[] = {"mse", "mae", "huber", "binary_cross_entropy",
                                             "cross_entropy"};
inline constexpr int loss_count = 5;

struct LossChoice {
    Loss loss = Loss::mse;
    double parameter = 0;  // Huber's delta, cross-entropy's label smoothing
};

// Together with its usual last activation a cross-entropy has the slope prediction - target. Both are
// then computed from what the last layer gives before its activation, which must not be applied.
inline bool takes_logits(Loss loss) {
    return loss == Loss::cross_entropy || loss == Loss::binary_cross_entropy;
}

// What a row's outputs should be: a class, or a number for each output.
template <class T>
struct Targets {
    const std::int64_t* labels = nullptr;
    const T* values = nullptr;  // rows x outputs
};

// Sums over rows, of the weighted kind. Divided by `weight` they are means.
struct Measures {
    double weight = 0;            // of the rows seen
    double loss = 0;              // mean over the outputs for the elementwise losses
    double correct = 0;           // share of the outputs that are right
    double absolute = 0;          // mean over the outputs of |prediction - target|
    std::vector<double> squared;  // for each output, (prediction - target)^2
};

template <class T>
class LossFunction {
public:
    LossFunction(const Kernels<T>& kernels, LossChoice choice, Targets<T> targets,
                 const double* weights)
        : kernels_(kernels), choice_(choice), targets_(targets), weights_(weights) {}

    // outputs: of a batch whose i-th row is row rows[i] of the data. Adds to the measures, and sets
    // d to the slope of the batch's loss, its (weighted) mean.
    void operator()(MatrixView<const T> outputs, const std::int64_t* rows, MatrixView<T> d,
                    Measures& measures);

private:
    void cross_entropy(MatrixView<const T> z, const std::int64_t* rows, double unit,
                       MatrixView<T> d, Measures& measures);
    void binary_cross_entropy(MatrixView<const T> z, const std::int64_t* rows, double unit,
                              MatrixView<T> d, Measures& measures);
    void elementwise(MatrixView<const T> y, const std::int64_t* rows, double unit, MatrixView<T> d,
                     Measures& measures);
    double weight_of(std::int64_t row) const { return weights_ ? weights_[row] : 1; }

    const Kernels<T>& kernels_;
    LossChoice choice_;
    Targets<T> targets_;
    const double* weights_;
    Buffer<T> scratch_;
};

}  // namespace cnnfs
