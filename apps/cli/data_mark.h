// What a run remembers of its data, so that it is not resumed with others.
#pragma once

#include <string>
#include <vector>

#include <ingot/data/dataset.h>

namespace ingot::cli {

/// JSON: the numbers of training and test samples, the names of the classes, and a checksum of
/// some of their labels, which tells data sets of one size apart. The images' values are left out:
/// they may come by another transform.
std::string data_mark(const data::Dataset& train, const data::Dataset& test,
                      const std::vector<std::string>& classes);

/// What differs between two marks, for people; empty when nothing does.
std::string data_difference(const std::string& saved, const std::string& now);

}  // namespace ingot::cli
