#include "backend/cpu/program_kernel.h"
#include "core/ceil_div.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/cpu/loop_nest.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/tile_ops.h"
#include "core/convert.h"

namespace ingot::cpu {
namespace {

// Measured on a 32 KiB first-level cache: below 512 floats the calls show, above 1,024 the misses.
constexpr std::size_t kTileNumel = 1024;
constexpr std::size_t kMinTileNumel = 256;
constexpr std::size_t kTileBudgetNbytes = 24 * 1024;

// Where a register lives while a tile is worked on.
struct Place {
  enum class Kind : std::uint8_t {
    Buffer,   ///< tile buffer `index`
    Uniform,  ///< one element, cell `index`
    Input,    ///< directly in input `index`
    Output,   ///< directly in output `index`
  };
  Kind kind = Kind::Buffer;
  std::uint16_t index = 0;
};

// One thing done per tile (or once per chunk for uniform registers).
struct Action {
  enum class Kind : std::uint8_t { Gather, Call, Fill, Store };
  Kind kind = Kind::Call;
  std::uint16_t operand = 0;    ///< Gather: step input; Store: step output
  std::uint16_t nbytes = 0;     ///< Gather, Fill, Store: element size
  TileFunction call = nullptr;  ///< Call; Store: packs into the output's dtype
  TileFunction then = nullptr;  ///< Call: rounds the result
  Place a, b, c, out;
};

template <class T>
void gather_run(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count) {
  const T* source = reinterpret_cast<const T*>(from);
  T* target = reinterpret_cast<T*>(to);
  if (stride == 1) {
    std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(T));
  } else if (stride == 0) {
    std::fill_n(target, count, *source);
  } else {
    for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * stride];
  }
}

template <class T>
void scatter_run(const std::byte* from, std::byte* to, std::int64_t stride, std::int64_t count) {
  const T* source = reinterpret_cast<const T*>(from);
  T* target = reinterpret_cast<T*>(to);
  if (stride == 1) {
    std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < count; ++i) target[i * stride] = source[i];
  }
}

class ProgramKernel final : public Kernel {
 public:
  void run(const KernelArgs& args) const override {
    const std::int64_t numel = nest_.numel();
    if (numel == 0) return;
    if (num_chunks_ == 1) return run_chunk(args, 0, numel, static_cast<std::byte*>(args.workspace));
    const auto tile = static_cast<std::int64_t>(tile_numel_);
    const std::int64_t tiles = ceil_div(numel, tile);
    const auto edge = [&](std::int64_t chunk) {
      return std::min(numel,
                      (tiles / num_chunks_ * chunk + std::min(tiles % num_chunks_, chunk)) * tile);
    };
    // The chunks are as many as there were threads when the plan was made, each with scratch of
    // its own in the workspace: nothing is left to allocate, however many threads there are now.
    parallel_for(0, num_chunks_, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t chunk = first; chunk < last; ++chunk)
        run_chunk(args, edge(chunk), edge(chunk + 1),
                  static_cast<std::byte*>(args.workspace) +
                      static_cast<std::size_t>(chunk) * chunk_nbytes_);
    });
  }

  std::size_t workspace_nbytes() const override {
    return static_cast<std::size_t>(num_chunks_) * chunk_nbytes_;
  }
  std::size_t nbytes() const override {
    return sizeof(ProgramKernel) + (once_.size() + per_tile_.size()) * sizeof(Action) +
           slots_.size() * sizeof(SlotCell) + nest_.strides.size() * sizeof(LoopNest::Indices);
  }
  bool cannot_fail() const override { return true; }
  bool can_overwrite(int i, int o) const override {
    return overwritable_[static_cast<std::size_t>(i)] && outputs_flat_ &&
           input_dtypes_[static_cast<std::size_t>(i)] ==
               output_dtypes_[static_cast<std::size_t>(o)];
  }

  std::string describe() const override {
    return fmt::format("tile program, {} instructions, {} elements a tile", num_instructions_,
                       tile_numel_);
  }

 private:
  friend class Compiler;

  struct Frame {
    const KernelArgs& args;
    std::byte* buffers;
    std::byte* cells;
    std::size_t buffer_nbytes;
    std::int64_t first;
    std::size_t count;
  };

  static constexpr std::size_t kCellNbytes = 16;

  const std::byte* address(const Frame& f, Place p) const {
    switch (p.kind) {
      case Place::Kind::Buffer:
        return f.buffers + p.index * f.buffer_nbytes;
      case Place::Kind::Uniform:
        return f.cells + p.index * kCellNbytes;
      case Place::Kind::Input:
        return static_cast<const std::byte*>(f.args.inputs[p.index]) +
               f.first * static_cast<std::int64_t>(nbytes_of(input_dtypes_[p.index]));
      case Place::Kind::Output:
        break;
    }
    return static_cast<const std::byte*>(f.args.outputs[p.index]) +
           f.first * static_cast<std::int64_t>(nbytes_of(output_dtypes_[p.index]));
  }
  std::byte* writable(const Frame& f, Place p) const {
    return const_cast<std::byte*>(address(f, p));
  }

  void perform(const Action& action, const Frame& f) const {
    switch (action.kind) {
      case Action::Kind::Call: {
        std::byte* out = writable(f, action.out);
        const std::size_t count = action.out.kind == Place::Kind::Uniform ? 1 : f.count;
        action.call(address(f, action.a), address(f, action.b), address(f, action.c), out, count);
        if (action.then) action.then(out, nullptr, nullptr, out, count);
        break;
      }
      case Action::Kind::Gather: {
        const auto* from = static_cast<const std::byte*>(f.args.inputs[action.operand]);
        std::byte* to = writable(f, action.out);
        const std::size_t operand = num_outputs() + action.operand;
        const std::int64_t stride = nest_.inner_stride(operand);
        if (action.out.kind == Place::Kind::Uniform) {
          std::memcpy(to, from, action.nbytes);
          break;
        }
        visit_element_size(action.nbytes, [&]<class T>(T) {
          constexpr auto size = static_cast<std::int64_t>(sizeof(T));
          for_each_run(nest_, operand, f.first, f.first + static_cast<std::int64_t>(f.count),
                       [&](std::int64_t offset, std::int64_t at, std::int64_t count) {
                         gather_run<T>(from + offset * size, stride, to + (at - f.first) * size,
                                       count);
                       });
        });
        break;
      }
      case Action::Kind::Fill:
        visit_element_size(action.nbytes, [&]<class T>(T) {
          std::fill_n(reinterpret_cast<T*>(writable(f, action.out)), f.count,
                      *reinterpret_cast<const T*>(address(f, action.a)));
        });
        break;
      case Action::Kind::Store:
        store(action, f);
        break;
    }
  }

  void store(const Action& action, const Frame& f) const {
    const std::byte* from = address(f, action.a);
    auto* to = static_cast<std::byte*>(f.args.outputs[action.operand]);
    const std::size_t operand = action.operand;
    if (flat_outputs_[operand]) {
      to += f.first * static_cast<std::int64_t>(action.nbytes);
      if (action.call) {
        action.call(from, nullptr, nullptr, to, f.count);
      } else if (to != from) {
        std::memmove(to, from, f.count * action.nbytes);
      }
      return;
    }
    if (action.call) {  // packed first, then spread
      std::byte* packed = writable(f, action.out);
      action.call(from, nullptr, nullptr, packed, f.count);
      from = packed;
    }
    const std::int64_t stride = nest_.inner_stride(operand);
    visit_element_size(action.nbytes, [&]<class T>(T) {
      constexpr auto size = static_cast<std::int64_t>(sizeof(T));
      for_each_run(nest_, operand, f.first, f.first + static_cast<std::int64_t>(f.count),
                   [&](std::int64_t offset, std::int64_t at, std::int64_t count) {
                     scatter_run<T>(from + (at - f.first) * size, to + offset * size, stride,
                                    count);
                   });
    });
  }

  void run_chunk(const KernelArgs& args, std::int64_t first, std::int64_t last,
                 std::byte* scratch) const {
    const std::size_t count = std::min(tile_numel_, static_cast<std::size_t>(last - first));
    Frame f{args, scratch, nullptr, align64(count * element_nbytes_), first, count};
    f.cells = f.buffers + num_buffers_ * f.buffer_nbytes;
    for (const auto& [slot, dtype, cell] : slots_)
      write_scalar(args.slots[slot], dtype, f.cells + cell * kCellNbytes);
    for (const Action& action : once_) perform(action, f);
    for (; f.first < last; f.first += static_cast<std::int64_t>(tile_numel_)) {
      f.count = std::min(tile_numel_, static_cast<std::size_t>(last - f.first));
      for (const Action& action : per_tile_) perform(action, f);
    }
  }

  static void write_scalar(const Scalar& value, DType dtype, std::byte* cell) {
    visit_dtype(dtype, [&]<class T>(T) {
      if constexpr (std::is_arithmetic_v<T>) {
        const T v = convert_scalar<T>(value);
        std::memcpy(cell, &v, sizeof v);
      } else {  // reduced floats are held as float
        const auto v = static_cast<float>(convert_scalar<T>(value));
        std::memcpy(cell, &v, sizeof v);
      }
    });
  }

  std::size_t num_outputs() const { return output_dtypes_.size(); }

  struct SlotCell {
    std::uint16_t slot;
    DType dtype;
    std::uint16_t cell;
  };

  LoopNest nest_;  ///< operands: outputs, then inputs
  std::vector<DType> input_dtypes_, output_dtypes_;
  std::vector<bool> flat_outputs_, overwritable_;
  bool outputs_flat_ = true;
  std::size_t num_instructions_ = 0;
  std::size_t num_buffers_ = 0, num_cells_ = 0, element_nbytes_ = 8, tile_numel_ = kTileNumel;
  std::int64_t num_chunks_ = 1;
  std::size_t chunk_nbytes_ = 0;  ///< scratch of one chunk
  std::vector<SlotCell> slots_;
  std::vector<Action> once_, per_tile_;
};

// Turns a Program into actions: places for registers by their lives, uniform values computed once.
class Compiler {
 public:
  explicit Compiler(const StepDesc& step) : step_(step), code_(step.program->code) {}

  std::unique_ptr<Kernel> compile() {
    make_nest();
    find_roots();
    if (!choose_functions()) return nullptr;
    find_lives();
    place_and_emit();
    finish();
    return std::move(kernel_);
  }

 private:
  using Instruction = Program::Instruction;
  using Kind = Program::Kind;

  // What is known of a register before places are given.
  struct Info {
    std::uint16_t root = 0;  ///< another register whose value this one is (a cast to the same)
    bool uniform = false;
    bool filled = false;       ///< uniform, but wanted as a whole tile by some instruction
    bool direct = false;       ///< loads: used in the input's memory
    std::size_t last_use = 0;  ///< index of the last instruction that reads it
    TileFunction call = nullptr, then = nullptr;
    unsigned mask = 0;  ///< operands passed as one element
    Place place, fill_place;
  };

  std::size_t nbytes(std::size_t r) const { return nbytes_of(compute_dtype(code_[r].dtype)); }

  void make_nest() {
    auto& k = *kernel_;
    std::vector<const TensorDesc*> operands;
    for (const auto& t : step_.outputs) operands.push_back(&t);
    for (const auto& t : step_.inputs) operands.push_back(&t);
    k.nest_ = make_loop_nest(step_.outputs[0].shape, operands);
    for (const auto& t : step_.outputs) k.output_dtypes_.push_back(t.dtype);
    for (const auto& t : step_.inputs) k.input_dtypes_.push_back(t.dtype);
    for (std::size_t o = 0; o < step_.outputs.size(); ++o) {
      k.flat_outputs_.push_back(k.nest_.is_flat(o));
      k.outputs_flat_ = k.outputs_flat_ && k.flat_outputs_.back();
    }
    k.num_instructions_ = code_.size();
  }

  std::size_t operand_of_input(std::size_t input) const { return step_.outputs.size() + input; }

  static std::size_t operand(const Instruction& in, int i) {
    return i == 0 ? in.a : i == 1 ? in.b : in.c;
  }

  void find_roots() {
    info_.resize(code_.size());
    for (std::size_t r = 0; r < code_.size(); ++r) {
      Info& info = info_[r];
      const Instruction& in = code_[r];
      info.root = static_cast<std::uint16_t>(r);
      switch (in.kind) {
        case Kind::Load:
          info.uniform = kernel_->nest_.is_uniform(operand_of_input(in.index));
          info.direct = !info.uniform && !find_unpack(in.dtype) &&
                        kernel_->nest_.is_flat(operand_of_input(in.index));
          break;
        case Kind::Slot:
          info.uniform = true;
          break;
        case Kind::Compute:
          info.uniform = true;
          for (int i = 0; i < arity(in.op); ++i)
            info.uniform = info.uniform && info_[root(operand(in, i))].uniform;
          if (in.op == ScalarOp::Cast) {
            const DType from = code_[in.a].dtype;
            // Nothing to compute: the same dtype, or a reduced float seen as float.
            if (from == in.dtype || (is_reduced_float(from) && in.dtype == DType::Float32))
              info.root = info_[in.a].root;
          }
          break;
      }
    }
  }

  std::size_t root(std::size_t r) const { return info_[r].root; }
  bool is_alias(std::size_t r) const { return info_[r].root != r; }

  bool choose_functions() {
    for (std::size_t r = 0; r < code_.size(); ++r) {
      const Instruction& in = code_[r];
      if (in.kind != Kind::Compute || is_alias(r)) continue;
      Info& info = info_[r];
      info.then = find_round(in.dtype);
      if (in.op == ScalarOp::Cast) {
        info.call = find_cast(compute_dtype(code_[in.a].dtype), compute_dtype(in.dtype));
        if (!info.call) std::swap(info.call, info.then);  // float to a reduced float: round only
      } else {
        const std::size_t typed = in.op == ScalarOp::Where ? in.b : in.a;
        const DType t = compute_dtype(code_[typed].dtype);
        if (!info.uniform)
          for (int i = 0; i < arity(in.op); ++i)
            if (info_[root(operand(in, i))].uniform) info.mask |= 1u << i;
        info.call = find_tile_function(in.op, t, info.mask);
        if (!info.call && info.mask != 0) {
          info.mask = 0;
          info.call = find_tile_function(in.op, t);
        }
      }
      if (!info.call) return false;
    }
    return true;
  }

  void find_lives() {
    for (std::size_t r = 0; r < code_.size(); ++r) {
      const Instruction& in = code_[r];
      if (in.kind == Kind::Compute && !is_alias(r))
        for (int i = 0; i < arity(in.op); ++i) {
          Info& read = info_[root(operand(in, i))];
          read.last_use = r;
          if (read.uniform && !info_[r].uniform && !(info_[r].mask >> i & 1u)) read.filled = true;
        }
    }
    last_input_read_ = 0;
    for (std::size_t r = 0; r < code_.size(); ++r)
      if (code_[r].kind == Kind::Load && !info_[r].uniform)
        last_input_read_ = std::max(last_input_read_, info_[r].direct ? info_[r].last_use : r);
    for (const std::uint16_t s : step_.program->stores) {
      Info& stored = info_[root(s)];
      stored.last_use = code_.size();
      if (stored.uniform) stored.filled = true;
    }
  }

  std::uint16_t take_buffer() {
    if (!free_buffers_.empty()) {
      const std::uint16_t b = free_buffers_.back();
      free_buffers_.pop_back();
      return b;
    }
    return static_cast<std::uint16_t>(kernel_->num_buffers_++);
  }

  Place new_cell() {
    return {Place::Kind::Uniform, static_cast<std::uint16_t>(kernel_->num_cells_++)};
  }

  // Uniform values come first and keep their places; filled ones keep a tile.
  void emit_uniform(std::size_t r) {
    auto& k = *kernel_;
    const Instruction& in = code_[r];
    Info& info = info_[r];
    info.place = new_cell();
    switch (in.kind) {
      case Kind::Load: {
        Action load{Action::Kind::Gather, in.index,
                    static_cast<std::uint16_t>(nbytes_of(in.dtype))};
        load.out = info.place;
        k.once_.push_back(load);
        if (const TileFunction unpack = find_unpack(in.dtype)) {
          Action convert{Action::Kind::Call};
          convert.call = unpack;
          convert.a = convert.b = convert.c = info.place;
          convert.out = info.place = new_cell();
          k.once_.push_back(convert);
        }
        break;
      }
      case Kind::Slot:
        k.slots_.push_back({in.index, in.dtype, info.place.index});
        break;
      case Kind::Compute:
        k.once_.push_back(call_action(r));
        break;
    }
    if (info.filled) {
      Action fill{Action::Kind::Fill};
      fill.nbytes = static_cast<std::uint16_t>(nbytes(r));
      fill.a = info.place;
      fill.out = info.fill_place = {Place::Kind::Buffer, take_buffer()};
      k.once_.push_back(fill);
    }
  }

  Action call_action(std::size_t r) const {
    const Instruction& in = code_[r];
    const Info& info = info_[r];
    Action call{Action::Kind::Call};
    call.call = info.call;
    call.then = info.then;
    call.out = info.place;
    Place* const places[] = {&call.a, &call.b, &call.c};
    for (int i = 0; i < 3; ++i) {
      const Info& read = info_[root(operand(in, i < arity(in.op) ? i : 0))];
      const bool as_tile = read.uniform && !info.uniform && !(info.mask >> i & 1u);
      *places[i] = as_tile ? read.fill_place : read.place;
    }
    return call;
  }

  void release(std::size_t r) {
    const Info& info = info_[r];
    if (!info.uniform && info.place.kind == Place::Kind::Buffer)
      free_buffers_.push_back(info.place.index);
  }

  // Buffers whose values the instruction at r reads for the last time.
  std::vector<std::size_t> dying_at(std::size_t r) const {
    std::vector<std::size_t> dying;
    const Instruction& in = code_[r];
    for (int i = 0; i < arity(in.op); ++i) {
      const std::size_t o = root(operand(in, i));
      if (info_[o].last_use == r && std::find(dying.begin(), dying.end(), o) == dying.end())
        dying.push_back(o);
    }
    return dying;
  }

  // The output that instruction r may write itself: flat, of the compute dtype, and nothing that
  // may share its memory is read later.
  int direct_output(std::size_t r) const {
    if (r < last_input_read_ || find_pack(code_[r].dtype)) return -1;
    const auto& stores = step_.program->stores;
    for (std::size_t o = 0; o < stores.size(); ++o)
      if (root(stores[o]) == r && kernel_->flat_outputs_[o]) return static_cast<int>(o);
    return -1;
  }

  void place_and_emit() {
    auto& k = *kernel_;
    for (std::size_t r = 0; r < code_.size(); ++r)
      if (info_[r].uniform && !is_alias(r)) emit_uniform(r);
    for (std::size_t r = 0; r < code_.size(); ++r) {
      Info& info = info_[r];
      if (info.uniform || is_alias(r)) continue;
      if (code_[r].kind == Kind::Load) {
        emit_load(r);
        continue;
      }
      const auto dying = dying_at(r);
      for (const std::size_t o : dying)
        if (nbytes(o) == nbytes(r)) release(o);
      const int output = direct_output(r);
      info.place = output >= 0 ? Place{Place::Kind::Output, static_cast<std::uint16_t>(output)}
                               : Place{Place::Kind::Buffer, take_buffer()};
      k.per_tile_.push_back(call_action(r));
      for (const std::size_t o : dying)
        if (nbytes(o) != nbytes(r)) release(o);
      if (info.last_use == 0) release(r);  // a result that nobody reads
    }
    emit_stores();
  }

  void emit_load(std::size_t r) {
    auto& k = *kernel_;
    const Instruction& in = code_[r];
    Info& info = info_[r];
    if (info.last_use == 0) return;
    if (info.direct) {
      info.place = {Place::Kind::Input, in.index};
      return;
    }
    const TileFunction unpack = find_unpack(in.dtype);
    const bool flat = k.nest_.is_flat(operand_of_input(in.index));
    Place from{Place::Kind::Input, in.index};
    if (!flat) {
      Action gather{Action::Kind::Gather, in.index,
                    static_cast<std::uint16_t>(nbytes_of(in.dtype))};
      gather.out = from = {Place::Kind::Buffer, take_buffer()};
      k.per_tile_.push_back(gather);
    }
    info.place = from;
    if (unpack) {
      Action convert{Action::Kind::Call};
      convert.call = unpack;
      convert.a = convert.b = convert.c = from;
      convert.out = info.place = {Place::Kind::Buffer, take_buffer()};
      k.per_tile_.push_back(convert);
      if (!flat) free_buffers_.push_back(from.index);
    }
  }

  void emit_stores() {
    auto& k = *kernel_;
    const auto& stores = step_.program->stores;
    for (std::size_t o = 0; o < stores.size(); ++o) {
      const Info& info = info_[root(stores[o])];
      Action store{Action::Kind::Store, static_cast<std::uint16_t>(o)};
      store.nbytes = static_cast<std::uint16_t>(nbytes_of(step_.outputs[o].dtype));
      store.a = info.uniform ? info.fill_place : info.place;
      if (store.a.kind == Place::Kind::Output && store.a.index == o) continue;
      store.call = find_pack(step_.outputs[o].dtype);
      if (store.call && !k.flat_outputs_[o])
        store.out = {Place::Kind::Buffer, static_cast<std::uint16_t>(k.num_buffers_++)};
      k.per_tile_.push_back(store);
    }
  }

  void finish() {
    auto& k = *kernel_;
    k.element_nbytes_ = 1;
    for (std::size_t r = 0; r < code_.size(); ++r)
      k.element_nbytes_ = std::max({k.element_nbytes_, nbytes(r), nbytes_of(code_[r].dtype)});
    const std::size_t nbytes_per_element =
        std::max<std::size_t>(1, k.num_buffers_ * k.element_nbytes_);
    k.tile_numel_ =
        std::clamp(kTileBudgetNbytes / nbytes_per_element / 128 * 128, kMinTileNumel, kTileNumel);
    const auto tile = static_cast<std::int64_t>(k.tile_numel_);
    const std::int64_t tiles = ceil_div(k.nest_.numel(), tile), grain = grain_for(tile);
    if (tiles > grain)
      k.num_chunks_ = std::min<std::int64_t>(num_threads(), ceil_div(tiles, grain));
    const std::size_t count = std::min(k.tile_numel_, static_cast<std::size_t>(k.nest_.numel()));
    k.chunk_nbytes_ = align64(k.num_buffers_ * align64(count * k.element_nbytes_) +
                              k.num_cells_ * ProgramKernel::kCellNbytes);
    // A store that copies straight from an input could meet memory that an earlier store has
    // overwritten.
    bool copies_input = false;
    for (const std::uint16_t s : step_.program->stores)
      copies_input = copies_input || code_[root(s)].kind == Kind::Load;
    for (std::size_t i = 0; i < step_.inputs.size(); ++i)
      k.overwritable_.push_back(!copies_input && k.nest_.is_flat(operand_of_input(i)));
  }

  const StepDesc& step_;
  const std::vector<Instruction>& code_;
  std::unique_ptr<ProgramKernel> kernel_ = std::make_unique<ProgramKernel>();
  std::vector<Info> info_;
  std::vector<std::uint16_t> free_buffers_;
  std::size_t last_input_read_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> lower_program(const StepDesc& step) {
  const Program& program = *step.program;
  if (program.code.size() == 1 && program.code[0].kind == Program::Kind::Load &&
      step.outputs.size() == 1 && program.code[0].index == 0)
    if (auto copy = lower_copy(step.inputs[0], step.outputs[0])) return copy;
  return Compiler(step).compile();
}

void choose_program_layouts(StepDesc& step) {
  for (const TensorDesc& in : step.inputs) {
    if (in.shape != step.outputs[0].shape || in.is_contiguous() || !in.is_dense()) continue;
    for (TensorDesc& out : step.outputs) out.strides = in.strides;
    return;
  }
}

}  // namespace ingot::cpu
