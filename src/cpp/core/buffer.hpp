// Memory whose start is aligned for every vector load, and which frees itself.
#pragma once

#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

#include "core/matrix.hpp"

namespace cnnfs {

// One cache line, and the widest vector.
inline constexpr std::size_t buffer_alignment = 64;

template <class T>
class Buffer {
public:
    Buffer() = default;

    // Uninitialised. Throws std::bad_alloc, also when the size in bytes does not fit an Index.
    explicit Buffer(Index size) : size_(size) {
        if (size == 0) return;
        if (size < 0 || size > std::numeric_limits<Index>::max() / Index(sizeof(T)))
            throw std::bad_alloc();
        data_ = static_cast<T*>(
            ::operator new(std::size_t(size) * sizeof(T), std::align_val_t(buffer_alignment)));
    }

    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    ~Buffer() {
        if (data_) ::operator delete(data_, std::align_val_t(buffer_alignment));
    }

    T* data() const { return data_; }
    Index size() const { return size_; }

private:
    T* data_ = nullptr;
    Index size_ = 0;
};

}  // namespace cnnfs
