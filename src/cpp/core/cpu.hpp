// What this processor, under this operating system, can execute.
#pragma once

namespace cnnfs {

enum class Isa { generic, avx2, avx512, neon };

bool cpu_runs(Isa isa);

}  // namespace cnnfs
