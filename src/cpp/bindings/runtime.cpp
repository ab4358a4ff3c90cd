// Which kernels run, and what this build is.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "bindings/bind.hpp"
#include "bindings/python.hpp"
#include "core/thread_pool.hpp"

namespace cnnfs::bindings {

namespace {

std::string listed_kernels() {
    const KernelSets& have = available_kernels();
    std::string text;
    for (int i = 0; i < have.count; ++i) text += (i ? ", " : "") + std::string(have.sets[i]->name);
    return text;
}

const KernelSet* chosen = nullptr;

template <class T>
py::dict tile_sizes(const Kernels<T>& kernels) {
    py::dict sizes;
    sizes["lanes"] = kernels.lanes;
    sizes["panel_columns"] = kernels.panel;
    sizes["tile_rows"] = kernels.tile_rows;
    return sizes;
}

py::list available_isas() {
    py::list names;
    const KernelSets& have = available_kernels();
    for (int i = 0; i < have.count; ++i) names.append(have.sets[i]->name);
    return names;
}

py::dict config() {
    py::dict config;
    config["version"] = CNNFS_VERSION;
    config["isa"] = chosen->name;
    config["available_isas"] = available_isas();
    config["float32"] = tile_sizes(chosen->f32);
    config["float64"] = tile_sizes(chosen->f64);
    config["threads"] = ThreadPool::shared().threads();
#if defined(__clang__)
    config["compiler"] = "Clang " __clang_version__;
#else
    config["compiler"] = "GCC " __VERSION__;
#endif
    return config;
}

// GFLOP/s of one thread that only multiplies and adds, for the time given.
template <class T>
double fma_peak_of(const Kernels<T>& kernels, double seconds) {
    using Clock = std::chrono::steady_clock;
    constexpr Index steps = 20000;
    double best = 0;
    volatile T kept = 0;
    for (const auto begin = Clock::now();;) {
        const auto start = Clock::now();
        kept = kernels.multiply_add_chains(steps, T(0.5), T(1));
        const auto end = Clock::now();
        const double taken = std::chrono::duration<double>(end - start).count();
        best = std::max(best, 2e-9 * double(steps * kernels.multiply_adds_per_step) / taken);
        if (std::chrono::duration<double>(end - begin).count() >= seconds) return best;
    }
    (void)kept;
}

double fma_peak(const std::string& dtype, double seconds) {
    const py::gil_scoped_release unlocked;
    return dtype == "float32" ? fma_peak_of(chosen->f32, seconds)
                              : fma_peak_of(chosen->f64, seconds);
}

// Empty if so many threads may be asked for.
std::string threads_error(long threads, const std::string& what, const std::string& given) {
    if (threads >= 1 && threads <= ThreadPool::most_threads) return {};
    return what + " must be a whole number from 1 to " + std::to_string(ThreadPool::most_threads) +
           ", not " + given;
}

void choose_kernels() {
    const char* wish = std::getenv("CNNFS_ISA");
    chosen = find_kernels(wish);
    if (!chosen)
        throw py::import_error("CNNFS_ISA is '" + std::string(wish) +
                               "', but this machine can run: " + listed_kernels());
}

void choose_threads() {
    const char* wish = std::getenv("CNNFS_NUM_THREADS");
    if (!wish || !*wish) return;
    char* end = nullptr;
    long threads = std::strtol(wish, &end, 10);
    if (*end) threads = 0;
    const std::string error =
        threads_error(threads, "CNNFS_NUM_THREADS", "'" + std::string(wish) + "'");
    if (!error.empty()) throw py::import_error(error);
    ThreadPool::shared().set_threads(int(threads));
}

}  // namespace

const KernelSet& current_kernels() { return *chosen; }

void bind_runtime(py::module_& m) {
    choose_kernels();
    choose_threads();
    m.attr("__version__") = CNNFS_VERSION;
    m.def("config", &config, "What this build is and which kernels run, as a dict.");
    m.def(
        "isa", [] { return chosen->name; }, "The instruction set of new layers and of functions.");
    m.def("available_isas", &available_isas,
          "The instruction sets that this machine can run, slowest first.");
    m.def(
        "use_isa",
        [](const std::string& name) {
            const KernelSet* found = name.empty() ? nullptr : find_kernels(name.c_str());
            if (!found)
                value_error("'" + name +
                            "' is not among what this machine can run: " + listed_kernels());
            chosen = found;
        },
        py::arg("name"),
        "Choose the kernels of new layers and of functions; layers that exist keep theirs. For "
        "tests.");
    m.def("fma_peak", &fma_peak, py::arg("dtype"), py::arg("seconds"),
          "The most GFLOP/s that one thread reaches in multiply-adds alone. For benchmarks.");
    m.def(
        "set_num_threads",
        [](long threads) {
            const std::string error =
                threads_error(threads, "the number of threads", std::to_string(threads));
            if (!error.empty()) value_error(error);
            ThreadPool::shared().set_threads(int(threads));
        },
        py::arg("n"));
    m.def("get_num_threads", [] { return ThreadPool::shared().threads(); });
}

}  // namespace cnnfs::bindings
