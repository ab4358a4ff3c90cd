// The activation functions by number and by name. Their arithmetic is in activations.hpp.
#pragma once

namespace cnnfs {

enum class Activation : int { linear, step, sigmoid, relu };

inline constexpr const char* activation_names[] = {"linear", "step", "sigmoid", "relu"};
inline constexpr int activation_count = 4;

}  // namespace cnnfs
