// Numbers as transformers' log shows them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ingot::glue {

/// 1234567 -> "1,234,567".
std::string with_commas(std::int64_t number);
/// At most four significant digits: "0.6931", "1e-05".
std::string short_number(double value);
/// {'loss': '0.6931', 'epoch': '0.67'}: the usual names first, the epoch last.
std::string log_line(const std::map<std::string, double>& values);
/// Lines of metrics by name: rounded to four digits, times as h:mm:ss.cc, operations in GF.
std::string metrics_block(const std::string& title, const std::map<std::string, double>& metrics);
/// The same metrics as a JSON object, four blanks deep.
std::string metrics_json(const std::map<std::string, double>& metrics);

}  // namespace ingot::glue
