#include <ingot/profile/profile_result.h>

#include <ingot/io/atomic_file.h>

#include "profile/data.h"

namespace ingot {

ProfileResult::ProfileResult() : data_(std::make_shared<const profiling::Data>()) {}
ProfileResult::ProfileResult(std::shared_ptr<const profiling::Data> data)
    : data_(std::move(data)) {}

const std::vector<ProfileRow>& ProfileResult::rows() const { return data_->rows; }
const std::vector<ProfileStep>& ProfileResult::steps() const { return data_->steps; }
const std::vector<ProfileMemory>& ProfileResult::memory() const { return data_->memory; }
bool ProfileResult::first_is_apart() const { return data_->first_is_apart(); }
std::int64_t ProfileResult::events_left_out() const { return data_->events_left_out; }

void ProfileResult::export_chrome_trace(const std::filesystem::path& path) const {
  io::AtomicFile file(path);
  file.write(chrome_trace());
  file.commit();
}

}  // namespace ingot
