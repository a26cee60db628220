// sgd_update, adam_update, rmsprop_update, adagrad_update: several parameters in one launch, each
// element from its gradient and its state. Operands, slots and formulas: ops/update.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

constexpr std::size_t kMaxOperands = 30;

// What an op does to one element: statements that read p (the parameter), g (the gradient) and the
// state s0, s1, … and leave the new values there. Slots are k0, k1, …
struct Formula {
  std::size_t states = 0;
  std::size_t slots = 0;
  std::string statements;
};

Formula sgd(const UpdateAttrs& a) {
  Formula f{a.momentum ? std::size_t{1} : 0, 4, "g = g + p * k3;\n"};
  if (a.momentum) {
    f.statements += "s0 = s0 * k1 + g * k2;\n";
    f.statements += a.nesterov ? "g = g + s0 * k1;\n" : "g = s0;\n";
  }
  f.statements += "p = p - g * k0;\n";
  return f;
}

Formula adam(const UpdateAttrs& a) {
  Formula f{a.amsgrad ? std::size_t{3} : 2, 7,
            a.decoupled_decay ? "p = p * k1;\n" : "g = g + p * k1;\n"};
  f.statements += "s0 = s0 + (g - s0) * k2;\ns1 = s1 * k3 + g * k4 * g;\n";
  if (a.amsgrad) f.statements += "s2 = op_maximum(s2, s1);\n";
  f.statements +=
      fmt::format("p = p - s0 * k0 / (m_sqrt({}) / k5 + k6);\n", a.amsgrad ? "s2" : "s1");
  return f;
}

Formula rmsprop(const UpdateAttrs& a) {
  // The state's lists: squares, then momenta, then averages, those that there are.
  const char* const average = a.momentum ? "s2" : "s1";
  Formula f{1 + (a.momentum ? std::size_t{1} : 0) + (a.centered ? std::size_t{1} : 0), 6,
            "g = g + p * k5;\ns0 = s0 * k1 + g * k2 * g;\nW square = s0;\n"};
  if (a.centered)
    f.statements +=
        fmt::format("{0} = {0} + (g - {0}) * k2;\nsquare = square - {0} * {0};\n", average);
  f.statements += "const W denominator = m_sqrt(square) + k3;\n";
  f.statements += a.momentum ? "s1 = s1 * k4 + g / denominator;\np = p - s1 * k0;\n"
                             : "p = p - g * k0 / denominator;\n";
  return f;
}

Formula adagrad(const UpdateAttrs&) {
  return {1, 3, "g = g + p * k2;\ns0 = s0 + g * g;\np = p - g * k0 / (m_sqrt(s0) + k1);\n"};
}

// One launch: a map whose elements are those of several parameters, one after the other.
class Update {
 public:
  Update(const StepDesc& step, const Formula& formula, DType work, std::size_t largest)
      : step_(step), formula_(formula), attrs_(step.as<UpdateAttrs>()), work_(work) {
    launch_.what = std::string(step.op->name);
    source_.index_64(needs_index_64(largest));
    source_.use("scalar");
    source_.use("map");
    const std::string_view type = work_name(work);
    body_ = "  static FN void at(Buffers b, CONSTANT const Params& p_, Index i) {\n";
    for (std::size_t s = 0; s < formula.slots; ++s) {
      const std::string name = fmt::format("k{}", s);
      source_.parameter(type, name);
      launch_.slot_words.push_back({launch_.word(0), [s, work](const Scalar* slots) {
                                      return encode_slot(slots[s], work);
                                    }});
      body_ += fmt::format("    const W {0} = p_.{0};\n", name);
    }
  }

  void add(std::size_t parameter) {
    const auto n = static_cast<std::size_t>(attrs_.count);
    const std::int64_t numel = step_.inputs[parameter].numel();
    const std::string end = fmt::format("end{}", count_);
    add_number(source_, launch_, end, end_ + numel);
    std::string read, write;
    const auto load = [&](const std::string& name, std::size_t list) {
      read += fmt::format("      W {} = {};\n", name, element(parameter + list * n, name));
    };
    load("p", 0);
    load("g", 1);
    if (attrs_.maximize) read += "      g = -g;\n";
    for (std::size_t s = 0; s < formula_.states; ++s) load(fmt::format("s{}", s), 2 + s);
    write += store(parameter, "p");
    for (std::size_t s = 0; s < formula_.states; ++s)
      write += store(parameter + (1 + s) * n, fmt::format("s{}", s));
    body_ += fmt::format(
        "    if (i < (Index)p_.{}) {{\n      const Index j = i - {};\n{}      {}{}      return;\n"
        "    }}\n",
        end, count_ == 0 ? "0" : fmt::format("(Index)p_.end{}", count_ - 1), read,
        formula_.statements, write);
    end_ += numel;
    ++count_;
  }

  Launch finish(Driver& driver) {
    add_number(source_, launch_, "n", end_);
    launch_.grid = map_grid(end_);
    source_.member(fmt::format("  typedef {} W;\n{}  }}\n", work_name(work_), body_));
    launch_.pipeline = driver.compile(source_.finish(driver.dialect()));
    return std::move(launch_);
  }

 private:
  std::string element(std::size_t input, const std::string& name) {
    const TensorDesc& t = step_.inputs[input];
    const std::string buffer = fmt::format("{}_{}", name, count_);
    source_.buffer(type_name(t.dtype), buffer, true);
    launch_.operands.push_back({input, extent_nbytes(t), 0});
    std::string at = "j";
    if (!t.is_contiguous()) {
      Walk walk;
      for (int d = 0; d < t.shape.rank(); ++d) walk.push(t.shape[d], t.strides[d]);
      add_walk(source_, launch_, buffer + "_at", walk.sizes, walk.strides);
      at = fmt::format("{}_at(p_, j)", buffer);
    }
    return fmt::format("widen(b.{}[{}])", buffer, at);
  }
  std::string store(std::size_t output, const std::string& name) {
    const TensorDesc& t = step_.outputs[output];
    const std::string buffer = fmt::format("{}_{}_out", name, count_);
    source_.buffer(type_name(t.dtype), buffer, false);
    launch_.operands.push_back({step_.inputs.size() + output, t.nbytes(), 0});
    return fmt::format("      b.{}[j] = To<{}>::of({});\n", buffer, type_name(t.dtype), name);
  }

  const StepDesc& step_;
  const Formula& formula_;
  const UpdateAttrs& attrs_;
  DType work_;
  SourceBuilder source_{"map"};
  Launch launch_;
  std::string body_;
  std::size_t count_ = 0;
  std::int64_t end_ = 0;
};

template <Formula (*formula_of)(const UpdateAttrs&)>
std::unique_ptr<Kernel> lower_update(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<UpdateAttrs>();
  const Formula formula = formula_of(a);
  const std::size_t operands = 2 + formula.states + 1 + formula.states;
  const std::size_t at_once = kMaxOperands / operands;
  std::size_t largest = 0;
  for (const TensorDesc& t : step.inputs)
    largest = std::max(largest, extent_nbytes(t) / nbytes_of(t.dtype));
  const DType work = step.inputs[0].dtype == DType::Float64 ? DType::Float64 : DType::Float32;
  std::vector<Launch> launches;
  const auto count = static_cast<std::size_t>(a.count);
  for (std::size_t first = 0; first < count; first += at_once) {
    Update update(step, formula, work, largest * at_once);
    std::int64_t elements = 0;
    for (std::size_t i = first; i < std::min(first + at_once, count); ++i) {
      elements += step.inputs[i].numel();
      update.add(i);
    }
    if (elements > 0) launches.push_back(update.finish(driver));
  }
  return std::make_unique<LaunchKernel>(step.inputs.size(), step.outputs.size(),
                                        std::move(launches));
}

// float64 and narrower parameters in one step have no common work type.
bool of_one_width(const StepDesc& step) {
  return std::all_of(step.inputs.begin(), step.inputs.end(), [&](const TensorDesc& t) {
    return (t.dtype == DType::Float64) == (step.inputs[0].dtype == DType::Float64);
  });
}

}  // namespace

void register_update(Table& table) {
  table.add("sgd_update", {lower_update<sgd>, of_one_width});
  table.add("adam_update", {lower_update<adam>, of_one_width});
  table.add("rmsprop_update", {lower_update<rmsprop>, of_one_width});
  table.add("adagrad_update", {lower_update<adagrad>, of_one_width});
}

}  // namespace ingot::gpu
