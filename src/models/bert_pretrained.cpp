// BERT from a folder that Hugging Face's libraries wrote.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/atomic_file.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/bert.h>
#include <ingot/nn/pretrained.h>

#include <array>
#include <nlohmann/json.hpp>

#include "io/input_file.h"

namespace ingot::models {
namespace {

namespace fs = std::filesystem;

BertConfig config_of(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const io::InputFile file(path);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
  if (file.nbytes() > kMost) throw IoError(fmt::format("{}: is no config.json", file.name()));
  std::string text(static_cast<std::size_t>(file.nbytes()), '\0');
  file.read(0, text.data(), text.size());
  return BertConfig::from_json(text, file.name());
}

StateDict weights_of(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"})
    if (fs::exists(folder / name)) return load(folder / name);
  throw IoError(fmt::format("{}: no weights here: neither model.safetensors nor pytorch_model.bin",
                            folder.string()));
}

/// Names of the first BERT's layers of normalization.
std::string modern(std::string key) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOld{
      {{".gamma", ".weight"}, {".beta", ".bias"}}};
  for (const auto& [from, to] : kOld)
    if (key.ends_with(from)) key.replace(key.size() - from.size(), from.size(), to);
  return key;
}

/// The model's part of a file, with `prefix` before its keys, and the head's.
StateDict renamed(const StateDict& weights, std::string_view prefix, std::string_view head,
                  bool pooler) {
  StateDict out;
  for (const auto& [name, tensor] : weights) {
    std::string key = modern(name);
    if (!head.empty() && key.starts_with(head)) {
      out.insert(key, tensor);
      continue;
    }
    if (key.starts_with("bert.")) key.erase(0, 5);
    const bool model = key.starts_with("embeddings.") || key.starts_with("encoder.") ||
                       (pooler && key.starts_with("pooler."));
    // A list of 0, 1, 2, … that old files hold.
    if (model && !key.ends_with("position_ids")) out.insert(std::string(prefix) + key, tensor);
  }
  return out;
}

template <class Model>
std::unique_ptr<Model> with_head(const fs::path& folder, std::int64_t num_labels, bool pooler) {
  auto model = std::make_unique<Model>(num_labels, config_of(folder));
  nn::load_pretrained(*model, renamed(weights_of(folder), "bert.", "classifier.", pooler),
                      "classifier");
  return model;
}

/// What config.json tells beside the sizes: the class, and names of labels where they are not as
/// many as the file that the model came from had.
struct Saved {
  BertConfig config;
  std::string architecture;
  std::int64_t num_labels = 0;
};

Saved saved(const nn::Module& model) {
  if (const auto* m = dynamic_cast<const BertForSequenceClassification*>(&model))
    return {m->bert.config(), "BertForSequenceClassification", m->classifier.out_features()};
  if (const auto* m = dynamic_cast<const BertForTokenClassification*>(&model))
    return {m->bert.config(), "BertForTokenClassification", m->classifier.out_features()};
  if (const auto* m = dynamic_cast<const BertForMaskedLM*>(&model))
    return {m->bert.config(), "BertForMaskedLM"};
  if (const auto* m = dynamic_cast<const BertModel*>(&model)) return {m->config(), "BertModel"};
  throw ValueError("save_pretrained: the model is no BERT");
}

std::string config_json(const Saved& from) {
  using Json = nlohmann::ordered_json;
  Json file = Json::parse(from.config.to_json());
  file["architectures"] = Json::array({from.architecture});
  const auto count = static_cast<std::size_t>(from.num_labels);
  if (count > 0 && (!file.contains("id2label") || file["id2label"].size() != count)) {
    Json names = Json::object(), ids = Json::object();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = fmt::format("LABEL_{}", i);
      names[std::to_string(i)] = name;
      ids[name] = i;
    }
    file["id2label"] = names;
    file["label2id"] = ids;
  }
  return file.dump(2) + "\n";
}

}  // namespace

void save_pretrained(const nn::Module& model, const fs::path& folder) {
  const std::string config = config_json(saved(model));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  // The weights first: a config without them would look like a model.
  save(model.state_dict(), folder / "model.safetensors", {{"format", "pt"}});
  io::AtomicFile file(folder / "config.json");
  file.write(config);
  file.commit();
}

std::unique_ptr<BertModel> BertModel::from_pretrained(const fs::path& folder) {
  auto model = std::make_unique<BertModel>(config_of(folder));
  model->load_state_dict(renamed(weights_of(folder), "", "", true));
  return model;
}

std::unique_ptr<BertForSequenceClassification> BertForSequenceClassification::from_pretrained(
    const fs::path& folder, std::int64_t num_labels) {
  return with_head<BertForSequenceClassification>(folder, num_labels, true);
}

std::unique_ptr<BertForTokenClassification> BertForTokenClassification::from_pretrained(
    const fs::path& folder, std::int64_t num_labels) {
  return with_head<BertForTokenClassification>(folder, num_labels, false);
}

}  // namespace ingot::models
