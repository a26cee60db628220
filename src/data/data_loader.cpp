#include <ingot/data/data_loader.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>

#include "backend/device_allocator.h"
#include "backend/registry.h"
#include "core/record.h"
#include "data/collate.h"
#include "data/prefetcher.h"
#include "data/sample_error.h"

namespace ingot::data {
namespace {

constexpr int kMaxWorkers = 256;

/// What a worker makes of a batch's indices.
struct Made {
  HostBatch host;
  std::optional<Batch> collated;  // by the user's function, instead of `host`
  std::vector<SkippedSample> skipped;
};

/// Everything that making a batch needs; shared by the workers of a pass.
struct Recipe {
  std::shared_ptr<const Dataset> data;
  std::vector<std::vector<std::int64_t>> batches;
  Collate collate;
  OnError on_error;
  std::uint64_t seed, epoch;
  Allocator& memory;

  Made make(std::int64_t batch) const {
    const auto& indices = batches[static_cast<std::size_t>(batch)];
    Made made;
    Collator collator(static_cast<std::int64_t>(indices.size()), memory);
    std::vector<Sample> samples;
    for (const std::int64_t index : indices) {
      std::optional<Sample> sample;
      try {
        sample = get_named(*data, {index, epoch, seed});
      } catch (const IoError& e) {
        if (on_error == OnError::Throw) throw;
        made.skipped.push_back({index, e.what()});
        continue;
      }
      if (collate)
        samples.push_back(std::move(*sample));
      else
        collator.add(*sample, index);
    }
    if (!collate) {
      made.host = collator.take();
    } else if (!samples.empty()) {
      made.collated = collate_by_user(samples, batch);
    }
    return made;
  }

  Batch collate_by_user(const std::vector<Sample>& samples, std::int64_t batch) const {
    try {
      Batch made = collate(samples);
      for (Batch::Entry& e : made) {
        if (!e.value.defined()) continue;
        e.value = e.value.detach();
        eval({e.value});
      }
      return made;
    } catch (...) {
      rethrow_named(fmt::format("collate of batch {}", batch));
    }
  }
};

void check_options(const LoaderOptions& o) {
  if (o.batch_size < 1)
    throw ValueError(
        fmt::format("DataLoader: batch_size must be at least 1, got {}", o.batch_size));
  if (o.workers < 0 || o.workers > kMaxWorkers)
    throw ValueError(
        fmt::format("DataLoader: workers must be in 0..{}, got {}", kMaxWorkers, o.workers));
  constexpr std::int64_t kMostPrefetch = 1 << 16;
  if (o.prefetch < 1 || o.prefetch > kMostPrefetch)
    throw ValueError(fmt::format("DataLoader: prefetch must be from 1 to {}, got {}", kMostPrefetch,
                                 o.prefetch));
  if (o.device) backend_for(*o.device);
  if (o.sampler && o.shuffle)
    throw ValueError("DataLoader: sampler and shuffle exclude each other");
  if (o.batch_sampler && (o.batch_size != 1 || o.shuffle || o.sampler || o.drop_last))
    throw ValueError(
        "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last");
}

std::shared_ptr<const BatchSampler> make_batch_sampler(const LoaderOptions& o, std::int64_t count) {
  if (o.batch_sampler) return o.batch_sampler;
  std::shared_ptr<const Sampler> sampler = o.sampler;
  if (!sampler && o.shuffle) sampler = std::make_shared<RandomSampler>(count);
  if (!sampler) sampler = std::make_shared<SequentialSampler>(count);
  return std::make_shared<BatchSampler>(std::move(sampler), o.batch_size, o.drop_last);
}

/// Who pins the memory that batches pass through, or null.
Backend* pins_for(const LoaderOptions& o) {
  if (o.device && *o.device != Device{}) {
    Backend& there = backend_for(*o.device);
    return there.pinned_memory() ? &there : nullptr;
  }
  if (!o.pin_memory) return nullptr;
  Backend* const any = pinning_backend();
  if (static std::atomic<bool> told{false}; !any && !told.exchange(true)) {
    const std::string_view text =
        "warning: DataLoader: pin_memory is set, but no device copies from pinned memory; batches "
        "are in ordinary memory\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return any;
}

/// What a pass gives next: a batch, its end, or an error.
struct Fetched {
  std::optional<Batch> batch;
  std::int64_t batches = 0;  // of the pass, with those that were skipped as a whole
  std::vector<SkippedSample> skipped;
  std::exception_ptr failure;
  std::size_t taken_in_nbytes = 0;  // by this thread, for the batch
  bool sent = false;                // the batch is where it is to be delivered
};

}  // namespace

struct DataLoader::Impl {
  std::shared_ptr<const Dataset> dataset;
  LoaderOptions options;
  std::shared_ptr<const BatchSampler> sampler;
  LoaderPosition position;   // next batch to deliver, within 0 <= batch <= size()
  bool positioned = false;   // by set_position, and no pass begun since
  std::uint64_t passes = 0;  // begun so far
  bool barren = false;       // the pass began at the start of its epoch and has delivered nothing
  Backend* pins = nullptr;   // whose pinned memory batches pass through
  std::optional<Prefetcher<Made>> pass;
  std::optional<Fetched> ahead;  // with a device: the batch after the one delivered last
  std::vector<SkippedSample> skipped;
  std::unordered_set<std::int64_t> skipped_indices;

  std::int64_t size() const { return sampler->size(); }

  void begin_pass() {
    if (!positioned && position.batch != 0) position = {position.epoch + 1, 0};
    positioned = false;
    ++passes;
    pass.reset();  // stops the workers of a pass that was left in the middle
    ahead.reset();
    const LoaderOptions& o = options;
    auto recipe = std::make_shared<const Recipe>(Recipe{
        dataset, sampler->batches(o.seed.value_or(0), position.epoch), o.collate, o.on_error,
        o.seed.value_or(0), position.epoch, pins ? *pins->pinned_memory() : host_allocator()});
    check_batches(recipe->batches);
    barren = position.batch == 0;
    pass.emplace([recipe](std::int64_t batch) { return recipe->make(batch); }, position.batch,
                 size(), o.workers, o.prefetch * std::max(o.workers, 1));
  }

  /// What a sampler of the user's own may get wrong.
  void check_batches(const std::vector<std::vector<std::int64_t>>& batches) const {
    if (static_cast<std::int64_t>(batches.size()) != size())
      throw ValueError(fmt::format("DataLoader: the sampler gave {} batches, its size() is {}",
                                   batches.size(), size()));
    for (const auto& batch : batches) {
      if (batch.empty()) throw ValueError("DataLoader: the sampler gave an empty batch");
      for (const std::int64_t index : batch) {
        if (index < 0 || index >= dataset->size())
          throw IndexError(
              fmt::format("DataLoader: the sampler gave index {}, the data set has 0..{}", index,
                          dataset->size() - 1));
      }
    }
  }

  /// The next batch as the workers made it.
  Fetched fetch() {
    Fetched fetched;
    try {
      while (std::optional<Made> made = pass->next()) {
        std::move(made->skipped.begin(), made->skipped.end(), std::back_inserter(fetched.skipped));
        ++fetched.batches;
        if (made->collated) {
          fetched.batch = std::move(made->collated);
          break;
        }
        if (made->host.samples == 0) continue;  // all of them were skipped
        fetched.batch = to_batch(std::move(made->host));
        for (const Batch::Entry& e : *fetched.batch) fetched.taken_in_nbytes += e.value.nbytes();
        break;
      }
    } catch (...) {
      fetched.failure = std::current_exception();
    }
    return fetched;
  }

  /// Brings the batch to where it is delivered; on a device its copy is submitted then.
  void send(Fetched& fetched) const {
    if (!fetched.batch || fetched.sent) return;
    const NoGradGuard no_grad;
    for (Batch::Entry& e : *fetched.batch) {
      Tensor& t = e.value;
      if (!t.defined()) continue;
      if (options.device && *options.device != t.device()) {
        t = t.to(*options.device, /*non_blocking=*/true);
      } else if (!options.device && pins && t.device() == Device{}) {
        t = t.pin_memory();
      }
    }
    fetched.sent = true;
    // Nothing that is pending holds what has been sent.
    std::size_t& taken_in = record_state().pinned_nbytes;
    if (options.device && *options.device != Device{})
      taken_in -= std::min(taken_in, fetched.taken_in_nbytes);
  }

  /// The same ahead of time: a device that is full now may have room when the batch is asked for.
  /// Any other error is for who asks.
  void try_to_send(Fetched& fetched) const {
    try {
      send(fetched);
    } catch (const OutOfMemoryError&) {
    } catch (...) {
      fetched.failure = std::current_exception();
    }
  }

  std::optional<Batch> next() {
    if (!pass) return std::nullopt;
    Fetched now = ahead ? std::move(*ahead) : fetch();
    ahead.reset();
    for (SkippedSample& sample : now.skipped)
      if (skipped_indices.insert(sample.index).second) skipped.push_back(std::move(sample));
    position.batch += now.batch ? now.batches - 1 : now.batches;
    try {
      if (now.failure) std::rethrow_exception(now.failure);
      send(now);
    } catch (...) {
      pass.reset();
      throw;
    }
    if (!now.batch) {
      wrap_position();
      pass.reset();
      if (barren && size() > 0)
        throw IoError(fmt::format("DataLoader: no sample of the epoch could be read; the first: {}",
                                  skipped.empty() ? "" : skipped.front().cause));
      return std::nullopt;
    }
    ++position.batch;
    wrap_position();
    barren = false;
    // Only what a worker has made already: nobody waits for a batch behind the one that is asked
    // for.
    if (options.device && *options.device != Device{} && pass->ready()) {
      ahead = fetch();
      if (!ahead->failure) try_to_send(*ahead);
    }
    return std::move(now.batch);
  }

  void wrap_position() {
    if (position.batch == size()) position = {position.epoch + 1, 0};
  }
};

Batch default_collate(const std::vector<Sample>& samples) {
  if (samples.empty()) throw ValueError("default_collate: there are no samples");
  Collator collator(static_cast<std::int64_t>(samples.size()));
  for (std::size_t i = 0; i < samples.size(); ++i)
    collator.add(samples[i], static_cast<std::int64_t>(i));
  return to_batch(collator.take());
}

Collate padding_collate(PaddingOptions options) {
  if (options.multiple_of < 1)
    throw ValueError(fmt::format("padding_collate: multiple_of must be at least 1, got {}",
                                 options.multiple_of));
  if (options.length < 0)
    throw ValueError(
        fmt::format("padding_collate: length must not be negative, got {}", options.length));
  for (std::size_t i = 0; i < options.values.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (options.values[i].first == options.values[j].first)
        throw ValueError(
            fmt::format("padding_collate: the field '{}' is named twice", options.values[i].first));
  return [options = std::move(options)](const std::vector<Sample>& samples) {
    if (samples.empty()) throw ValueError("padding_collate: there are no samples");
    std::vector<PaddedField> padded;
    for (const auto& [name, value] : options.values) {
      std::int64_t longest = options.length;
      for (std::size_t i = 0; i < samples.size(); ++i)
        if (const Field* field = samples[i].find(name))
          longest = std::max(longest, rows_of(*field, name, static_cast<std::int64_t>(i)));
      const std::int64_t over = longest % options.multiple_of;
      if (over > 0) longest += options.multiple_of - over;
      padded.push_back({name, longest, value});
    }
    Collator collator(static_cast<std::int64_t>(samples.size()), host_allocator(),
                      std::move(padded));
    for (std::size_t i = 0; i < samples.size(); ++i)
      collator.add(samples[i], static_cast<std::int64_t>(i));
    return to_batch(collator.take());
  };
}

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (!dataset) throw ValueError("DataLoader: the data set is null");
  check_options(options);
  if (dataset->size() < 1) throw ValueError("DataLoader: the data set is empty");
  impl_->sampler = make_batch_sampler(options, dataset->size());
  impl_->dataset = std::move(dataset);
  impl_->options = std::move(options);
  impl_->pins = pins_for(impl_->options);
  if (!impl_->options.seed) impl_->options.seed = default_generator().seed();
}

DataLoader::~DataLoader() = default;
DataLoader::DataLoader(DataLoader&&) noexcept = default;
DataLoader& DataLoader::operator=(DataLoader&&) noexcept = default;

std::int64_t DataLoader::size() const { return impl_->size(); }
const Dataset& DataLoader::dataset() const { return *impl_->dataset; }
const LoaderOptions& DataLoader::options() const { return impl_->options; }
LoaderPosition DataLoader::position() const { return impl_->position; }
const std::vector<SkippedSample>& DataLoader::skipped() const { return impl_->skipped; }

void DataLoader::set_position(LoaderPosition position) {
  if (position.batch < 0 || position.batch > size()) {
    throw ValueError(fmt::format("DataLoader: batch {} is outside 0..{}", position.batch, size()));
  }
  if (position.batch > 0 && position.batch == size()) position = {position.epoch + 1, 0};
  impl_->pass.reset();
  impl_->ahead.reset();
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
