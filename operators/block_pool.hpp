#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace weir {

/// Blocks of one size, handed out and taken back without going to the heap each time. What was
/// taken back is handed out again; memory goes back to the system only with the pool.
class BlockPool {
 public:
  /// Blocks are aligned to 8. Requires: block_bytes is a multiple of 8, at least that of a pointer.
  explicit BlockPool(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  std::byte* take() {
    if (free_ == nullptr) add_chunk();
    std::byte* block = free_;
    free_ = next_of(block);
    return block;
  }
  void give_back(std::byte* block) {
    next_of(block) = free_;
    free_ = block;
  }

  std::size_t memory_bytes() const { return chunks_.size() * blocks_a_chunk * block_bytes_; }

 private:
  static constexpr std::size_t blocks_a_chunk = 32;

  // A free block holds the address of the next one.
  static std::byte*& next_of(std::byte* block) { return *reinterpret_cast<std::byte**>(block); }

  void add_chunk() {
    chunks_.push_back(std::make_unique<std::byte[]>(blocks_a_chunk * block_bytes_));
    for (std::size_t i = blocks_a_chunk; i > 0; --i) {
      give_back(chunks_.back().get() + (i - 1) * block_bytes_);
    }
  }

  std::size_t block_bytes_;
  std::byte* free_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
};

}  // namespace weir
