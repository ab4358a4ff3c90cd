// The activation functions by number and by name. Their arithmetic is in activations.hpp.
#pragma once

namespace cnnfs {

enum class Activation : int {
    linear,
    step,
    sigmoid,
    relu,
    softmax,
    tanh,
    leaky_relu,
    elu,
    gelu,
    gelu_tanh,
    silu,
    softplus
};

inline constexpr const char* activation_names[] = {
    "linear",     "step", "sigmoid", "relu",      "softmax", "tanh",
    "leaky_relu", "elu",  "gelu",    "gelu_tanh", "silu",    "softplus"};
inline constexpr int activation_count = 12;

// Whether the derivative is computed from the function's input; else it is from its output, which is
// at hand anyway.
inline constexpr bool needs_input(Activation activation) { return activation >= Activation::gelu; }

// softmax is a function of a row; the others are functions of one number.
inline constexpr bool is_elementwise(Activation activation) {
    return activation != Activation::softmax;
}

}  // namespace cnnfs
