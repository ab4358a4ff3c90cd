// Every kernel set that this machine runs against the scalar reference, bit for bit.
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/reference.hpp"
#include "nn/network.hpp"

using namespace cnnfs;

namespace {

int failures = 0;

void expect(bool holds, const char* what, const char* isa, Index rows, Index inputs,
            Index outputs) {
    if (holds) return;
    if (++failures > 20) return;
    std::printf("FAILED %s: %s, %td rows, %td inputs, %td outputs\n", isa, what, rows, inputs,
                outputs);
}

template <class T>
std::vector<T> random_numbers(Index n, unsigned seed) {
    std::mt19937 bits(seed);
    std::normal_distribution<T> normal;
    std::vector<T> numbers(std::size_t(n) + 1);
    for (T& x : numbers) x = normal(bits);
    return numbers;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Exactly one rounding after another in the promised order; also through dense_once.
template <class T>
void check_dense(const KernelSet& set, Index rows, Index inputs, Index outputs, Activation act) {
    const auto x = random_numbers<T>(rows * inputs, 1), w = random_numbers<T>(outputs * inputs, 2);
    const auto b = random_numbers<T>(outputs, 3);
    std::vector<T> want(std::size_t(rows * outputs) + 1, T(7)), got = want, once = want;
    const MatrixView<const T> xs{x.data(), rows, inputs, inputs},
        ws{w.data(), outputs, inputs, inputs};
    reference::dense<T>(xs, ws, b.data(), act, {want.data(), rows, outputs, outputs},
                        set.isa != Isa::generic);
    const auto dense = Dense<T>::make(set, ws, b.data(), act, nullptr);
    dense->forward(xs, {got.data(), rows, outputs, outputs}, nullptr);
    expect(same_bits(want, got), "Dense::forward", set.name, rows, inputs, outputs);
    dense_once<T>(set, xs, ws, b.data(), act, {once.data(), rows, outputs, outputs}, nullptr);
    expect(same_bits(want, once), "dense_once", set.name, rows, inputs, outputs);

    std::vector<T> unpacked(w.size());
    dense->unpack_weights(unpacked.data());
    unpacked.back() = w.back();
    expect(same_bits(w, unpacked), "unpack_weights", set.name, rows, inputs, outputs);
}

template <class T>
void check_network(const KernelSet& set, Index rows, const std::vector<Index>& widths) {
    std::vector<std::shared_ptr<Layer<T>>> layers;
    std::vector<const Dense<T>*> pass;
    auto x = random_numbers<T>(rows * widths.front(), 4);
    std::vector<T> want = x;
    for (std::size_t i = 1; i < widths.size(); ++i) {
        const Index inputs = widths[i - 1], outputs = widths[i];
        const auto w = random_numbers<T>(outputs * inputs, unsigned(10 * i));
        const MatrixView<const T> ws{w.data(), outputs, inputs, inputs};
        layers.push_back(std::make_shared<Layer<T>>());
        layers.back()->dense = Dense<T>::make(set, ws, nullptr, Activation::relu, nullptr);
        pass.push_back(layers.back()->dense.get());
        std::vector<T> next(std::size_t(rows * outputs) + 1, T(7)), zeros(std::size_t(outputs) + 1);
        reference::dense<T>({want.data(), rows, inputs, inputs}, ws, zeros.data(), Activation::relu,
                            {next.data(), rows, outputs, outputs}, set.isa != Isa::generic);
        want = next;
    }
    std::vector<T> got(want.size(), T(7));
    const Network<T> network(layers);
    network.forward({pass.data(), Index(pass.size())},
                    {x.data(), rows, widths.front(), widths.front()},
                    {got.data(), rows, widths.back(), widths.back()}, nullptr);
    expect(same_bits(want, got), "Network::forward", set.name, rows, widths.front(), widths.back());
}

template <class T>
void check(const KernelSet& set) {
    const Index sizes[] = {0,  1,  2,  3,   7,   15,  16,  17,  31, 32,
                           33, 64, 65, 127, 128, 129, 200, 257, 300};
    for (Index outputs : sizes)
        for (Index inputs : sizes) {
            check_dense<T>(set, 5, inputs, outputs, Activation::linear);
            check_dense<T>(set, 1, inputs, outputs, Activation::relu);
        }
    for (Index rows = 0; rows <= 280; ++rows)
        for (Index outputs : {5, 47}) check_dense<T>(set, rows, 140, outputs, Activation::step);
    for (Index rows : {1, 33, 1000}) check_network<T>(set, rows, {20, 70, 3, 129, 2});
    check_network<T>(set, 300, {5, 2000, 6});
}

// Without an interrupt the work is done; with one it ends early and says so.
class Always final : public Interrupt {
    bool requested() override { return true; }
};

template <class T>
void check_interrupt(const KernelSet& set) {
    Always always;
    const auto w = random_numbers<T>(12, 5);
    const MatrixView<const T> ws{w.data(), 3, 4, 4};
    std::vector<T> y(3);
    const auto dense = Dense<T>::make(set, ws, nullptr, Activation::linear, nullptr);
    expect(!dense->forward({w.data(), 1, 4, 4}, {y.data(), 1, 3, 3}, &always) &&
               !Dense<T>::make(set, ws, nullptr, Activation::linear, &always) &&
               !activate<T>(set, Activation::relu, 3, y.data(), y.data(), &always),
           "interrupt", set.name, 1, 4, 3);
}

}  // namespace

int main() {
    const KernelSets& have = available_kernels();
    for (int i = 0; i < have.count; ++i) {
        const KernelSet& set = *have.sets[i];
        check<float>(set);
        check<double>(set);
        check_interrupt<float>(set);
        check_interrupt<double>(set);
        std::printf("%s checked\n", set.name);
    }
    return failures ? 1 : 0;
}
