// What help() shows for the functions. The first line is the signature that inspect reads.
#pragma once

namespace cnnfs::bindings {

inline constexpr const char dense_doc[] =
    R"(dense(x, weights, bias=None, activation="linear", *, out=None)
--

A batch through one dense layer: activation(x @ weights.T + bias), in one pass.

Parameters
----------
x : array_like, shape (n_inputs,) or (..., n_inputs)
    One sample, or any number of them.
weights : array_like, shape (n_neurons, n_inputs)
    A row for each neuron.
bias : array_like, shape (n_neurons,), optional
    One number for each neuron. None means zeros.
activation : str or Activation, default "linear"
    "linear", "step", "sigmoid", "relu", "softmax" (over the neurons of the layer), "tanh",
    "leaky_relu", "elu", "gelu", "gelu_tanh", "silu" or "softplus".
out : ndarray, shape (..., n_neurons), optional
    Where to write the result: C-contiguous, writeable, of the result's dtype. It may overlap the
    arguments; they are then read first.

Returns
-------
ndarray, shape (n_neurons,) or (..., n_neurons)
    float32 if every array given is float32 or float16, else float64.

Raises
------
ValueError
    If shapes do not fit, or the activation is unknown.
TypeError
    If an argument is not made of real numbers.

Notes
-----
Each result is a sum over the inputs in ascending order, in blocks of 128 that are chains of fused
multiply-adds from +0; then the bias is added. A row has the same bits in a batch and alone.

To use the same weights again and again, make a Layer: it packs them once.

Examples
--------
>>> import cnnfs
>>> cnnfs.dense([1.0, 2.0], [[0.5, -1.0], [3.0, 1.0]], [0.25, 0.0], "relu")
array([0., 5.])
)";

#define CNNFS_ELEMENTWISE_DOC(name, summary, notes, example, result)                               \
    name "(x, *, out=None)\n--\n\n" summary                                                        \
         "\n"                                                                                      \
         "\n"                                                                                      \
         "Parameters\n"                                                                            \
         "----------\n"                                                                            \
         "x : array_like, any shape\n"                                                             \
         "out : ndarray, shape of x, optional\n"                                                   \
         "    Where to write the result: C-contiguous, writeable, of the result's dtype. It may "  \
         "be x itself.\n"                                                                          \
         "\n"                                                                                      \
         "Returns\n"                                                                               \
         "-------\n"                                                                               \
         "ndarray, shape of x\n"                                                                   \
         "    float32 if x is float32 or float16, else float64. A number in gives a number out.\n" \
         "\n"                                                                                      \
         "Raises\n"                                                                                \
         "------\n"                                                                                \
         "TypeError\n"                                                                             \
         "    If x is not made of real numbers.\n"                                                 \
         "ValueError\n"                                                                            \
         "    If out does not fit.\n"                                                              \
         "\n"                                                                                      \
         "Notes\n"                                                                                 \
         "-----\n" notes                                                                           \
         "\n\n"                                                                                    \
         "Examples\n"                                                                              \
         "--------\n"                                                                              \
         ">>> import cnnfs\n"                                                                      \
         ">>> cnnfs." name "(" example ")\n" result "\n"

inline constexpr const char step_doc[] = CNNFS_ELEMENTWISE_DOC(
    "step", "The step function: 1 where x > 0, else 0.",
    "step(0) and step(-0.0) are 0; step(nan) is nan.", "[-2.0, 0.0, 3.0]", "array([0., 0., 1.])");

inline constexpr const char linear_doc[] = CNNFS_ELEMENTWISE_DOC(
    "linear", "The linear activation function: x itself, as a new array.",
    "Every bit is kept, those of -0.0 and nan too.", "[-2.0, 0.0, 3.0]", "array([-2.,  0.,  3.])");

inline constexpr const char sigmoid_doc[] =
    CNNFS_ELEMENTWISE_DOC("sigmoid", "The logistic sigmoid: 1 / (1 + exp(-x)).",
                          "Within 1 ulp of the exact value, inside [0, 1], never falling where x "
                          "rises, and right down to\n"
                          "the smallest subnormal. sigmoid(nan) is nan.",
                          "[-1000.0, 0.0, 1000.0]", "array([0. , 0.5, 1. ])");

inline constexpr const char relu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "relu", "The rectified linear unit: x where x > 0, else 0.",
    "relu(-0.0) is +0.0; relu(nan) is nan.", "[-2.0, 0.0, 3.0]", "array([0., 0., 3.])");

inline constexpr const char tanh_doc[] = CNNFS_ELEMENTWISE_DOC(
    "tanh", "The hyperbolic tangent.",
    "Within 1 ulp of the exact value, inside [-1, 1], odd down to the sign of zero, never falling "
    "where x\nrises. tanh(nan) is nan.",
    "[-1000.0, 0.0, 1000.0]", "array([-1.,  0.,  1.])");

inline constexpr const char leaky_relu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "leaky_relu", "The leaky rectified linear unit: x where x >= 0, else 0.01 x.",
    "The slope 0.01 is fixed. leaky_relu(-0.0) is -0.0; leaky_relu(nan) is nan. Source: A. L. "
    "Maas et al.,\nRectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013.",
    "[-2.0, 0.0, 3.0]", "array([-0.02,  0.  ,  3.  ])");

inline constexpr const char elu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "elu", "The exponential linear unit: x where x >= 0, else exp(x) - 1.",
    "Within 1 ulp of the exact value, at least -1, never falling where x rises. elu(-0.0) is "
    "-0.0;\nelu(nan) is nan. Source: D.-A. Clevert et al., Fast and Accurate Deep Network "
    "Learning by\nExponential Linear Units, arXiv:1511.07289, with alpha = 1.",
    "[-1000.0, 0.0, 3.0]", "array([-1.,  0.,  3.])");

inline constexpr const char gelu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "gelu",
    "The Gaussian error linear unit: x Phi(x), Phi the normal distribution's cumulative function.",
    "The exact function, x erfc(-x / sqrt(2)) / 2; gelu_tanh is near it. Within 1 ulp of the exact "
    "value,\nwithin 2 for x < -2, where x Phi(x) falls steeply. gelu(-inf) is -0.0; gelu(-0.0) is "
    "+0.0; gelu(nan)\nis nan. Source: D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, "
    "arXiv:1606.08415.",
    "[-1000.0, 0.0, 1000.0]", "array([  -0.,    0., 1000.])");

inline constexpr const char gelu_tanh_doc[] = CNNFS_ELEMENTWISE_DOC(
    "gelu_tanh",
    "The tanh form of gelu: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, within 0.0005 of it.",
    "For networks that were trained with it. Within 1 ulp of the formula's exact value, within 2 "
    "for x < -2.\ngelu_tanh(-inf) is -0.0; gelu_tanh(-0.0) is +0.0; gelu_tanh(nan) is nan. "
    "Source: D. Hendrycks and\nK. Gimpel, Gaussian Error Linear Units, arXiv:1606.08415.",
    "[-1000.0, 0.0, 1000.0]", "array([  -0.,    0., 1000.])");

inline constexpr const char silu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "silu", "The sigmoid linear unit, or swish: x sigmoid(x).",
    "Within 1 ulp of the exact value, within 2 for x < -2. silu(-inf) is -0.0; silu(-0.0) is +0.0; "
    "silu(nan) is\nnan. Source: S. Elfwing et al., Sigmoid-Weighted Linear Units, "
    "arXiv:1702.03118.",
    "[-1000.0, 0.0, 1000.0]", "array([  -0.,    0., 1000.])");

inline constexpr const char softplus_doc[] = CNNFS_ELEMENTWISE_DOC(
    "softplus", "The smooth relu: log(1 + exp(x)).",
    "Within 1 ulp of the exact value, never falling where x rises, and no threshold from which on "
    "it is x.\nsoftplus(nan) is nan. Source: C. Dugas et al., Incorporating Second-Order "
    "Functional Knowledge for\nBetter Option Pricing, NIPS 2000.",
    "[-1000.0, 1000.0]", "array([   0., 1000.])");

#undef CNNFS_ELEMENTWISE_DOC

inline constexpr const char softmax_doc[] =
    R"(softmax(x, *, out=None)
--

Numbers as probabilities: exp(x) / sum(exp(x)) over the last axis.

Parameters
----------
x : array_like, shape (n,) or (..., n)
    One row of numbers, or any number of rows.
out : ndarray, shape of x, optional
    Where to write the result: C-contiguous, writeable, of the result's dtype. It may be x itself.

Returns
-------
ndarray, shape of x
    float32 if x is float32 or float16, else float64.

Raises
------
TypeError
    If x is not made of real numbers.
ValueError
    If x is a single number, or out does not fit.

Notes
-----
The row's maximum is taken off first, so nothing overflows. Each exponential is within 1 ulp, each result
within 9 + n/8 ulp of the exact value (the rounding of the sum), and the exact sum of a row within
(n + 2) eps/2 of 1. A row with nan or +inf, or of -inf alone, is all nan, as IEEE arithmetic gives.
Source: J. S. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990.

Examples
--------
>>> import cnnfs
>>> cnnfs.softmax([[0.0, 0.0], [1000.0, 0.0]])
array([[0.5, 0.5],
       [1. , 0. ]])
)";

}  // namespace cnnfs::bindings
