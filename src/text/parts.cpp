#include "text/parts.h"

#include <algorithm>
#include <utility>

namespace ingot::text {

Templates plain_templates() {
  Templates out;
  TemplatePiece first, second;
  first.sequence = 0;
  second.sequence = 1;
  second.type_id = 1;
  out.single = {first};
  out.pair = {first, second};
  return out;
}

void Tokenizer::Parts::add_token(const AddedToken& token) {
  std::string normal = token.content;
  if (token.normalized && normalizer) {
    BertNormalizer::Buffers buffers;
    normal = normalizer->apply(token.content, 0, buffers).text;
  }
  added.add(token, std::move(normal));
}

std::int64_t Tokenizer::Parts::find(std::string_view token) const {
  if (const AddedToken* found = added.find(token)) return found->id;
  return vocabulary().find(token);
}

const std::string* Tokenizer::Parts::token_of(std::int64_t id) const {
  if (const AddedToken* found = added.find(id)) return &found->content;
  return vocabulary().has(id) ? &vocabulary().token(id) : nullptr;
}

std::int64_t Tokenizer::Parts::end() const {
  const auto& all = added.all();
  return std::max(vocabulary().end(), all.empty() ? 0 : all.rbegin()->first + 1);
}

std::unique_ptr<Scratch> Tokenizer::Parts::borrow() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>();
}

void Tokenizer::Parts::give_back(std::unique_ptr<Scratch> scratch) const {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
}

}  // namespace ingot::text
