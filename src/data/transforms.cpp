#include "ingot/data/transforms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "core/host_room.h"
#include "data/picture.h"
#include "data/resize.h"
#include "ingot/core/error.h"

namespace ingot::data {
namespace {

class IdentityRule final : public TransformRule {
 public:
  Picture apply(Picture picture, const SampleKey&) const override { return picture; }
  std::string describe() const override { return "Identity()"; }
};

class FunctionRule final : public TransformRule {
 public:
  explicit FunctionRule(std::function<Picture(Picture)> function)
      : function_(std::move(function)) {}
  Picture apply(Picture picture, const SampleKey&) const override {
    return function_(std::move(picture));
  }
  std::string describe() const override { return "Function()"; }

 private:
  std::function<Picture(Picture)> function_;
};

class ResizeRule final : public TransformRule {
 public:
  explicit ResizeRule(std::int64_t edge) : height_(edge), width_(edge), by_edge_(true) { check(); }
  ResizeRule(std::int64_t height, std::int64_t width)
      : height_(height), width_(width), by_edge_(false) {
    check();
  }

  Picture apply(Picture picture, const SampleKey&) const override {
    const Image& image = expect_bytes(picture, describe());
    if (!by_edge_) return resize_bilinear(image, height_, width_, describe());
    // Python's int(size * long / short): a double quotient, truncated.
    const bool upright = image.width <= image.height;
    const auto shorter = static_cast<double>(upright ? image.width : image.height);
    const std::int64_t longer = upright ? image.height : image.width;
    const auto other = static_cast<std::int64_t>(static_cast<double>(height_ * longer) / shorter);
    return upright ? resize_bilinear(image, other, width_, describe())
                   : resize_bilinear(image, height_, other, describe());
  }

  std::string describe() const override {
    return by_edge_ ? fmt::format("Resize({})", height_)
                    : fmt::format("Resize(({}, {}))", height_, width_);
  }

 private:
  void check() const {
    constexpr std::int64_t kMaxEdge = 1 << 16;  // keeps every product below far from overflow
    if (height_ < 1 || width_ < 1 || height_ > kMaxEdge || width_ > kMaxEdge) {
      throw ValueError(fmt::format("{}: sizes must be in 1..{}", describe(), kMaxEdge));
    }
  }

  std::int64_t height_, width_;
  bool by_edge_;  // the smaller edge gets the size; otherwise both are given
};

Image repeat_grey(const Image& grey) {
  Image image{grey.height, grey.width, 3, {}};
  image.pixels.resize(grey.pixels.size() * 3);
  std::uint8_t* out = image.pixels.data();
  for (const std::uint8_t value : grey.pixels) {
    out[0] = out[1] = out[2] = value;
    out += 3;
  }
  return image;
}

class GrayscaleRule final : public TransformRule {
 public:
  explicit GrayscaleRule(std::int64_t channels) : channels_(channels) {
    if (channels != 1 && channels != 3) {
      throw ValueError(fmt::format("{}: num_output_channels must be 1 or 3", describe()));
    }
  }
  Picture apply(Picture picture, const SampleKey&) const override {
    Image grey = to_grey(std::move(expect_bytes(picture, describe())));
    return channels_ == 1 ? std::move(grey) : repeat_grey(grey);
  }
  std::string describe() const override {
    return fmt::format("Grayscale(num_output_channels={})", channels_);
  }
  std::int64_t channels() const { return channels_; }

 private:
  std::int64_t channels_;
};

inline float byte_to_unit(std::uint8_t value) { return static_cast<float>(value) / 255.0f; }

class ToTensorRule final : public TransformRule {
 public:
  Picture apply(Picture picture, const SampleKey&) const override {
    const Image& image = expect_bytes(picture, describe());
    FloatImage result{image.channels, image.height, image.width, {}};
    result.values.resize(image.pixels.size());
    const std::size_t plane = image.pixels.size() / static_cast<std::size_t>(image.channels);
    const std::uint8_t* in = image.pixels.data();
    float* out = result.values.data();
    if (image.channels == 1) {
      for (std::size_t i = 0; i < plane; ++i) out[i] = byte_to_unit(in[i]);
    } else {
      for (std::size_t i = 0; i < plane; ++i) {
        for (std::size_t c = 0; c < 3; ++c) {
          out[c * plane + i] = byte_to_unit(in[3 * i + c]);
        }
      }
    }
    return result;
  }
  std::string describe() const override { return "ToTensor()"; }
};

class NormalizeRule final : public TransformRule {
 public:
  NormalizeRule(std::vector<float> mean, std::vector<float> std)
      : mean_(std::move(mean)), std_(std::move(std)) {
    if (mean_.empty() || mean_.size() != std_.size()) {
      throw ValueError(
          fmt::format("{}: mean and std must have one entry per channel, got {} and {}", describe(),
                      mean_.size(), std_.size()));
    }
    if (std::any_of(std_.begin(), std_.end(),
                    [](float value) { return value == 0.0f || std::isnan(value); })) {
      throw ValueError(fmt::format("{}: a std of 0 or NaN cannot divide", describe()));
    }
  }

  Picture apply(Picture picture, const SampleKey&) const override {
    auto* image = std::get_if<FloatImage>(&picture);
    if (image == nullptr) {
      throw ShapeError(
          fmt::format("{}: takes a float image; put ToTensor() before it", describe()));
    }
    check_channels(image->channels);
    const auto plane = static_cast<std::size_t>(image->height * image->width);
    float* values = image->values.data();
    for (std::size_t c = 0; c < static_cast<std::size_t>(image->channels); ++c, values += plane) {
      const float mean = mean_[mean_.size() == 1 ? 0 : c];
      const float std = std_[std_.size() == 1 ? 0 : c];
      for (std::size_t i = 0; i < plane; ++i) values[i] = (values[i] - mean) / std;
    }
    return picture;
  }

  /// Entries of mean and std: one per channel, or 1 for all.
  std::size_t entries() const { return mean_.size(); }
  void check_channels(std::int64_t channels) const {
    if (mean_.size() == 1 || static_cast<std::int64_t>(mean_.size()) == channels) return;
    throw ShapeError(fmt::format("{}: made for {} channels, the image has {}", describe(),
                                 mean_.size(), channels));
  }
  float value(float unit, std::size_t entry) const { return (unit - mean_[entry]) / std_[entry]; }

  std::string describe() const override {
    return fmt::format("Normalize(mean=[{}], std=[{}])", fmt::join(mean_, ", "),
                       fmt::join(std_, ", "));
  }

 private:
  std::vector<float> mean_, std_;
};

/// [Grayscale(3)], ToTensor, [Normalize] on an 8-bit image in one pass. A byte has 256 values, so
/// the float result of each is worked out once, by the same arithmetic that the single steps use.
class BytesToPlanesRule final : public TransformRule {
 public:
  /// Without `normalize` the planes are value / 255.
  BytesToPlanesRule(bool to_grey3, std::optional<NormalizeRule> normalize)
      : to_grey3_(to_grey3), normalize_(std::move(normalize)) {
    const std::size_t tables = normalize_ ? normalize_->entries() : 1;
    for (std::size_t c = 0; c < tables; ++c) {
      std::array<float, 256> table{};
      for (std::size_t v = 0; v < 256; ++v) {
        const float unit = byte_to_unit(static_cast<std::uint8_t>(v));
        table[v] = normalize_ ? normalize_->value(unit, c) : unit;
      }
      tables_.push_back(table);
    }
  }

  Picture apply(Picture picture, const SampleKey&) const override {
    Image& image = expect_bytes(picture, describe());
    if (to_grey3_) image = to_grey(std::move(image));
    const std::int64_t channels = to_grey3_ ? 3 : image.channels;
    if (normalize_) normalize_->check_channels(channels);
    const auto plane = static_cast<std::size_t>(image.height * image.width);
    const auto stride = static_cast<std::size_t>(image.channels);
    FloatImage result{channels, image.height, image.width, {}};
    result.values.resize(plane * static_cast<std::size_t>(channels));
    float* out = result.values.data();
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c, out += plane) {
      const float* const table = tables_[tables_.size() == 1 ? 0 : c].data();
      const std::uint8_t* const in = image.pixels.data() + (stride == 1 ? 0 : c);
      for (std::size_t i = 0; i < plane; ++i) out[i] = table[in[i * stride]];
    }
    return result;
  }

  std::string describe() const override { return "ToTensor()"; }

 private:
  bool to_grey3_;
  std::optional<NormalizeRule> normalize_;
  std::vector<std::array<float, 256>> tables_;  // one, or one per channel
};

class ComposeRule final : public TransformRule {
 public:
  explicit ComposeRule(std::vector<Transform> steps) : steps_(std::move(steps)) {
    for (std::size_t i = 0; i < steps_.size(); ++i) order_.push_back({steps_[i], i});
    move_grey_behind_resize();
    fuse_to_planes();
  }

  Picture apply(Picture picture, const SampleKey& key) const override {
    SampleKey inner = key;
    for (const Step& step : order_) {
      inner.place = place_in(key.place, step.number);
      picture = step.transform(std::move(picture), inner);
    }
    return picture;
  }

  std::string describe() const override {
    std::string text = "Compose([";
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      text += (i == 0 ? "" : ", ") + steps_[i].describe();
    }
    return text + "])";
  }

 private:
  template <class Rule>
  const Rule* rule_at(std::size_t i) const {
    return i < order_.size() ? dynamic_cast<const Rule*>(&order_[i].transform.rule()) : nullptr;
  }

  /// [Grayscale(3), Resize] becomes [Grayscale(1), Resize, Grayscale(3)].
  void move_grey_behind_resize() {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto* grey = rule_at<GrayscaleRule>(i);
      if (grey == nullptr || grey->channels() != 3 || rule_at<ResizeRule>(i + 1) == nullptr)
        continue;
      order_[i].transform = Grayscale(1);
      order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                    {Grayscale(3), order_[i].number});
      ++i;  // the moved Grayscale(3) is looked at next: a further Resize may follow it
    }
  }

  /// [Grayscale(3)], ToTensor, [Normalize] becomes one step.
  void fuse_to_planes() {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto* grey = rule_at<GrayscaleRule>(i);
      const bool to_grey3 = grey != nullptr && grey->channels() == 3;
      const std::size_t middle = i + (to_grey3 ? 1 : 0);
      if (rule_at<ToTensorRule>(middle) == nullptr) continue;
      const auto* normalize = rule_at<NormalizeRule>(middle + 1);
      const std::size_t end = middle + (normalize != nullptr ? 2 : 1);
      const auto fused = std::make_shared<BytesToPlanesRule>(
          to_grey3, normalize ? std::optional<NormalizeRule>(*normalize) : std::nullopt);
      const auto first = order_.begin() + static_cast<std::ptrdiff_t>(i);
      first->transform = Transform(fused);
      order_.erase(first + 1, order_.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }

  struct Step {
    Transform transform;
    std::size_t number;  // among steps_: its random numbers depend on it
  };
  std::vector<Transform> steps_;  // as the user wrote them
  std::vector<Step> order_;       // as they are applied
};

}  // namespace

Transform::Transform() : rule_(std::make_shared<IdentityRule>()) {}

Transform::Transform(std::shared_ptr<const TransformRule> rule) : rule_(std::move(rule)) {
  if (!rule_) throw ValueError("Transform: the rule is null");
}

Transform::Transform(std::function<Picture(Picture)> function) {
  if (!function) throw ValueError("Transform: the function is empty");
  rule_ = std::make_shared<FunctionRule>(std::move(function));
}

Picture Transform::operator()(Picture picture, const SampleKey& key) const try {
  return rule_->apply(std::move(picture), key);
} catch (...) {
  rethrow_own("transform");
}

std::string Transform::describe() const { return rule_->describe(); }

Transform Resize(std::int64_t size) { return Transform(std::make_shared<ResizeRule>(size)); }

Transform Resize(std::int64_t height, std::int64_t width) {
  return Transform(std::make_shared<ResizeRule>(height, width));
}

Transform Grayscale(std::int64_t num_output_channels) {
  return Transform(std::make_shared<GrayscaleRule>(num_output_channels));
}

Transform ToTensor() { return Transform(std::make_shared<ToTensorRule>()); }

Transform Normalize(std::vector<float> mean, std::vector<float> std) {
  return Transform(std::make_shared<NormalizeRule>(std::move(mean), std::move(std)));
}

Transform Compose(std::vector<Transform> transforms) {
  return Transform(std::make_shared<ComposeRule>(std::move(transforms)));
}

}  // namespace ingot::data
