// config.json of BERT, RoBERTa and DistilBERT: one list of fields, by the name that each has there.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/models/bert.h>

#include <nlohmann/json.hpp>

namespace ingot::models {
namespace {

void require(bool right, const char* field, const auto& value, const char* what) {
  if (!right) throw ValueError(fmt::format("BertConfig: {} is {}: {}", field, value, what));
}

/// Calls f(name in config.json, field) for every field that the family has.
template <class Config, class F>
void visit_fields(Config& c, F f) {
  const bool distil = c.model_type == "distilbert";
  const auto named = [&](const char* name, const char* distil_name, auto& field) {
    const char* own = distil ? distil_name : name;
    if (own != nullptr) f(own, field);
  };
  named("vocab_size", "vocab_size", c.vocab_size);
  named("hidden_size", "dim", c.hidden_size);
  named("num_hidden_layers", "n_layers", c.num_hidden_layers);
  named("num_attention_heads", "n_heads", c.num_attention_heads);
  named("intermediate_size", "hidden_dim", c.intermediate_size);
  named("max_position_embeddings", "max_position_embeddings", c.max_position_embeddings);
  named("type_vocab_size", nullptr, c.type_vocab_size);
  named("pad_token_id", "pad_token_id", c.pad_token_id);
  named("hidden_dropout_prob", "dropout", c.hidden_dropout_prob);
  named("attention_probs_dropout_prob", "attention_dropout", c.attention_probs_dropout_prob);
  named("classifier_dropout", "seq_classif_dropout", c.classifier_dropout);
  named("layer_norm_eps", nullptr, c.layer_norm_eps);
  named("initializer_range", "initializer_range", c.initializer_range);
}

/// Names and only values of what there is one kind of.
std::vector<std::pair<const char*, nlohmann::json>> fixed_fields(const std::string& model_type) {
  if (model_type == "distilbert") return {{"activation", "gelu"}, {"sinusoidal_pos_embds", false}};
  return {{"hidden_act", "gelu"}, {"position_embedding_type", "absolute"}};
}

/// What transformers takes for the fields that a file lacks.
BertConfig family_defaults(const std::string& model_type) {
  BertConfig out;
  out.model_type = model_type;
  if (model_type == "roberta") {
    out.vocab_size = 50265;
    out.pad_token_id = 1;
  } else if (model_type == "distilbert") {
    out.classifier_dropout = 0.2;
  }
  return out;
}

}  // namespace

std::int64_t BertConfig::max_length() const {
  return max_position_embeddings - (model_type == "roberta" ? pad_token_id + 1 : 0);
}

void BertConfig::check() const {
  require(model_type == "bert" || model_type == "roberta" || model_type == "distilbert",
          "model_type", "'" + model_type + "'", "there are: bert, roberta, distilbert");
  const auto positive = [](const char* field, std::int64_t value) {
    require(value >= 1, field, value, "must be at least 1");
  };
  positive("vocab_size", vocab_size);
  positive("hidden_size", hidden_size);
  positive("num_hidden_layers", num_hidden_layers);
  positive("num_attention_heads", num_attention_heads);
  positive("intermediate_size", intermediate_size);
  positive("max_position_embeddings", max_position_embeddings);
  positive("type_vocab_size", type_vocab_size);
  require(hidden_size % num_attention_heads == 0, "num_attention_heads", num_attention_heads,
          "must divide hidden_size");
  require(pad_token_id >= 0 && pad_token_id < vocab_size, "pad_token_id", pad_token_id,
          "must be in the vocabulary");
  require(max_length() >= 1, "max_position_embeddings", max_position_embeddings,
          "leaves no position for a token");
  const auto probability = [](const char* field, double value) {
    require(value >= 0 && value <= 1, field, value, "must be in [0, 1]");
  };
  probability("hidden_dropout_prob", hidden_dropout_prob);
  probability("attention_probs_dropout_prob", attention_probs_dropout_prob);
  probability("classifier_dropout", classifier_dropout.value_or(0));
  require(layer_norm_eps >= 0, "layer_norm_eps", layer_norm_eps, "must not be negative");
  require(initializer_range >= 0, "initializer_range", initializer_range, "must not be negative");
}

BertConfig BertConfig::from_json(std::string_view json, const std::string& name) {
  BertConfig out;
  try {
    const auto file = nlohmann::json::parse(json);
    if (!file.is_object()) throw IoError(fmt::format("{}: is no JSON object", name));
    const auto there = [&](const char* key) {
      return file.contains(key) && !file.at(key).is_null();
    };
    if (there("model_type")) out = family_defaults(file.at("model_type").get<std::string>());
    for (const auto& [key, wanted] : fixed_fields(out.model_type))
      if (there(key) && file.at(key) != wanted)
        throw IoError(fmt::format(
            "{}: {} '{}' is not supported; there is: {}", name, key,
            file.at(key).is_string() ? file.at(key).get<std::string>() : file.at(key).dump(),
            wanted.is_string() ? wanted.get<std::string>() : wanted.dump()));
    visit_fields(out, [&]<class T>(const char* key, T& field) {
      if (!there(key)) return;
      if constexpr (requires { field.has_value(); })
        field = file.at(key).get<typename T::value_type>();
      else
        file.at(key).get_to(field);
    });
    out.check();
    auto other = file;
    const auto known = nlohmann::json::parse(family_defaults(out.model_type).to_json());
    for (const auto& field : known.items()) other.erase(field.key());
    out.other = other.dump();
  } catch (const nlohmann::json::exception& error) {
    throw IoError(fmt::format("{}: {}", name, error.what()));
  } catch (const ValueError& error) {
    throw IoError(fmt::format("{}: {}", name, error.what()));
  }
  return out;
}

std::string BertConfig::to_json() const {
  nlohmann::ordered_json file = nlohmann::ordered_json::parse(other);
  file["model_type"] = model_type;
  for (const auto& [key, value] : fixed_fields(model_type)) file[key] = value;
  visit_fields(*this, [&](const char* key, const auto& field) {
    if constexpr (requires { field.has_value(); })
      file[key] = field ? nlohmann::ordered_json(*field) : nlohmann::ordered_json();
    else
      file[key] = field;
  });
  return file.dump(2) + "\n";
}

}  // namespace ingot::models
