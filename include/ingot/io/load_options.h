// LoadOptions: how files of torch.save are read.
#pragma once

namespace ingot {

struct LoadOptions {
  /// A pickle may hold objects of any Python class (numpy scalars, argparse.Namespace, paths,
  /// dates). Ingot makes none of them. False: such a file is refused, naming the class. True: each
  /// becomes a PthValue of kind Other, and so does a tensor of a kind that Ingot has not got (a
  /// sparse one, say), so that the rest can be used. Nothing in a file is executed either way.
  bool skip_objects = false;
};

}  // namespace ingot
