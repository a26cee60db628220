#include <ingot/data/mixing.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/indexing.h>
#include <ingot/ops/index.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/random_math.h"

namespace ingot::data {
namespace {

constexpr const char* kKey = "mixing_key";
/// Keeps the numbers of a batch apart from those of its samples' transforms.
constexpr std::uint64_t kPlace = 0x6d6978696e670000;  // "mixing"

void check(const Batch& batch, std::int64_t num_classes, const char* who) {
  const Tensor& inputs = batch.inputs();
  const Tensor& targets = batch.targets();
  if (num_classes < 1)
    throw ValueError(fmt::format("{}: there cannot be {} classes", who, num_classes));
  if (!inputs.is_floating_point())
    throw DTypeError(fmt::format("{}: the inputs must be floating-point numbers, not {}", who,
                                 name(inputs.dtype())));
  if (targets.dtype() != int64)
    throw DTypeError(
        fmt::format("{}: the targets must be classes, int64, not {}", who, name(targets.dtype())));
  if (targets.dim() != 1 || inputs.dim() < 1 || inputs.size(0) != targets.size(0))
    throw ShapeError(fmt::format("{}: inputs {} do not go with targets {}", who,
                                 inputs.shape().str(), targets.shape().str()));
}

/// share · x + (1 - share) · the row before.
Tensor mixed(const Tensor& x, double share) { return x * share + x.roll({1}, {0}) * (1 - share); }

Tensor mixed_targets(const Batch& batch, double share, std::int64_t num_classes) {
  return mixed(one_hot(batch.targets(), num_classes).to(float32), share);
}

/// Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); below 1 by way of
/// alpha + 1.
double draw_gamma(double alpha, RandomStream& random) {
  if (alpha < 1) {
    const double u = 1 - random.uniform();  // above 0
    return draw_gamma(alpha + 1, random) * std::pow(u, 1 / alpha);
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const std::uint64_t word = random.next();
    const double x =
        normal_from_words(static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word));
    const double root = 1 + c * x, v = root * root * root;
    const double u = 1 - random.uniform();
    if (v > 0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

class Keyed final : public Dataset {
 public:
  explicit Keyed(std::shared_ptr<const Dataset> dataset) : dataset_(std::move(dataset)) {}
  std::int64_t size() const override { return dataset_->size(); }
  std::string name_of(std::int64_t index) const override { return dataset_->name_of(index); }
  Sample get(const SampleKey& key) const override {
    Sample sample = dataset_->get(key);
    sample.set(kKey, std::vector<std::int64_t>{key.index, static_cast<std::int64_t>(key.epoch),
                                               static_cast<std::int64_t>(key.seed)});
    return sample;
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
};

Batch random_cut_mix(const Batch& batch, double alpha, std::int64_t num_classes,
                     RandomStream& random) {
  const std::int64_t height = batch.inputs().size(2), width = batch.inputs().size(3);
  const double half = 0.5 * std::sqrt(1 - draw_beta(alpha, random));
  const std::int64_t x = random.between(0, width - 1), y = random.between(0, height - 1);
  const auto half_width = static_cast<std::int64_t>(half * static_cast<double>(width));
  const auto half_height = static_cast<std::int64_t>(half * static_cast<double>(height));
  const std::int64_t left = std::max<std::int64_t>(x - half_width, 0);
  const std::int64_t top = std::max<std::int64_t>(y - half_height, 0);
  return cut_mix(batch, top, left, std::min(y + half_height, height) - top,
                 std::min(x + half_width, width) - left, num_classes);
}

}  // namespace

Batch mix_up(const Batch& batch, double share, std::int64_t num_classes) {
  check(batch, num_classes, "mix_up");
  if (!(share >= 0 && share <= 1))
    throw ValueError(fmt::format("mix_up: the share must be in 0..1, got {}", share));
  return {mixed(batch.inputs(), share), mixed_targets(batch, share, num_classes)};
}

Batch cut_mix(const Batch& batch, std::int64_t top, std::int64_t left, std::int64_t height,
              std::int64_t width, std::int64_t num_classes) {
  check(batch, num_classes, "cut_mix");
  const Tensor& images = batch.inputs();
  if (images.dim() != 4)
    throw ShapeError(fmt::format("cut_mix: the inputs must be [N, C, height, width], not {}",
                                 images.shape().str()));
  const std::int64_t rows = images.size(2), columns = images.size(3);
  if (top < 0 || left < 0 || height < 0 || width < 0 || top + height > rows ||
      left + width > columns)
    throw ValueError(fmt::format("cut_mix: {} x {} pixels at ({}, {}) are not inside {} x {}",
                                 height, width, top, left, rows, columns));
  const double share =
      1 - static_cast<double>(height * width) / static_cast<double>(rows * columns);
  Tensor result = images;
  if (height > 0 && width > 0) {
    result = images.clone();
    const auto place = [&](const Tensor& x) {
      return x.narrow(2, top, height).narrow(3, left, width);
    };
    result.index({Slice(), Slice(), Slice(top, top + height), Slice(left, left + width)}) =
        place(images.roll({1}, {0}));
  }
  return {result, mixed_targets(batch, share, num_classes)};
}

double draw_beta(double alpha, RandomStream& random) {
  if (!(alpha > 0) || std::isinf(alpha))
    throw ValueError(fmt::format("draw_beta: alpha must be above 0, got {}", alpha));
  const double a = draw_gamma(alpha, random), b = draw_gamma(alpha, random);
  // Both may be 0 for a tiny alpha, of which one of the ends is drawn anyway.
  return a + b > 0 ? a / (a + b) : static_cast<double>(random.below(2));
}

std::shared_ptr<const Dataset> with_mixing_key(std::shared_ptr<const Dataset> dataset) {
  if (!dataset) throw ValueError("with_mixing_key: the data set is null");
  return std::make_shared<Keyed>(std::move(dataset));
}

Collate mixing_collate(MixingOptions options) {
  const auto in_range = [](double alpha) { return alpha >= 0 && std::isfinite(alpha); };
  if (!in_range(options.mix_up) || !in_range(options.cut_mix) ||
      options.mix_up + options.cut_mix == 0)
    throw ValueError(
        fmt::format("mixing_collate: the numbers must not be negative, and one above 0; "
                    "got {} and {}",
                    options.mix_up, options.cut_mix));
  if (options.num_classes < 1)
    throw ValueError(
        fmt::format("mixing_collate: there cannot be {} classes", options.num_classes));
  return [options](const std::vector<Sample>& samples) {
    const Batch all = default_collate(samples);
    const auto key = all[kKey].narrow(0, 0, 1).to_vector<std::int64_t>();
    Batch batch;
    for (const auto& [name, value] : all)
      if (name != kKey) batch.set(name, value);
    SampleKey first(key[0], static_cast<std::uint64_t>(key[1]), static_cast<std::uint64_t>(key[2]));
    first.place = kPlace;
    RandomStream random(first);
    const bool both = options.mix_up > 0 && options.cut_mix > 0;
    const bool cuts = both ? random.below(2) == 1 : options.cut_mix > 0;
    return cuts ? random_cut_mix(batch, options.cut_mix, options.num_classes, random)
                : mix_up(batch, draw_beta(options.mix_up, random), options.num_classes);
  };
}

}  // namespace ingot::data
