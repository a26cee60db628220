#include "glue/evaluation.h"

#include <fmt/format.h>
#include <ingot/core/grad_mode.h>
#include <ingot/glue/metrics.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/train/trainer.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "nn/mode_scope.h"

namespace ingot::glue {
namespace {

/// Batches whose results may be on the device still: it is not waited for after each.
constexpr std::size_t kMostPending = 16;

[[noreturn]] void diverged(std::string_view phase, const char* what) {
  throw train::DivergedError(
      fmt::format("{}: {} not finite: these weights are of no use; where they were trained, try a "
                  "smaller learning rate",
                  phase == "predict" ? "prediction" : "evaluation", what));
}

}  // namespace

Tensor Setting::logits(const Tokens& tokens, std::span<const std::int64_t> rows) const {
  const text::TokenBatch batch = tokens.batch(rows, padding);
  return model.logits(batch.input_ids.to(device, true),
                      {.token_type_ids = batch.token_type_ids.to(device, true),
                       .attention_mask = batch.attention_mask.to(device, true)});
}

Tensor Setting::loss(const Tensor& logits, const Sentences& sentences,
                     std::span<const std::int64_t> rows) const {
  const auto pick = [&]<class T, class V>(const std::vector<V>& all) {
    std::vector<T> out;
    for (const std::int64_t row : rows)
      out.push_back(static_cast<T>(all[static_cast<std::size_t>(row)]));
    return from_vector(out).to(device, true);
  };
  if (task.is_regression())
    return mse_loss(logits.squeeze(-1), pick.template operator()<float>(sentences.scores));
  return cross_entropy(logits, pick.template operator()<std::int64_t>(sentences.labels),
                       {.label_smoothing = arguments.training.label_smoothing_factor});
}

Evaluation evaluate(const Setting& setting, const Part& part, std::string_view phase) {
  const NoGradGuard no_grad;
  const nn::ModeScope mode(*setting.model.module, false);
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t size = part.tokens.size();
  const std::int64_t batch = setting.arguments.training.per_device_eval_batch_size;
  const std::int64_t batches = (size + batch - 1) / batch;
  const bool labelled = !part.sentences.labels.empty() || !part.sentences.scores.empty();
  Evaluation out;
  double loss_sum = 0;
  struct Pending {
    Tensor logits, loss;
    std::size_t rows = 0;
  };
  std::vector<Pending> pending;
  const auto read = [&] {
    for (const Pending& p : std::exchange(pending, {})) {
      const auto values = p.logits.to_vector<float>();
      if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
        diverged(phase, "outputs of the model are");
      out.outputs.insert(out.outputs.end(), values.begin(), values.end());
      if (labelled) loss_sum += p.loss.item() * static_cast<double>(p.rows);
      if (!std::isfinite(loss_sum)) diverged(phase, "the loss is");
    }
  };
  for (std::int64_t b = 0; b < batches; ++b) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(batch, size - b * batch)));
    std::iota(rows.begin(), rows.end(), b * batch);
    Pending p{setting.logits(part.tokens, rows), {}, rows.size()};
    if (labelled) p.loss = setting.loss(p.logits, part.sentences, rows);
    eval(labelled ? std::vector<Tensor>{p.logits, p.loss} : std::vector<Tensor>{p.logits});
    pending.push_back(std::move(p));
    if (pending.size() == kMostPending || b + 1 == batches) read();
    setting.progress(phase, b + 1, batches);
    if (setting.asked_to_stop()) return {.stopped = true};
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (labelled) {
    out.metrics = measure(setting.task, out.outputs, part.sentences);
    out.metrics["loss"] = loss_sum / static_cast<double>(size);
  }
  out.metrics["runtime"] = seconds;
  out.metrics["samples_per_second"] = static_cast<double>(size) / seconds;
  out.metrics["steps_per_second"] = static_cast<double>(batches) / seconds;
  return out;
}

}  // namespace ingot::glue
