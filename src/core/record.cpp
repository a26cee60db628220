#include "core/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string_view>
#include <typeinfo>

#include "core/checked.h"
#include "core/host_room.h"
#include "core/spec_error.h"

namespace ingot {

RecordState::RecordState() {
  const char* text = std::getenv("INGOT_EAGER");
  eager = text && std::string_view(text) != "0" && *text;
}

RecordState::~RecordState() {
  for (const NodeRef& n : pending) n->set_listed(false);
}

void RecordState::add_pending(NodeRef node) {
  pending.push_back(std::move(node));
  pending.back()->set_listed(true);
}

RecordState& record_state() {
  static thread_local RecordState state;
  return state;
}

FlushLimits& flush_limits() {
  static FlushLimits limits;
  return limits;
}

std::string recorded_at(const Site& site, const Site& outer) {
  if (site.line() == 0) return {};
  std::string text = fmt::format("\n  recorded at {}:{}", site.file_name(), site.line());
  if (outer.line() != 0 &&
      (outer.line() != site.line() || std::string_view(outer.file_name()) != site.file_name()))
    text += fmt::format("\n  called from {}:{}", outer.file_name(), outer.line());
  return text;
}

std::string recorded_here(const Site& site) {
  const RecordState& state = record_state();
  return recorded_at(site, state.has_outer_site ? state.outer_site : Site{});
}

namespace {
// Made when the program starts, while there is memory: to copy it takes none.
const OutOfMemoryError bare("there is not enough memory, not even to say for what");
}  // namespace

void detail::out_of_memory(const char* what, Site at) {
  try {
    throw OutOfMemoryError(
        fmt::format("{}: there is not enough memory{}", what, recorded_here(at)));
  } catch (const std::bad_alloc&) {
    throw bare;
  }
}

void rethrow_own(const char* what) {
  detail::own_errors(what, Site{}, [] { throw; });
  throw InternalError("rethrow_own is called where nothing was caught");  // `throw` came back
}

namespace {

// Throws e again as an E with the place, if it is one.
template <class E>
void rethrow_as(const std::exception& e, const std::string& place) {
  if (typeid(e) == typeid(E)) throw E(e.what() + place);
}

template <class... E>
void rethrow_as_one_of(const std::exception& e, const std::string& place) {
  (rethrow_as<E>(e, place), ...);
}

}  // namespace

void rethrow_with(const std::string& place) {
  try {
    throw;
  } catch (const std::exception& e) {
    rethrow_as_one_of<Error, ShapeError, DTypeError, DeviceError, DeviceLostError, OutOfMemoryError,
                      IoError, ValueError, IndexError, ViewError, AutogradError, InternalError>(
        e, place);
    if (dynamic_cast<const Error*>(&e)) throw;  // a type that a user derived
    throw InternalError(e.what() + place);
  }
}

// -- InferContext
// -----------------------------------------------------------------------------------

void InferContext::shape_error(const std::string& text) const {
  throw ShapeError(fmt::format("{}: {}", op.name, text));
}
void InferContext::dtype_error(const std::string& text) const {
  throw DTypeError(fmt::format("{}: {}", op.name, text));
}
void InferContext::index_error(const std::string& text) const {
  throw IndexError(fmt::format("{}: {}", op.name, text));
}
void InferContext::value_error(const std::string& text) const {
  throw ValueError(fmt::format("{}: {}", op.name, text));
}

void InferContext::require_same_dtype() const {
  for (int i = 1; i < num_inputs(); ++i)
    if (dtype(i) != dtype(0))
      dtype_error(
          fmt::format("operands have different dtypes: {} and {}; convert one with .to(dtype)",
                      in(0).str(), in(i).str()));
}

void InferContext::require_floating(int i) const {
  if (!is_floating(dtype(i)))
    dtype_error(fmt::format("needs a floating-point tensor, got {}; convert it with .to(float32)",
                            in(i).str()));
}

void InferContext::require_rank(int i, int rank, const char* operand) const {
  if (shape(i).rank() != rank)
    shape_error(fmt::format("{} must have {} dimensions, got {}", operand, rank, in(i).str()));
}

// -- Recording
// --------------------------------------------------------------------------------------

namespace {

bool mixes_with_any_device(const TensorSpec& s) {
  return s.shape.rank() == 0 && s.device.type == DeviceType::CPU;
}

Device common_device(const OpDef& op, std::span<const ValueId> inputs, const Attrs& attrs) {
  if (inputs.empty()) return attrs.as<CreateAttrs>().device;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorSpec& s = inputs[i].spec();
    if (s.device == inputs[chosen].spec().device) continue;
    if (mixes_with_any_device(inputs[chosen].spec())) {
      chosen = i;
    } else if (!mixes_with_any_device(s)) {
      // What is on the cpu is what was forgotten there.
      const Device first = inputs[chosen].spec().device;
      const bool first_moves = first.type == DeviceType::CPU;
      throw DeviceError(
          fmt::format("{}: tensors live on different devices: operand {} on {}, operand {} on {}; "
                      "move operand {} with .to(\"{}\")",
                      op.name, chosen, first.str(), i, s.device.str(), first_moves ? chosen : i,
                      (first_moves ? s.device : first).str()));
    }
  }
  return inputs[chosen].spec().device;
}

// The lists that recording fills, reused from call to call: recording a small op must not touch the
// heap. While they are in use nothing else is recorded (neither `read` of a Cell that has its value
// nor `infer` records).
struct Scratch {
  std::vector<ValueId> inputs;
  std::vector<TensorSpec> outputs;
};

// Empties the lists also when `infer` throws, so that they hold on to no node.
struct ScratchScope {
  Scratch& lists;
  explicit ScratchScope(Scratch& s) : lists(s) {}
  ~ScratchScope() {
    lists.inputs.clear();
    lists.outputs.clear();
  }
};

NodeRef record_node(const OpDef& op, TensorList tensors, Attrs&& attrs,
                    std::span<const Scalar> slots, Site at) {
  RecordState& state = record_state();
  // A part `x[i]` is recorded when it is first read, and that is a recording of its own.
  for (const Tensor* t : tensors)
    if (t->defined()) t->cell()->value();
  static thread_local Scratch lists;
  const ScratchScope scope(lists);
  const Site outer = state.has_outer_site ? state.outer_site : Site{};
  NodeRef node;
  try {
    bool requires_grad = false;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i]->defined())
        throw ValueError(fmt::format("{}: operand {} is an undefined tensor", op.name, i));
      lists.inputs.push_back(tensors[i]->cell()->read());
      requires_grad |= lists.inputs.back().requires_grad();
    }
    InferContext context(op, lists.inputs, attrs, common_device(op, lists.inputs, attrs),
                         lists.outputs);
    op.infer(context);
    for (const TensorSpec& o : lists.outputs)
      if (!o.shape.is_addressable(nbytes_of(o.dtype)))
        context.shape_error(fmt::format("{} has more elements than memory can have", o.str()));
    requires_grad = requires_grad && state.grad_enabled && op.gradient != Gradient::None &&
                    std::any_of(lists.outputs.begin(), lists.outputs.end(),
                                [](const TensorSpec& o) { return is_floating(o.dtype); });
    node = Node::create({.op = &op,
                         .inputs = lists.inputs,
                         .attrs = std::move(attrs),
                         .slots = slots,
                         .outputs = lists.outputs,
                         .requires_grad = requires_grad,
                         .site = at,
                         .outer_site = outer});
  } catch (const SizeOverflow& e) {
    throw ShapeError(fmt::format("{}: {}{}", op.name, e.what(), recorded_at(at, outer)));
  } catch (const Error&) {
    rethrow_with(recorded_at(at, outer));
  } catch (const std::bad_alloc&) {
    detail::out_of_memory(op.name.data(), at);
  } catch (const std::length_error&) {
    detail::out_of_memory(op.name.data(), at);
  }
  if (state.capture)
    state.capture->push_back(node);
  else
    state.add_pending(node);
  return node;
}

// After the Cells of the outputs exist, and nothing else holds the node: INGOT_EAGER, and the hard
// limits of rule 9.
void after_recording(const Tensor& output) {
  RecordState& state = record_state();
  if (state.capture || state.evaluating) return;
  if (state.eager) {
    const ValueId self = output.cell()->value();
    evaluate_pending({&self, 1});
  } else if (const FlushLimits& limits = flush_limits();
             state.pending.size() >= limits.nodes * FlushLimits::kHardFactor ||
             state.pinned_nbytes >= limits.pinned_nbytes * FlushLimits::kHardFactor) {
    evaluate_pending();
  }
}

}  // namespace

Tensor record(const OpDef& op, std::initializer_list<const Tensor*> inputs, Attrs attrs, Site at,
              std::initializer_list<Scalar> slots) {
  NodeRef node = record_node(op, {inputs.begin(), inputs.size()}, std::move(attrs),
                             {slots.begin(), slots.size()}, at);
  Tensor result = Cell::create({std::move(node), 0});
  after_recording(result);
  return result;
}

std::vector<Tensor> record_multi(const OpDef& op, TensorList inputs, Attrs attrs, Site at,
                                 std::span<const Scalar> slots) {
  NodeRef node = record_node(op, inputs, std::move(attrs), slots, at);
  std::vector<Tensor> results;
  const auto count = static_cast<std::uint32_t>(node->outputs().size());
  results.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) results.push_back(Cell::create({node, i}));
  node = {};
  if (!results.empty()) after_recording(results[0]);
  return results;
}

Tensor as_view(Tensor view, const Tensor& base) {
  const Tensor root = base.cell()->view_base();
  view.cell()->set_view_base(root.defined() ? root : base);
  return view;
}

void check_in_place(const Tensor& t, const char* op, Site at) {
  const std::string place = recorded_at(at, {});
  if (!t.defined()) throw ValueError(fmt::format("{}: the tensor is undefined{}", op, place));
  const Tensor base = t.cell()->view_base();
  if (base.defined())
    throw ViewError(
        fmt::format("{}: this tensor {} is a view of {}, and views do not alias in Ingot: the base "
                    "would not change; write "
                    "`base[i] = value` or rebuild the base, or take a copy first with .clone(){}",
                    op, t.cell()->spec().str(), base.cell()->spec().str(), place));
  if (t.is_leaf() && t.requires_grad() && record_state().grad_enabled)
    throw AutogradError(fmt::format(
        "{}: a leaf tensor that requires grad cannot be changed in place; put the change under an "
        "ingot::NoGradGuard{}",
        op, place));
}

void rebind(const Tensor& t, const Tensor& value) {
  if (!(t.cell()->spec() == value.cell()->spec()))
    throw_unlike(value.cell()->spec(), t.cell()->spec(),
                 fmt::format("an in-place operation would change {} to {}", t.cell()->spec().str(),
                             value.cell()->spec().str()));
  t.cell()->rebind(value.cell()->value());
  flush_at_boundary();
}

void flush_at_boundary() {
  RecordState& state = record_state();
  const FlushLimits& limits = flush_limits();
  if (state.capture || state.evaluating) return;
  if (state.pending.size() >= limits.nodes || state.pinned_nbytes >= limits.pinned_nbytes)
    evaluate_pending();
}

// -- Scopes
// -----------------------------------------------------------------------------------------

namespace {
void infer_placeholder(InferContext&) { throw InternalError("a placeholder is not inferred"); }
const OpDef kPlaceholder{.name = "placeholder", .infer = infer_placeholder};
}  // namespace

CaptureScope::CaptureScope()
    : previous_(record_state().capture), previous_grad_(record_state().grad_enabled) {
  record_state().capture = &nodes_;
  record_state().grad_enabled = false;
}

CaptureScope::~CaptureScope() {
  record_state().capture = previous_;
  record_state().grad_enabled = previous_grad_;
}

Tensor CaptureScope::placeholder(const TensorSpec& spec) {
  NodeRef node = Node::create({.op = &kPlaceholder,
                               .inputs = {},
                               .attrs = {},
                               .slots = {},
                               .outputs = {&spec, 1},
                               .requires_grad = false,
                               .site = {},
                               .outer_site = {}});
  return Cell::create({std::move(node), 0});
}

SiteScope::SiteScope(Site at) : opened_(!record_state().has_outer_site) {
  if (!opened_) return;
  record_state().has_outer_site = true;
  record_state().outer_site = at;
}

SiteScope::~SiteScope() {
  if (opened_) record_state().has_outer_site = false;
}

NoGradGuard::NoGradGuard() : previous_(record_state().grad_enabled) {
  record_state().grad_enabled = false;
}
NoGradGuard::~NoGradGuard() { record_state().grad_enabled = previous_; }
EnableGradGuard::EnableGradGuard() : previous_(record_state().grad_enabled) {
  record_state().grad_enabled = true;
}
EnableGradGuard::~EnableGradGuard() { record_state().grad_enabled = previous_; }
bool is_grad_enabled() { return record_state().grad_enabled; }

}  // namespace ingot
