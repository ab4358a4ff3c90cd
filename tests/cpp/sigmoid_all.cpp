// sigmoid over the float32 numbers, in ascending order, by every kernel set: the largest error in ulp is
// printed and at most 1, results lie in [0, 1], never fall, and have the same bits in every set.
//
//   sigmoid_all [step]     every step-th number; default 1, which is all 2^32
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/kernels.hpp"

using namespace cnnfs;

namespace {

// The i-th bit pattern in ascending order of the numbers: negative ones run backwards.
std::uint32_t ordered(std::uint64_t i) {
    const auto bits = std::uint32_t(i);
    return bits < 0x80000000u ? ~bits : bits - 0x80000000u;
}

// The distance between neighbouring floats at y.
double ulp(double y) {
    const int exponent = y > 0 ? std::max(std::ilogb(y), -126) : -126;
    return std::ldexp(1.0, exponent - 23);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t step = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
    constexpr std::size_t chunk = 1 << 16;
    const KernelSets& have = available_kernels();
    const Index sets = have.count;
    std::vector<float> x(chunk), y(chunk), first(chunk);
    double worst = 0;
    float worst_at = 0, before = 0;
    std::uint64_t numbers = 0;
    bool good = true;
    for (std::uint64_t i = 0; i < (std::uint64_t(1) << 32);) {
        std::size_t n = 0;
        for (; n < chunk && i < (std::uint64_t(1) << 32); i += step)
            x[n++] = std::bit_cast<float>(ordered(i));
        // The slowest set, without fused multiply-adds, is left to the sampled run.
        for (Index s = step == 1 && sets > 1 ? 1 : 0, done = 0; s < sets; ++s, ++done) {
            have.sets[s]->f32.activate(Activation::sigmoid, Index(n), x.data(), y.data());
            if (done == 0) first = y;
            else if (std::memcmp(first.data(), y.data(), n * sizeof(float)) != 0) {
                std::printf("FAILED: %s gives other bits\n", have.sets[s]->name);
                good = false;
            }
        }
        for (std::size_t j = 0; j < n; ++j) {
            if (std::isnan(x[j])) {
                good = good && std::isnan(y[j]);
                continue;
            }
            ++numbers;
            const double exact = 1 / (1 + std::exp(-double(x[j])));
            const double error = std::fabs(y[j] - exact) / ulp(exact);
            if (error > worst) {
                worst = error;
                worst_at = x[j];
            }
            if (!(y[j] >= before && y[j] <= 1)) {
                std::printf("FAILED: sigmoid(%a) = %a after %a\n", x[j], y[j], before);
                good = false;
            }
            before = y[j];
        }
    }
    std::printf("sigmoid: %llu numbers, largest error %.4f ulp at %a\n",
                (unsigned long long)numbers, worst, worst_at);
    return good && worst <= 1 ? 0 : 1;
}
