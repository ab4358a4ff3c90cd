// How many processors this process may use.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "core/thread_pool.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace cnnfs {

namespace {

int affinity() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return int(std::thread::hardware_concurrency());
}

#if defined(__linux__)
// "quota period" of control groups version 2, "max" for no limit; version 1 keeps two files.
double quota_in(const std::string& folder) {
    std::string quota;
    double period = 0;
    if (std::ifstream both(folder + "/cpu.max"); both >> quota >> period)
        return quota == "max" || period <= 0 ? INFINITY : std::stod(quota) / period;
    double amount = 0;
    std::ifstream first(folder + "/cpu.cfs_quota_us"), second(folder + "/cpu.cfs_period_us");
    if (first >> amount && second >> period && amount > 0 && period > 0) return amount / period;
    return INFINITY;
}

// The tightest limit of the group that this process is in and of all groups around it.
double group_quota() {
    double tightest = INFINITY;
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
        const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
        for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
            tightest = std::min(tightest, quota_in(root + path));
            if (path.empty() || path.rfind('/') == std::string::npos) break;
        }
    }
    return tightest;
}
#else
double group_quota() { return INFINITY; }
#endif

}  // namespace

int allowed_cpus() {
    const double quota = group_quota();
    const int cpus = std::max(1, affinity());
    return quota < cpus ? std::max(1, int(std::ceil(quota))) : cpus;
}

}  // namespace cnnfs
