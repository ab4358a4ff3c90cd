// Which kernels run, and what this build is.
#include <cstdlib>
#include <string>

#include "bindings/bind.hpp"
#include "bindings/python.hpp"

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

py::dict config() {
    py::dict config;
    config["version"] = CNNFS_VERSION;
    config["isa"] = chosen->name;
    config["available_isas"] = py::module_::import("builtins").attr("list")();
    const KernelSets& have = available_kernels();
    py::list names;
    for (int i = 0; i < have.count; ++i) names.append(have.sets[i]->name);
    config["available_isas"] = names;
    config["float32"] = tile_sizes(chosen->f32);
    config["float64"] = tile_sizes(chosen->f64);
#if defined(__clang__)
    config["compiler"] = "Clang " __clang_version__;
#else
    config["compiler"] = "GCC " __VERSION__;
#endif
    return config;
}

}  // namespace

const KernelSet& current_kernels() { return *chosen; }

void bind_runtime(py::module_& m) {
    const char* wish = std::getenv("CNNFS_ISA");
    chosen = find_kernels(wish);
    if (!chosen)
        throw_error(PyExc_ImportError, "CNNFS_ISA is '" + std::string(wish) +
                                           "', but this machine can run: " + listed_kernels());
    m.attr("__version__") = CNNFS_VERSION;
    m.def("config", &config, "What this build is and which kernels run, as a dict.");
    m.def(
        "isa", [] { return chosen->name; }, "The instruction set of new layers and of functions.");
    m.def(
        "available_isas", [] { return config()["available_isas"]; },
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
}

}  // namespace cnnfs::bindings
