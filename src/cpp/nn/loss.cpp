#include "nn/loss.hpp"

#include <algorithm>
#include <cmath>

namespace cnnfs {

template <class T>
void LossFunction<T>::operator()(MatrixView<const T> outputs, const std::int64_t* rows,
                                 MatrixView<T> d, Measures& measures) {
    double total = 0;
    for (Index i = 0; i < outputs.rows; ++i) total += weight_of(rows[i]);
    measures.weight += total;
    // Rows without weight: the loss is 0 and so is its slope.
    const double unit = total > 0 ? 1 / total : 0;
    switch (choice_.loss) {
        case Loss::cross_entropy: return cross_entropy(outputs, rows, unit, d, measures);
        case Loss::binary_cross_entropy:
            return binary_cross_entropy(outputs, rows, unit, d, measures);
        default: return elementwise(outputs, rows, unit, d, measures);
    }
}

// -sum_c t_c log p_c with p = softmax(z), which is lse(z) sum_c t_c - sum_c t_c z_c; z stays finite where p
// is 0. Smoothed targets are (1 - s) t + s / classes.
template <class T>
void LossFunction<T>::cross_entropy(MatrixView<const T> z, const std::int64_t* rows, double unit,
                                    MatrixView<T> d, Measures& measures) {
    if (scratch_.size() < 2 * z.rows) scratch_ = Buffer<T>(2 * z.rows);
    T* const highest = scratch_.data();
    T* const sum = highest + z.rows;
    kernels_.softmax(z.rows, z.cols, z.data, z.stride, d.data, d.stride, highest, sum);
    const double smoothing = choice_.parameter, share = smoothing / double(z.cols);
    for (Index i = 0; i < z.rows; ++i) {
        const double weight = weight_of(rows[i]);
        const T* const logits = z.row(i);
        T* const slope = d.row(i);
        const T scale = T(weight * unit);
        const T* const given = targets_.values ? targets_.values + rows[i] * z.cols : nullptr;
        const Index label = targets_.labels ? Index(targets_.labels[rows[i]]) : -1;
        // Relative to the highest logit, so that large ones cost no digits.
        double loss = 0, targets = 0;
        Index best = 0, wanted = 0;
        if (label >= 0 && smoothing == 0) {
            loss = -(double(logits[label]) - highest[i]);
            targets = 1;
            for (Index c = 0; c < z.cols; ++c) {
                if (logits[c] > logits[best]) best = c;
                slope[c] *= scale;
            }
            slope[label] -= scale;
            wanted = label;
        } else {
            for (Index c = 0; c < z.cols; ++c) {
                const double plain = given ? double(given[c]) : double(c == label);
                const double target = (1 - smoothing) * plain + share;
                targets += target;
                // An impossible class that must not be costs nothing.
                if (target != 0) loss -= target * (double(logits[c]) - highest[i]);
                if (logits[c] > logits[best]) best = c;
                if (given && given[c] > given[wanted]) wanted = c;
                slope[c] = T(weight * unit * (double(slope[c]) - target));
            }
            if (!given) wanted = label;
        }
        if (weight == 0) continue;
        measures.loss += weight * (loss + targets * std::log(double(sum[i])));
        measures.correct += weight * double(best == wanted);
    }
}

// softplus(z) - t z = max(z, 0) - t z + softplus(-|z|); its slope is sigmoid(z) - t.
template <class T>
void LossFunction<T>::binary_cross_entropy(MatrixView<const T> z, const std::int64_t* rows,
                                           double unit, MatrixView<T> d, Measures& measures) {
    if (scratch_.size() < z.cols) scratch_ = Buffer<T>(z.cols);
    T* const rest = scratch_.data();
    const double share = 1 / double(z.cols);
    for (Index i = 0; i < z.rows; ++i) {
        const double weight = weight_of(rows[i]);
        const T* const logits = z.row(i);
        const T* const target = targets_.values + rows[i] * z.cols;
        T* const slope = d.row(i);
        const T scale = T(weight * unit * share);
        for (Index c = 0; c < z.cols; ++c) rest[c] = -std::abs(logits[c]);
        kernels_.activate(Activation::softplus, z.cols, rest, rest);
        kernels_.activate(Activation::sigmoid, z.cols, logits, slope);
        double loss = 0;
        Index correct = 0;
        for (Index c = 0; c < z.cols; ++c) {
            loss += std::max(double(logits[c]), 0.0) - double(target[c]) * double(logits[c]) +
                    double(rest[c]);
            correct += (logits[c] > 0) == (target[c] > T(0.5));
            slope[c] = scale * (slope[c] - target[c]);
        }
        if (weight == 0) continue;
        measures.loss += weight * share * loss;
        measures.correct += weight * share * double(correct);
    }
}

template <class T>
void LossFunction<T>::elementwise(MatrixView<const T> y, const std::int64_t* rows, double unit,
                                  MatrixView<T> d, Measures& measures) {
    const double share = 1 / double(y.cols);
    const T delta = T(choice_.parameter);
    measures.squared.resize(std::size_t(y.cols));
    for (Index i = 0; i < y.rows; ++i) {
        const double weight = weight_of(rows[i]);
        const T* const outputs = y.row(i);
        const T* const target = targets_.values + rows[i] * y.cols;
        T* const slope = d.row(i);
        const T scale = T(weight * unit * share);
        double loss = 0, absolute = 0;
        for (Index c = 0; c < y.cols; ++c) {
            const T error = outputs[c] - target[c], size = std::abs(error);
            // Where the error is 0 so is the slope; NaN passes.
            const T sign = error > 0 ? T(1) : error < 0 ? T(-1) : error;
            const double square = double(error) * double(error);
            absolute += double(size);
            if (choice_.loss == Loss::mse) {
                loss += square;
                slope[c] = scale * (2 * error);
            } else if (choice_.loss == Loss::mae) {
                loss += double(size);
                slope[c] = scale * sign;
            } else if (size <= delta) {
                loss += square / 2;
                slope[c] = scale * error;
            } else {
                loss += double(delta) * (double(size) - double(delta) / 2);
                slope[c] = scale * (delta * sign);
            }
            if (weight != 0) measures.squared[std::size_t(c)] += weight * square;
        }
        if (weight == 0) continue;
        measures.loss += weight * share * loss;
        measures.absolute += weight * share * absolute;
    }
}

template class LossFunction<float>;
template class LossFunction<double>;

}  // namespace cnnfs
