#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/models/sequence_classifier.h>
#include <ingot/text/tokenizer.h>

#include <algorithm>
#include <numeric>

#include "glue/tokens.h"

namespace ingot::glue {

namespace fs = std::filesystem;

struct SentencePredictor::Impl {
  text::Tokenizer tokenizer;
  models::SequenceClassifier model;
  std::vector<std::string> labels;
  bool regression = false;
  Device device;
  std::int64_t max_length = 0;
};

namespace {

constexpr std::int64_t kBatch = 32;

}  // namespace

SentencePredictor::SentencePredictor(const fs::path& folder, Device device) {
  const models::LabelNames labels = models::label_names(folder);
  if (labels.names.empty())
    throw IoError(fmt::format("{}: config.json tells no labels: this is no model for sentences",
                              folder.string()));
  impl_ = std::make_unique<Impl>(
      Impl{text::Tokenizer::from_pretrained(folder),
           models::load_sequence_classifier(folder, static_cast<std::int64_t>(labels.names.size())),
           labels.names, labels.problem_type == "regression" || labels.names.size() == 1, device});
  if (!impl_->model.drawn.empty())
    throw IoError(fmt::format("{}: is not trained for sentences: {}", folder.string(),
                              impl_->model.drawn.front()));
  impl_->model.module->to(device);
  impl_->model.module->eval();
  impl_->max_length =
      std::min(impl_->tokenizer.model_max_length().value_or(impl_->model.max_length),
               impl_->model.max_length);
  if (!fs::exists(folder / "training_args.json")) return;
  Arguments training;
  read_arguments(folder / "training_args.json", training);
  impl_->max_length = std::min(impl_->max_length, training.data.max_seq_length);
}

SentencePredictor::~SentencePredictor() = default;
SentencePredictor::SentencePredictor(SentencePredictor&&) noexcept = default;
SentencePredictor& SentencePredictor::operator=(SentencePredictor&&) noexcept = default;

const std::vector<std::string>& SentencePredictor::labels() const { return impl_->labels; }
bool SentencePredictor::is_regression() const { return impl_->regression; }

std::vector<Prediction> SentencePredictor::predict(const std::vector<std::string>& first,
                                                   const std::vector<std::string>& second) const {
  if (!second.empty() && second.size() != first.size())
    throw ValueError(fmt::format("{} sentences and {} second ones", first.size(), second.size()));
  Sentences sentences;
  sentences.first = first;
  sentences.second = second;
  const Tokens tokens(impl_->tokenizer, sentences, impl_->max_length, impl_->model.vocab_size);
  const auto pad = impl_->tokenizer.pad_token();
  const Padding padding{.id = pad ? impl_->tokenizer.token_to_id(*pad).value_or(0) : 0};
  const NoGradGuard no_grad;
  std::vector<Prediction> out;
  for (std::int64_t at = 0; at < tokens.size(); at += kBatch) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(kBatch, tokens.size() - at)));
    std::iota(rows.begin(), rows.end(), at);
    const text::TokenBatch batch = tokens.batch(rows, padding);
    Tensor values = impl_->model.logits(batch.input_ids.to(impl_->device),
                                        {.token_type_ids = batch.token_type_ids.to(impl_->device),
                                         .attention_mask = batch.attention_mask.to(impl_->device)});
    if (!impl_->regression) values = values.softmax(-1);
    const auto all = values.to(DType::Float64).to_vector<double>();
    const std::size_t width = all.size() / rows.size();
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(r * width);
      Prediction p;
      p.outputs.assign(begin, begin + static_cast<std::ptrdiff_t>(width));
      p.number = std::ranges::max_element(p.outputs) - p.outputs.begin();
      p.score = p.outputs[static_cast<std::size_t>(p.number)];
      p.label = impl_->regression ? fmt::format("{:.3f}", p.score)
                                  : impl_->labels[static_cast<std::size_t>(p.number)];
      out.push_back(std::move(p));
    }
  }
  return out;
}

Prediction SentencePredictor::predict(const std::string& first) const {
  return predict(std::vector<std::string>{first}).front();
}
Prediction SentencePredictor::predict(const std::string& first, const std::string& second) const {
  return predict(std::vector<std::string>{first}, std::vector<std::string>{second}).front();
}

bool is_sentence_model(const fs::path& folder) {
  try {
    return !models::label_names(folder).names.empty();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace ingot::glue
