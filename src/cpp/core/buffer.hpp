// Memory whose start is aligned for every vector load, and which frees itself.
#pragma once

#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/matrix.hpp"

namespace cnnfs {

// One cache line, and the widest vector.
inline constexpr std::size_t buffer_alignment = 64;

// Weights are swept from end to end for each block of rows. In pages of 4 KiB those of a wide network
// overflow the processor's translation tables.
inline constexpr std::size_t huge_page = std::size_t(1) << 21;

inline void prefer_huge_pages([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
    // A wish: where it cannot be had, nothing is lost.
    if (bytes >= huge_page) madvise(p, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
}

template <class T>
class Buffer {
public:
    Buffer() = default;

    // Uninitialised. Throws std::bad_alloc, also when the size in bytes does not fit an Index.
    explicit Buffer(Index size) : size_(size) {
        if (size == 0) return;
        if (size < 0 || size > std::numeric_limits<Index>::max() / Index(sizeof(T)))
            throw std::bad_alloc();
        const std::size_t bytes = std::size_t(size) * sizeof(T);
        data_ = static_cast<T*>(::operator new(bytes, alignment()));
        prefer_huge_pages(data_, bytes);
    }

    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    ~Buffer() {
        if (data_) ::operator delete(data_, alignment());
    }

    T* data() const { return data_; }
    Index size() const { return size_; }

private:
    std::align_val_t alignment() const {
        return std::align_val_t(std::size_t(size_) * sizeof(T) < huge_page ? buffer_alignment
                                                                           : huge_page);
    }

    T* data_ = nullptr;
    Index size_ = 0;
};

}  // namespace cnnfs
