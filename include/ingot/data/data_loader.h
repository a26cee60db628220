// DataLoader: batches of a data set, made ahead of time by worker threads.
//
//   for (auto [images, labels] : loader) …
//
// The order of the samples is a function of (seed, epoch) alone, and so are the batches: the number
// of workers changes nothing but the time. Each pass over the loader is an epoch; the first is 0.
// position() and set_position() let a resumed run go on with the very next batch.
//
// What the data set, a transform or collate throws comes out of the loop in the caller's thread,
// where the batch would have. Ingot's errors keep their type and are headed by the name of the
// sample (its file); any other std::exception becomes an Error with that name and its text, and the
// exception itself nested in it (std::rethrow_if_nested).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/tensor.h>
#include <ingot/data/batch.h>
#include <ingot/data/dataset.h>
#include <ingot/data/samplers.h>

namespace ingot::data {

/// Makes a batch of samples, at least one.
using Collate = std::function<Batch(const std::vector<Sample>&)>;

/// Stacks the samples' fields, each under its name, along a new first dimension; see Field. Throws
/// ShapeError or DTypeError when they do not fit together, ValueError for an empty list and for
/// samples of different fields.
Batch default_collate(const std::vector<Sample>& samples);

struct PaddingOptions {
  /// The fields to pad, such as {"input_ids", 0}, {"attention_mask", 0}, {"labels", -100}, and what
  /// with. Others are stacked as they are; names that no sample has do nothing.
  std::vector<std::pair<std::string, double>> values;
  /// Lengths are rounded up to a multiple of this, so that few of them occur: each length is a plan
  /// of its own.
  std::int64_t multiple_of = 1;
  /// Above 0: every batch is at least that long; with samples that are not longer, all batches have
  /// this one length.
  std::int64_t length = 0;
};

/// A Collate that lengthens the fields along their first dimension to the longest of the batch
/// (each field to its own), and stacks them. Throws ValueError for multiple_of < 1, length < 0 and
/// a field that is named twice; the collate itself ShapeError for a field that is a single number,
/// ValueError for a value that its dtype cannot hold, else as default_collate.
Collate padding_collate(PaddingOptions options);

/// What becomes of a sample that raises IoError, such as a damaged image.
enum class OnError {
  Throw,           ///< the loop ends with the error
  Skip,            ///< its batch is smaller by it; see DataLoader::skipped()
  kThrow = Throw,  // the spelling of earlier versions
  kSkip = Skip,
};

/// A sample that was left out.
struct SkippedSample {
  std::int64_t index = 0;
  std::string cause;  ///< names the file
};

struct LoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;
  int workers = 0;         ///< threads; 0 makes batches on the caller's thread, when asked for
  bool drop_last = false;  ///< leaves out a last batch that is not full
  /// Of the shuffle and of random transforms; by default the one that manual_seed() set.
  std::optional<std::uint64_t> seed = std::nullopt;
  std::int64_t prefetch = 2;  ///< batches each worker may be ahead
  /// The order of the samples, instead of shuffle.
  std::shared_ptr<const Sampler> sampler = nullptr;
  /// The samples of each batch, instead of batch_size, shuffle, sampler and drop_last.
  std::shared_ptr<const BatchSampler> batch_sampler = nullptr;
  /// Instead of default_collate. Runs in the workers; its tensors are evaluated there.
  Collate collate = nullptr;
  OnError on_error = OnError::Throw;
  /// Where batches are delivered. While one is used, the next is on its way already, if a worker
  /// has it ready: then its copy is submitted when the one before is delivered. At most these two
  /// are on the device. No batch waits for the making of the next, and no error of a training step
  /// comes out of the loader: see Tensor::to(device, non_blocking).
  std::optional<Device> device = std::nullopt;
  /// Batches on the cpu are in pinned memory (Tensor::pin_memory). Where there is no device for
  /// that, a warning says so once. With `device` they pass through such memory anyway, if it has
  /// some.
  bool pin_memory = false;
};

/// The next batch that a loader will deliver.
struct LoaderPosition {
  std::uint64_t epoch = 0;
  std::int64_t batch = 0;
  friend bool operator==(const LoaderPosition&, const LoaderPosition&) = default;
};

class DataLoader {
 public:
  class Iterator;

  /// Throws ValueError for an empty data set, an option out of range or options that exclude each
  /// other.
  explicit DataLoader(std::shared_ptr<const Dataset> dataset, LoaderOptions options = {});
  template <std::derived_from<Dataset> D>
  explicit DataLoader(D dataset, LoaderOptions options = {})
      : DataLoader(std::shared_ptr<const Dataset>(std::make_shared<D>(std::move(dataset))),
                   options) {}
  ~DataLoader();
  DataLoader(DataLoader&&) noexcept;
  DataLoader& operator=(DataLoader&&) noexcept;

  /// Number of batches of a whole pass.
  std::int64_t size() const;
  const Dataset& dataset() const;
  /// As in force: the seed is always there.
  const LoaderOptions& options() const;

  /// Begins a pass and delivers its first batch: where set_position() said; else at the start of
  /// the epoch after the one that was begun before. A pass still running is given up. This and
  /// incrementing throw what the data set threw, and ShapeError or DTypeError when the samples of a
  /// batch do not fit together, IndexError when a sampler leaves the data set; the pass is over
  /// then. With OnError::Skip a batch without samples is left out, and IoError ends a whole pass
  /// without any.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// The batch after the last one delivered; after the last of an epoch, the first of the next.
  LoaderPosition position() const;
  /// The samples left out so far, each once, in the order they were met: all that came before the
  /// batch delivered last.
  const std::vector<SkippedSample>& skipped() const;

  /// Makes the next pass begin there. Throws ValueError unless 0 <= batch <= size().
  void set_position(LoaderPosition position);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// An input iterator; it belongs to the pass that begin() began and must not outlive the loader.
class DataLoader::Iterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  const Batch& operator*() const { return batch_; }
  const Batch* operator->() const { return &batch_; }
  /// Throws ValueError when a newer pass has begun.
  Iterator& operator++();
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.at_end_; }

 private:
  friend class DataLoader;
  Iterator(Impl* loader, std::uint64_t pass) : loader_(loader), pass_(pass) { ++*this; }

  Impl* loader_;
  std::uint64_t pass_;
  Batch batch_;
  bool at_end_ = false;
};

}  // namespace ingot::data
