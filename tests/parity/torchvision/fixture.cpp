#include "fixture.h"

#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ingot/core/error.h>

#include "support/op_values.h"

namespace ingot::parity {

std::vector<double> uniform(const std::string& salt, const std::string& name, std::int64_t count) {
  return optest::uniforms(salt + name, static_cast<std::size_t>(count));
}

namespace {

std::map<std::string, Summary> summaries(const nlohmann::json& object) {
  std::map<std::string, Summary> all;
  for (const auto& [name, entry] : object.items()) {
    Summary s;
    s.shape = Shape(entry.at("shape").get<std::vector<std::int64_t>>());
    s.l2 = entry.at("l2");
    s.probe = entry.at("probe");
    s.head = entry.at("head").get<std::vector<double>>();
    s.dev32 = entry.at("dev32");
    s.zero = entry.value("zero", false);
    s.flips = entry.value("flips", std::int64_t{0});
    all[name] = s;
  }
  return all;
}

std::vector<double> rows(const nlohmann::json& list) {
  std::vector<double> flat;
  for (const auto& row : list)
    for (const double v : row) flat.push_back(v);
  return flat;
}

}  // namespace

Fixture read_fixture(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw IoError(fmt::format("cannot read {}", file.string()));
  try {
    const auto j = nlohmann::json::parse(stream);
    Fixture f;
    f.model = j.at("model");
    f.salt = j.at("salt");
    f.batch = j.at("batch");
    f.size = j.at("size");
    f.classes = j.at("classes");
    f.labels = j.at("labels").get<std::vector<std::int64_t>>();
    f.grad_norm = j.at("grad_norm");
    f.eval_logits = {rows(j.at("eval_logits")), j.at("eval_logits_dev32")};
    f.train_logits = {rows(j.at("train_logits")), j.at("train_logits_dev32")};
    const double loss = j.at("loss"), loss32 = j.at("loss32");
    f.loss = {{loss}, std::abs(loss32 - loss) / std::abs(loss)};
    f.grads = summaries(j.at("grads"));
    f.ill_conditioned = j.value("ill_conditioned", false);
    if (!f.ill_conditioned) f.after_adam = summaries(j.at("after_adam"));
    return f;
  } catch (const nlohmann::json::exception& e) {
    throw IoError(fmt::format("{}: not a fixture: {}", file.string(), e.what()));
  }
}

void Verdict::add(const std::string& name, double deviation, double allowed) {
  const double share = deviation <= 0 ? 0 : deviation / allowed;
  // Written so that a NaN counts as the worst.
  if (share <= worst && !what.empty()) return;
  worst = std::isnan(share) ? INFINITY : share;
  what = fmt::format("{}: deviates by {:.3g}, allowed are {:.3g}", name, deviation, allowed);
}

double tolerance(DType dtype, double dev32) {
  return dtype == DType::Float64 ? 1e-9 : std::max(1e-3, 4 * dev32);
}

Verdict compare(const Fixture& fixture, const std::string& name, const Summary& expected,
                const std::vector<double>& actual, const Shape& shape, DType dtype) {
  Verdict verdict;
  if (!(shape == expected.shape)) {
    verdict.add(
        fmt::format("{} has shape {} instead of {}", name, shape.str(), expected.shape.str()),
        INFINITY, 1);
    return verdict;
  }
  const auto weights = uniform(fixture.salt, "probe:" + name, shape.numel());
  double squares = 0, probe = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    squares += actual[i] * actual[i];
    probe += actual[i] * (2 * weights[i] - 1);
  }
  const double l2 = std::sqrt(squares);
  if (expected.zero) {
    verdict.add(name + " (zero)", l2, (dtype == DType::Float64 ? 1e-12 : 1e-5) * fixture.grad_norm);
    return verdict;
  }
  double allowed = tolerance(dtype, expected.dev32) * expected.l2;
  if (dtype == DType::Float32)
    allowed += 2 * kLearningRate * std::sqrt(static_cast<double>(expected.flips));
  verdict.add(name + " l2", std::abs(l2 - expected.l2), allowed);
  verdict.add(name + " probe", std::abs(probe - expected.probe), allowed);
  for (std::size_t i = 0; i < expected.head.size(); ++i)
    verdict.add(fmt::format("{} element {}", name, i), 2 * std::abs(actual[i] - expected.head[i]),
                allowed);
  return verdict;
}

Verdict compare(const std::string& name, const Numbers& expected, const std::vector<double>& actual,
                DType dtype) {
  Verdict verdict;
  if (actual.size() != expected.values.size()) {
    verdict.add(
        fmt::format("{}: {} values instead of {}", name, actual.size(), expected.values.size()),
        INFINITY, 1);
    return verdict;
  }
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    difference += (actual[i] - expected.values[i]) * (actual[i] - expected.values[i]);
    norm += expected.values[i] * expected.values[i];
  }
  verdict.add(name, std::sqrt(difference), tolerance(dtype, expected.dev32) * std::sqrt(norm));
  return verdict;
}

std::vector<double> values_of(const Tensor& t) {
  const HostArray host = t.to_host();
  std::vector<double> values(static_cast<std::size_t>(host.numel()));
  visit_dtype(host.dtype(), [&](auto type) {
    const auto elements = host.as<decltype(type)>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(elements[i]);
  });
  return values;
}

}  // namespace ingot::parity
