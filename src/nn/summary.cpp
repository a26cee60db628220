// How a module shows itself: its tree, and a table with the shape of every output.

#include <cxxabi.h>
#include <fmt/format.h>
#include <ingot/nn/module.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>
#include <unordered_map>

#include "core/record.h"
#include "nn/mode_scope.h"

namespace ingot::nn {

namespace {

// "ingot::nn::Conv2d" -> "Conv2d", leaving template arguments alone.
std::string without_namespaces(const std::string& name) {
  const std::size_t end = std::min(name.find('<'), name.size());
  const std::size_t colons = name.rfind("::", end);
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

// 1234567 -> "1,234,567"
std::string with_commas(std::int64_t n) {
  std::string text = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3)
    text.insert(static_cast<std::size_t>(i), ",");
  return text;
}

std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

struct Row {
  std::string layer;
  std::string shape;
  std::string parameters;
};

std::string table(const std::vector<Row>& rows) {
  std::size_t layer = 0, shape = 0, parameters = 0;
  for (const Row& r : rows) {
    layer = std::max(layer, r.layer.size());
    shape = std::max(shape, r.shape.size());
    parameters = std::max(parameters, r.parameters.size());
  }
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}\n", r.layer, layer, r.shape, shape, r.parameters,
                        parameters);
    if (i == 0) text += std::string(layer + shape + parameters + 4, '-') + "\n";
  }
  return text;
}

}  // namespace

std::string Module::type_name() const {
  int status = 0;
  char* readable = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  std::string name = status == 0 && readable ? readable : typeid(*this).name();
  std::free(readable);
  return without_namespaces(name);
}

std::string Module::str() const {
  require_registered_members();
  std::string text = type_name() + "(" + description();
  for (const auto& [name, child] : named_children())
    text += fmt::format("\n  ({}): {}", name, indented(child->str()));
  return text + (children_.empty() ? ")" : "\n)");
}

std::string Module::summary(const Shape& input) {
  TensorSpec spec{input, DType::Float32, {}};
  for (const Tensor& p : parameters())
    if (p.is_floating_point()) {
      spec.dtype = p.dtype();
      spec.device = p.device();
      break;
    }

  // Shapes are taken by hooks while forward is recorded on a tensor that has none but a shape. In
  // evaluation mode, so that batch-norm's statistics stay as they are.
  std::unordered_map<const Module*, Shape> shapes;
  {
    const ModeScope evaluation(*this, false);
    std::vector<HookHandle> handles;
    struct Remover {
      std::vector<HookHandle>& list;
      ~Remover() {
        for (HookHandle& h : list) h.remove();
      }
    } remover{handles};
    for (Module* m : modules())
      handles.push_back(
          m->register_forward_hook([&shapes](Module& module, const Tensor&, const Tensor& output) {
            shapes[&module] = output.shape();
            return Tensor();
          }));
    const CaptureScope capture;
    (*this)(CaptureScope::placeholder(spec));
  }

  std::vector<Row> rows{{"Layer", "Output shape", "Parameters"}};
  for (const auto& [path, module] : named_modules()) {
    std::int64_t own = 0;
    for (const NamedTensor& t : module->tensors_)
      if (!t.is_buffer && t.tensor.defined()) own += t.tensor.numel();
    const auto depth = path.empty() ? 0 : 1 + std::count(path.begin(), path.end(), '.');
    const std::string name = path.empty() ? "" : path.substr(path.rfind('.') + 1) + ": ";
    const auto shape = shapes.find(module);
    rows.push_back(
        {std::string(static_cast<std::size_t>(2 * depth), ' ') + name + module->type_name(),
         shape == shapes.end() ? "-" : shape->second.str(), own == 0 ? "-" : with_commas(own)});
  }

  std::int64_t trainable = 0, total = 0;
  std::size_t nbytes = 0;
  for (const Tensor& p : parameters()) {
    total += p.numel();
    nbytes += p.nbytes();
    if (p.requires_grad()) trainable += p.numel();
  }
  std::size_t buffer_nbytes = 0;
  for (const Tensor& b : buffers()) buffer_nbytes += b.nbytes();
  return table(rows) +
         fmt::format("\nInput {}. Parameters {} ({} trainable), {:.2f} MB with buffers.\n",
                     spec.str(), with_commas(total), with_commas(trainable),
                     static_cast<double>(nbytes + buffer_nbytes) / 1e6);
}

}  // namespace ingot::nn
