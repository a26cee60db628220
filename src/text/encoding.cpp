#include <fmt/format.h>
#include <ingot/core/construction.h>
#include <ingot/core/error.h>
#include <ingot/text/encoding.h>

namespace ingot::text {

TokenBatch to_tensors(const std::vector<Encoding>& encodings) {
  if (encodings.empty()) throw ValueError("to_tensors: there is no encoding");
  const std::int64_t length = encodings[0].size();
  for (std::size_t i = 0; i < encodings.size(); ++i)
    if (encodings[i].size() != length)
      throw ValueError(fmt::format(
          "to_tensors: encoding 0 has {} tokens and encoding {} has {}; encode with padding",
          length, i, encodings[i].size()));
  const auto stacked = [&](std::vector<std::int64_t> Encoding::*list) {
    std::vector<std::int64_t> all;
    all.reserve(encodings.size() * static_cast<std::size_t>(length));
    for (const Encoding& e : encodings) all.insert(all.end(), (e.*list).begin(), (e.*list).end());
    return from_vector(all, {static_cast<std::int64_t>(encodings.size()), length});
  };
  return {stacked(&Encoding::ids), stacked(&Encoding::type_ids),
          stacked(&Encoding::attention_mask)};
}

}  // namespace ingot::text
