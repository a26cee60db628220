// Sentences as tokens, kept small until a batch is made of some.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <ingot/glue/sentences.h>
#include <ingot/text/encoding.h>
#include <ingot/text/tokenizer.h>

namespace ingot::glue {

struct Padding {
  std::int64_t id = 0;        ///< the token
  std::int64_t length = 0;    ///< of every batch; 0: the longest of it
  std::int64_t multiple = 1;  ///< a length that is the longest's is rounded up to one of these
  std::int64_t most = std::numeric_limits<std::int64_t>::max();  ///< but not above this
};

class Tokens {
 public:
  /// Pairs are cut at the longer sentence. Throws ValueError for sentences that are no UTF-8, and
  /// for tokens that a model of `vocab_size` has not got. `stop` is asked every few hundred
  /// sentences: true leaves those that follow out, and stopped() tells of it.
  Tokens(const text::Tokenizer& tokenizer, const Sentences& sentences, std::int64_t max_length,
         std::int64_t vocab_size, const std::function<bool()>& stop = {});

  bool stopped() const { return stopped_; }
  /// A number that other tokens, or others in another order, do not have.
  std::uint64_t hash() const;

  std::int64_t size() const { return static_cast<std::int64_t>(begin_.size()) - 1; }
  std::span<const std::int32_t> ids(std::int64_t i) const;
  /// The length that a batch of these rows has.
  std::int64_t width(std::span<const std::int64_t> rows, const Padding& padding) const;
  /// int64 [rows, length] each, on the cpu.
  text::TokenBatch batch(std::span<const std::int64_t> rows, const Padding& padding) const;

 private:
  std::vector<std::int32_t> ids_;
  std::vector<std::int8_t> types_;
  std::vector<std::size_t> begin_{0};
  bool stopped_ = false;
};

}  // namespace ingot::glue
