#include "support/op_fixture.h"
#include "support/source_dir.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ingot::optest {
namespace {

using nlohmann::json;

const char* const kFamilies[] = {"elementwise", "activation",     "order",     "methods",
                                 "shape",       "reduce",         "linear",    "algebra",
                                 "vision",      "indexing",       "selection", "loss",
                                 "creation",    "random_numbers", "update"};

struct Fixtures {
  std::map<std::string, json> cases;
  std::set<std::string> names;
  std::string torch;
};

const Fixtures& fixtures() {
  static const Fixtures all = [] {
    Fixtures f;
    for (const char* family : kFamilies) {
      const std::string path =
          fmt::format("{}/tests/fixtures/ops/{}.json", ingot::testing::source_dir(), family);
      std::ifstream file(path);
      if (!file) throw IoError("cannot open " + path);
      json j = json::parse(file);
      f.torch = j.at("torch");
      for (auto& [name, entry] : j.at("cases").items()) {
        f.names.insert(name);
        f.cases[name] = std::move(entry);
      }
    }
    return f;
  }();
  return all;
}

const json& entry_of(const std::string& name) {
  const auto it = fixtures().cases.find(name);
  if (it == fixtures().cases.end())
    throw ValueError(
        fmt::format("{}: no PyTorch fixture; add the case to tests/fixtures/op_cases "
                    "and run make_op_fixtures.py",
                    name));
  return it->second;
}

std::string key(DType t) { return std::string(ingot::name(t)); }

// The entry whose values a run in `dtype` is compared with.
const json* result_of(const json& entry, DType dtype) {
  const std::string k = is_floating(dtype) ? "float64" : key(dtype);
  const auto it = entry.find(k);
  return it == entry.end() ? nullptr : &*it;
}

double number(const json& v) {
  if (v.is_string()) {
    const std::string text = v;
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    return text == "-inf" ? -inf : inf;
  }
  return v.is_boolean() ? (v.get<bool>() ? 1 : 0) : v.get<double>();
}

Shape shape_of(const json& t) { return Shape(t.at("shape").get<std::vector<std::int64_t>>()); }

// ||t||, sum, probe and head of a large tensor against the stored ones.
std::string compare_summary(const HostValues& got, const json& t, double bound, double* largest) {
  const std::vector<double> v = got.numbers();
  long double square = 0, sum = 0, probe = 0;  // so that adding up costs no accuracy
  for (std::size_t i = 0; i < v.size(); ++i) {
    square += v[i] * v[i];
    sum += v[i];
    probe += v[i] * (2 * uniform("probe", i) - 1);
  }
  const double l2 = number(t.at("l2"));
  const double scale = l2 > 0 ? l2 : 1;
  // An error of e * ||t|| in the tensor moves a sum of n terms by at most sqrt(n) times that.
  const double spread = std::sqrt(static_cast<double>(v.size()));
  std::string text;
  const auto check = [&](const std::string& what, double a, double b, double factor) {
    const double relative = std::abs(a - b) / scale / factor;
    if (largest) *largest = std::max(*largest, relative);
    // A sum of this many doubles is itself rounded.
    if (!(relative <= std::max(bound, 1e-13)))
      text += fmt::format("    {}: {:.17g}, expected {:.17g} (norm {:.6g})\n", what, a, b, l2);
  };
  check("norm", static_cast<double>(std::sqrt(square)), l2, 1);
  check("sum", static_cast<double>(sum), number(t.at("sum")), spread);
  check("probe", static_cast<double>(probe), number(t.at("probe")), spread);
  for (std::size_t i = 0; i < 4 && i < v.size(); ++i)
    check(fmt::format("element {}", i), v[i], number(t.at("head")[i]), 1);
  return text;
}

std::string compare_tensor(const HostValues& got, const json& t, DType expected_dtype,
                           Tolerance tolerance, double deviation, double* largest) {
  if (got.dtype != expected_dtype || !(got.shape == shape_of(t)))
    return fmt::format("    {}{}, expected {}{}\n", ingot::name(got.dtype), got.shape.str(),
                       ingot::name(expected_dtype), shape_of(t).str());
  const double bound = std::max(allowed(tolerance, expected_dtype), 4 * deviation);
  if (t.contains("l2")) {
    // Rounding a truth that is not stored is not possible: allow for it.
    const double rounding = is_floating(expected_dtype) ? unit_roundoff(expected_dtype) : 0;
    return compare_summary(got, t, bound + rounding, largest);
  }
  std::vector<double> truth;
  for (const json& v : t.at("v")) truth.push_back(number(v));
  HostValues expected = make_values(got.shape, expected_dtype, truth);
  if (!is_floating(expected_dtype)) {
    // int64 values are exact in the file, and make_values would convert NaN.
    const Difference d = difference(got, expected);
    return d.relative == 0 ? std::string() : fmt::format("    {}\n", d.text);
  }
  const Difference d = difference(got, expected);
  if (largest) *largest = std::max(*largest, d.relative);
  if (d.relative <= bound) return {};
  return fmt::format("    off by {:.3g} (allowed {:.3g}): {}\n", d.relative, bound, d.text);
}

}  // namespace

const std::set<std::string>& fixture_names() { return fixtures().names; }
const std::string& fixture_torch_version() { return fixtures().torch; }

std::vector<std::string> fixture_inputs(const std::string& name) {
  return entry_of(name).at("inputs").get<std::vector<std::string>>();
}

bool fixture_has(const std::string& name, DType dtype) {
  return result_of(entry_of(name), dtype) != nullptr;
}

double fixture_deviation(const std::string& name, DType dtype) {
  const json& entry = entry_of(name);
  if (!entry.contains("floats") || !entry["floats"].contains(key(dtype))) return 0;
  double largest = 0;
  for (const json& list : entry["floats"][key(dtype)].at("dev"))
    for (const json& v : list)
      if (v.is_number()) largest = std::max(largest, v.get<double>());
  return largest;
}

std::string compare_with_fixture(const OpCase& c, DType dtype, const CaseResult& got,
                                 Worst* worst) {
  const json& entry = entry_of(c.name);
  const json* result = result_of(entry, dtype);
  if (!result) return fmt::format("  no PyTorch result for {}\n", ingot::name(dtype));
  const json* floats = nullptr;
  if (is_floating(dtype) && entry.contains("floats") && entry["floats"].contains(key(dtype)))
    floats = &entry["floats"][key(dtype)];

  const json& outputs = result->at("outputs");
  if (outputs.size() != got.outputs.size())
    return fmt::format("  {} outputs, expected {}\n", got.outputs.size(), outputs.size());

  std::string text;
  const auto deviation = [&](std::size_t list, std::size_t i) {
    if (!floats || dtype == DType::Float64) return 0.0;
    const json& v = floats->at("dev")[list][i];
    return v.is_number() ? v.get<double>() : 0.0;
  };
  const auto report = [&](const std::string& what, const std::string& wrong) {
    if (!wrong.empty()) text += fmt::format("  {}:\n{}", what, wrong);
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const json& t = outputs[i];
    DType expected = t.contains("dtype") ? parse_dtype(t["dtype"].get<std::string>()) : dtype;
    if (floats) expected = parse_dtype(floats->at("types")[i].get<std::string>());
    report(fmt::format("output {}", i),
           compare_tensor(got.outputs[i], t, expected, c.tolerance, deviation(0, i),
                          worst ? &worst->forward : nullptr));
  }
  const Tolerance backward = c.tolerance == Tolerance::Rounded || c.tolerance == Tolerance::Exact
                                 ? Tolerance::Composite
                                 : c.tolerance;
  for (std::size_t i = 0; i < got.grads.size(); ++i) {
    const bool expects = result->contains("grads") && !result->at("grads")[i].is_null();
    if (expects != got.has_grad[i]) {
      text += fmt::format("  gradient {}: {}, PyTorch {}\n", i, got.has_grad[i] ? "given" : "none",
                          expects ? "gives one" : "gives none");
      continue;
    }
    if (!expects) continue;
    const DType expected = c.inputs[i].fixed.value_or(dtype);
    report(fmt::format("gradient {}", i),
           compare_tensor(got.grads[i], result->at("grads")[i], expected, backward, deviation(1, i),
                          worst ? &worst->backward : nullptr));
  }
  return text;
}

}  // namespace ingot::optest
