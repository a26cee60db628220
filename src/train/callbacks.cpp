#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/atomic_file.h>
#include <ingot/io/safetensors.h>
#include <ingot/train/trainer.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "core/printable.h"
#include "io/append_file.h"
#include "train/curves.h"
#include "train/running.h"

namespace ingot::train {
namespace {

namespace fs = std::filesystem;

Metric choosing(const Metric& metric) {
  Metric parsed = Metric::parse(metric.name);
  if (parsed.is_of_test())
    throw ValueError(
        fmt::format("the test data must not choose, and the metric is {}", parsed.name));
  return parsed;
}

constexpr std::string_view kCheckpoint = "checkpoint-";
constexpr std::string_view kEnding = ".safetensors";

/// The step in "checkpoint-STEP.safetensors".
std::optional<std::int64_t> step_in(const std::string& name) {
  if (!name.starts_with(kCheckpoint) || !name.ends_with(kEnding) ||
      name.size() <= kCheckpoint.size() + kEnding.size())
    return std::nullopt;
  std::int64_t step = 0;
  const char* const end = name.data() + name.size() - kEnding.size();
  const auto [rest, error] = std::from_chars(name.data() + kCheckpoint.size(), end, step);
  if (error != std::errc() || rest != end || step < 0) return std::nullopt;
  return step;
}

/// Whether a run with these lines has passed through the checkpoint. Lines have times, so that
/// those of no two runs are the same.
bool is_of_run(const fs::path& file, const std::vector<MetricsRow>& history) {
  std::vector<MetricsRow> saved;
  try {
    saved = history_in(checkpoint_extra(load_metadata(file), file.string()));
  } catch (const Error&) {
    return false;
  }
  return saved.size() <= history.size() && std::equal(saved.begin(), saved.end(), history.begin(),
                                                      [](const MetricsRow& a, const MetricsRow& b) {
                                                        return to_json(a) == to_json(b);
                                                      });
}

std::string figures(const Averages& averages, bool accuracy) {
  std::string text = fmt::format("loss {:.4f}", averages.loss());
  if (accuracy) text += fmt::format("  accuracy {:.2f} %", 100 * averages.accuracy());
  return text;
}

}  // namespace

// -- The best weights -------------------------------------------------------------------------

KeepBest::KeepBest(Metric metric, fs::path file, std::map<std::string, std::string> metadata)
    : KeepBest(std::move(metric),
               [file = std::move(file), metadata = std::move(metadata)](const StateDict& weights) {
                 ingot::save(weights, file, metadata, {.checksums = true});
               }) {}

KeepBest::KeepBest(Metric metric, Save save) : metric_(choosing(metric)), save_(std::move(save)) {}

void KeepBest::on_train_begin(Trainer& trainer) { trainer.require_measured(metric_); }

void KeepBest::on_log(Trainer& trainer, const MetricsRow& row) {
  if (metric_.is_in(row) && best_row(trainer.history(), metric_).since == 0)
    save_(trainer.average());
}

// -- Lines, pictures --------------------------------------------------------------------------

void JsonLines::on_train_begin(Trainer& trainer) {
  open_ = nullptr;
  io::AtomicFile file(file_);
  for (const MetricsRow& row : trainer.history()) file.write(to_json(row) + "\n");
  file.commit();
  open_ = std::make_shared<io::AppendFile>(file_);
}

void JsonLines::on_log(Trainer&, const MetricsRow& row) { open_->append(to_json(row) + "\n"); }

void TensorBoard::on_train_begin(Trainer& trainer) {
  events_ = nullptr;
  events_ = std::make_unique<EventWriter>(folder_, trainer.step() == 0 ? 0 : trainer.step() + 1);
}

void TensorBoard::on_log(Trainer&, const MetricsRow& row) {
  events_->add_scalars(row.step, scalars_of(row));
}

std::vector<std::pair<std::string, double>> scalars_of(const MetricsRow& row) {
  const bool whole = row.ends_epoch();
  std::vector<std::pair<std::string, double>> list{
      {whole ? "loss/train_epoch" : "loss/train", row.train_loss}};
  if (row.train_accuracy)
    list.emplace_back(whole ? "accuracy/train_epoch" : "accuracy/train", *row.train_accuracy);
  const auto add = [&](const char* tag, const std::optional<double>& value) {
    if (value) list.emplace_back(tag, *value);
  };
  add("loss/val", row.val_loss);
  add("accuracy/val", row.val_accuracy);
  add("loss/test", row.test_loss);
  add("accuracy/test", row.test_accuracy);
  for (const auto& [name, value] : row.others) {
    const std::size_t dash = name.find('_');
    list.emplace_back(name.substr(dash + 1) + "/" + name.substr(0, dash), value);
  }
  list.emplace_back("learning_rate", row.lr);
  if (!whole) list.emplace_back("images_per_second", row.images_per_second);
  return list;
}

void Curves::on_save(Trainer& trainer) {
  write_curves(file_, curve_points(trainer.history()), title_);
}

// -- Progress ---------------------------------------------------------------------------------

PrintProgress::PrintProgress(double seconds, std::function<void(const std::string&)> print)
    : seconds_(seconds), print_(std::move(print)), next_(seconds) {
  if (!print_)
    print_ = [](const std::string& line) {
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fputc('\n', stdout);
      std::fflush(stdout);
    };
}

void PrintProgress::on_batch_end(Trainer& trainer, const Progress& p) {
  if (p.batch <= 1 || p.seconds < next_ - seconds_) next_ = seconds_;  // another pass
  if (p.seconds < next_) return;
  next_ = p.seconds + seconds_;
  const auto& metrics = trainer.options().task->metrics();
  const bool accuracy = std::find(metrics.begin(), metrics.end(), "accuracy") != metrics.end();
  print_(fmt::format("epoch {}/{}  {:3.0f} %  {}  {:.0f} samples/s", p.epoch, p.epochs,
                     100.0 * static_cast<double>(p.batch) / static_cast<double>(p.batches),
                     figures(p.averages, accuracy), p.images_per_second));
}

void PrintProgress::on_log(Trainer&, const MetricsRow& row) {
  if (!row.measured() && !row.ends_epoch()) return;
  std::string line =
      fmt::format("epoch {:g}  step {}  loss {:.4f}", row.epoch, row.step, row.train_loss);
  const auto add = [&](const std::string& name, const std::optional<double>& value) {
    if (value) line += fmt::format("  {} {:.4f}", name, *value);
  };
  add("accuracy", row.train_accuracy);
  add("val_loss", row.val_loss);
  add("val_accuracy", row.val_accuracy);
  add("test_loss", row.test_loss);
  add("test_accuracy", row.test_accuracy);
  for (const auto& [name, value] : row.others) add(name, value);
  print_(line);
}

// -- Checkpoints ------------------------------------------------------------------------------

SaveCheckpoints::SaveCheckpoints(fs::path folder, SaveCheckpointsOptions options)
    : folder_(std::move(folder)), options_(std::move(options)) {
  if (options_.total_limit < 0)
    throw ValueError(fmt::format("SaveCheckpoints: total_limit must not be negative, got {}",
                                 options_.total_limit));
  if (!options_.best.name.empty())
    options_.best = choosing(options_.best);
  else if (options_.load_best_at_end)
    throw ValueError("SaveCheckpoints: load_best_at_end needs the metric that says what is best");
}

fs::path SaveCheckpoints::path_of(std::int64_t step) const {
  return folder_ / fmt::format("{}{}{}", kCheckpoint, step, kEnding);
}

std::vector<std::int64_t> SaveCheckpoints::steps() const {
  std::vector<std::int64_t> list;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error))
    if (const auto step = step_in(it->path().filename().string())) list.push_back(*step);
  std::sort(list.begin(), list.end());
  return list;
}

fs::path SaveCheckpoints::latest() const {
  const auto all = steps();
  return all.empty() ? fs::path() : path_of(all.back());
}

void SaveCheckpoints::on_train_begin(Trainer& trainer) {
  if (!options_.best.name.empty()) trainer.require_measured(options_.best);
  own_.clear();
  foreign_.clear();
  for (const std::int64_t step : steps())
    (is_of_run(path_of(step), trainer.history()) ? own_ : foreign_).insert(step);
  if (!foreign_.empty() && !options_.overwrite)
    throw ValueError(fmt::format(
        "SaveCheckpoints: {} holds {} that this run did not pass through, the latest {}: restore "
        "it "
        "to go on from there, take another folder, or set overwrite to have them removed",
        printable(folder_.string()),
        foreign_.size() == 1 ? std::string("a checkpoint")
                             : fmt::format("{} checkpoints", foreign_.size()),
        path_of(*foreign_.rbegin()).filename().string()));
}

/// The step of the best line among those that have a checkpoint, or -1.
std::int64_t SaveCheckpoints::best_step(const Trainer& trainer) const {
  if (options_.best.name.empty()) return -1;
  std::vector<MetricsRow> rows;
  for (const MetricsRow& row : trainer.history())
    if (own_.contains(row.step)) rows.push_back(row);
  const Best best = best_row(rows, options_.best);
  return best.count == 0 ? -1 : rows[best.row].step;
}

void SaveCheckpoints::on_save(Trainer& trainer) {
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  trainer.checkpoint().save(path_of(trainer.step()));
  own_.insert(trainer.step());
  foreign_.erase(trainer.step());
  for (const std::int64_t step : foreign_) fs::remove(path_of(step), ignored);
  foreign_.clear();
  if (options_.total_limit == 0) return;
  const std::int64_t best = best_step(trainer);
  for (auto step = own_.begin();
       step != own_.end() && static_cast<std::int64_t>(own_.size()) > options_.total_limit;) {
    if (*step == best || *step == trainer.step()) {
      ++step;
      continue;
    }
    fs::remove(path_of(*step), ignored);
    step = own_.erase(step);
  }
}

void SaveCheckpoints::on_train_end(Trainer& trainer) {
  if (!options_.load_best_at_end || !trainer.finished()) return;
  const std::int64_t best = best_step(trainer);
  if (best < 0) return;
  trainer.load_measured(Checkpoint::load(path_of(best), trainer.options().device));
}

}  // namespace ingot::train
