#include "cli/data_mark.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <cstdint>
#include <variant>

#include "cli/output.h"

namespace ingot::cli {
namespace {

constexpr std::int64_t kSamples = 64;  // of both parts; a sample may have to be decoded and resized

// 0 for what has none, or cannot be read: whether that is an error is for the loader to say.
std::int64_t label_of(const data::Dataset& data, std::int64_t index) {
  try {
    const data::Sample sample = data.get(index);
    const data::Field* target = sample.find("targets");
    const auto* label = target == nullptr ? nullptr : std::get_if<std::int64_t>(target);
    return label ? *label : 0;
  } catch (const IoError&) {
    return 0;
  }
}

// FNV-1a over labels spread evenly over the data.
std::uint64_t checksum_of_labels(const data::Dataset& data) {
  std::uint64_t h = 0xcbf29ce484222325u;
  const std::int64_t count = std::min(data.size(), kSamples);
  for (std::int64_t i = 0; i < count; ++i) {
    h = (h ^ static_cast<std::uint64_t>(label_of(data, i * data.size() / count))) * 0x100000001b3u;
  }
  return h;
}

}  // namespace

std::string data_mark(const data::Dataset& train, const data::Dataset& test,
                      const std::vector<std::string>& classes) {
  return Json{{"train", train.size()},
              {"test", test.size()},
              {"labels", {checksum_of_labels(train), checksum_of_labels(test)}},
              {"classes", classes}}
      .dump();
}

std::string data_difference(const std::string& saved, const std::string& now) {
  if (saved == now) return {};
  const auto sizes = [](const std::string& mark) {
    const Json json = Json::parse(mark, nullptr, false);
    const auto size = [&](const char* key) {
      const bool known = json.is_object() && json.contains(key) && json[key].is_number_integer();
      return known ? grouped(json[key].get<std::int64_t>()) : std::string("?");
    };
    return fmt::format("{} images to train on and {} to measure on", size("train"), size("test"));
  };
  if (sizes(saved) == sizes(now)) {
    const auto classes = [](const std::string& mark) {
      const Json json = Json::parse(mark, nullptr, false);
      return json.is_object() && json.contains("classes") ? json["classes"] : Json::array();
    };
    if (classes(saved) == classes(now)) return "the labels differ";
    return fmt::format("the classes are {}, not {}", classes(now).dump(), classes(saved).dump());
  }
  return fmt::format("{}, not {}", sizes(now), sizes(saved));
}

}  // namespace ingot::cli
