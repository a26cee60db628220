#include <ingot/data/data_loader.h>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>

#include "core/record.h"
#include "data/collate.h"
#include "data/prefetcher.h"
#include "data/shuffle.h"

namespace ingot::data {
namespace {

constexpr int kMaxWorkers = 256;

/// Made here and not in the worker: taking in host data counts for the thread that will use it.
Tensor to_tensor(HostPart part) {
  return from_buffer(std::move(part.buffer), part.shape, part.dtype);
}

}  // namespace

struct DataLoader::Impl {
  std::shared_ptr<const Dataset> dataset;
  LoaderOptions options;
  LoaderPosition position;   // next batch to deliver, within 0 <= batch <= size()
  bool positioned = false;   // by set_position, and no pass begun since
  std::uint64_t passes = 0;  // begun so far
  std::optional<Prefetcher<HostBatch>> pass;

  std::int64_t size() const {
    const std::int64_t samples = dataset->size();
    return options.drop_last ? samples / options.batch_size
                             : (samples + options.batch_size - 1) / options.batch_size;
  }

  void begin_pass() {
    if (!positioned && position.batch != 0) position = {position.epoch + 1, 0};
    positioned = false;
    ++passes;
    pass.reset();  // stops the workers of a pass that was left in the middle
    const std::uint64_t epoch = position.epoch;
    const LoaderOptions& o = options;
    auto order = epoch_order(dataset->size(), o.shuffle, *o.seed, epoch);
    auto make = [data = dataset, order = std::move(order), size = o.batch_size, seed = *o.seed,
                 epoch](std::int64_t batch) {
      const auto samples = static_cast<std::int64_t>(order.size());
      const std::int64_t first = batch * size, last = std::min(first + size, samples);
      Collator collator(last - first);
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t index = order[static_cast<std::size_t>(i)];
        collator.add(data->get({index, epoch, seed}), index);
      }
      return collator.take();
    };
    pass.emplace(std::move(make), position.batch, size(), o.workers,
                 o.prefetch * std::max(o.workers, 1));
  }

  std::optional<Batch> next() {
    if (!pass) return std::nullopt;
    std::optional<HostBatch> host = pass->next();
    if (!host) {
      pass.reset();
      return std::nullopt;
    }
    if (++position.batch == size()) position = {position.epoch + 1, 0};
    return Batch{to_tensor(std::move(host->inputs)), to_tensor(std::move(host->targets))};
  }
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (!dataset) throw ValueError("DataLoader: the data set is null");
  if (options.batch_size < 1) {
    throw ValueError(
        fmt::format("DataLoader: batch_size must be at least 1, got {}", options.batch_size));
  }
  if (options.workers < 0 || options.workers > kMaxWorkers) {
    throw ValueError(
        fmt::format("DataLoader: workers must be in 0..{}, got {}", kMaxWorkers, options.workers));
  }
  if (options.prefetch < 1) {
    throw ValueError(
        fmt::format("DataLoader: prefetch must be at least 1, got {}", options.prefetch));
  }
  if (dataset->size() < 1) throw ValueError("DataLoader: the data set is empty");
  impl_->dataset = std::move(dataset);
  impl_->options = options;
  if (!options.seed) impl_->options.seed = default_generator().seed();
}

DataLoader::~DataLoader() = default;
DataLoader::DataLoader(DataLoader&&) noexcept = default;
DataLoader& DataLoader::operator=(DataLoader&&) noexcept = default;

std::int64_t DataLoader::size() const { return impl_->size(); }
const Dataset& DataLoader::dataset() const { return *impl_->dataset; }
const LoaderOptions& DataLoader::options() const { return impl_->options; }
LoaderPosition DataLoader::position() const { return impl_->position; }

void DataLoader::set_position(LoaderPosition position) {
  if (position.batch < 0 || position.batch > size()) {
    throw ValueError(fmt::format("DataLoader: batch {} is outside 0..{}", position.batch, size()));
  }
  if (position.batch > 0 && position.batch == size()) position = {position.epoch + 1, 0};
  impl_->pass.reset();
  ++impl_->passes;  // iterators of the old pass are stale now
  impl_->position = position;
  impl_->positioned = true;
}

DataLoader::Iterator DataLoader::begin() {
  impl_->begin_pass();
  return Iterator(impl_.get(), impl_->passes);
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  if (loader_->passes != pass_) {
    throw ValueError("DataLoader: this iterator's pass is over; a newer one has begun");
  }
  batch_ = {};  // the old batch may be the last user of its memory, which the next can take
  std::optional<Batch> next = loader_->next();
  at_end_ = !next;
  if (next) batch_ = std::move(*next);
  return *this;
}

}  // namespace ingot::data
