// The passes that turn a batch into a plan, and the table in which they stand. A new one is a file
// `plan/x.cpp` with `void x(Draft&)`, its declaration below and its row in passes.cpp; if it fills
// in a part of the draft that was not there, the part's checks go into plan/check.cpp and its text
// into plan/draft.cpp.
//
// INGOT_DUMP=group,layout (or `all`) prints the draft after these passes to stderr.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "plan/draft.h"

namespace ingot::plan {

struct Pass {
  std::string_view name;
  void (*run)(Draft&);
};
/// In the order in which they run.
std::span<const Pass> passes();

/// Runs all passes up to and including `last`. Builds without NDEBUG check the draft after each.
void run_passes(Draft& draft, std::string_view last = passes().back().name);

/// The step of the batch's plan that makes output `flat_output` of the batch, as the draft prints
/// it; empty if none does. Plans anew: for messages.
std::string step_that_makes(const Batch& batch, const Backend& backend, std::size_t flat_output);

/// What INGOT_DUMP says, or a test.
std::string& dump_request();
/// Whether the request ("group,layout", "all", "") names the pass. Throws ValueError with the names
/// there are if it names one that is not.
bool asks_for(std::string_view request, std::string_view pass);

// -- The passes -----------------------------------------------------------------------------------

/// Translates the batch. Aliases vanish; ops that the backend has no kernel for become their
/// expansion.
void expand(Draft& draft);
/// Merges equal pure nodes, drops nodes whose results nobody needs.
void simplify(Draft& draft);
/// Where a node reads what is in another device's memory, a transfer goes in between; with several
/// devices, nodes are put into an order of few changes from one to another.
void place(Draft& draft);
/// Joins elementwise nodes of one shape, if the backend wants that, and finds out which values must
/// be stored.
void group(Draft& draft);
/// Makes the Program of each elementwise group; numbers become slots of it.
void make_programs(Draft& draft);
/// Gives every value a place: views become strides, the backend chooses memory orders, and where a
/// step wants another one than a value has, a copy goes in between.
void lay_out(Draft& draft);
/// Asks the backend for each step's kernel.
void lower(Draft& draft);
/// Decides which outputs are written over what nobody reads later.
void donate(Draft& draft);
/// Gives temporaries and workspaces their offsets in the arena.
void assign_memory(Draft& draft);

}  // namespace ingot::plan
