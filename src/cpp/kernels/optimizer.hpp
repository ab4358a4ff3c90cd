// The optimizers by number and by name, and what one update needs. Their arithmetic is in
// optimizers.hpp.
#pragma once

#include "core/matrix.hpp"

namespace cnnfs {

enum class Optimizer : int { sgd, adagrad, rmsprop, adam, adamw };

inline constexpr const char* optimizer_names[] = {"sgd", "adagrad", "rmsprop", "adam", "adamw"};
inline constexpr int optimizer_count = 5;

// Numbers that an optimizer remembers for each parameter.
inline constexpr int moments_of(Optimizer optimizer, double momentum) {
    switch (optimizer) {
        case Optimizer::sgd: return momentum != 0 ? 1 : 0;
        case Optimizer::adagrad:
        case Optimizer::rmsprop: return 1;
        case Optimizer::adam:
        case Optimizer::adamw: return 2;
    }
    return 0;
}

// One update's constants. Which of them count is the optimizer's affair.
template <class T>
struct UpdateRule {
    Optimizer optimizer;
    T rate;      // Adam, AdamW: divided by the correction of the first moment's bias
    T momentum;  // SGD: momentum. Adam, AdamW: beta 1
    T decay;     // RMSprop: alpha. Adam, AdamW: beta 2
    T epsilon;
    T correction;  // Adam, AdamW: of the second moment's bias, its root's inverse
    T shrink;      // AdamW: 1 - rate * weight decay
    bool nesterov;
};

// Parameters in place: n is a whole number of vectors.
template <class T>
struct UpdateTask {
    UpdateRule<T> rule;
    Index n;
    T* parameters;
    const T* gradient;
    T* first;  // moments; null where the optimizer has none
    T* second;
};

}  // namespace cnnfs
