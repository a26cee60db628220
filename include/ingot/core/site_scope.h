// SiteScope: shows the user's line beside the place inside a module's forward.
#pragma once

#include <ingot/core/site.h>

namespace ingot {

/// While it lives, operations recorded on this thread also name `at` ("called from"). Scopes nest;
/// the outermost one wins, because that is the user's own line.
class SiteScope {
 public:
  explicit SiteScope(Site at);
  ~SiteScope();
  SiteScope(const SiteScope&) = delete;
  SiteScope& operator=(const SiteScope&) = delete;

 private:
  bool opened_;
};

}  // namespace ingot
