#include "ports/event_source.h"
#include "ports/observer.h"

namespace hirestream {

std::string_view strategy_name(Strategy strategy) {
  switch (strategy) {
    case Strategy::kTail:
      return "tail";
    case Strategy::kScan:
      return "scan";
    case Strategy::kFollow:
      return "follow";
    case Strategy::kFiles:
      return "files";
  }
  HIRESTREAM_CHECK(false);
}

std::string_view slice_event_name(SliceEvent event) {
  switch (event) {
    case SliceEvent::kOpened:
      return "opened";
    case SliceEvent::kSettled:
      return "settled";
    case SliceEvent::kAudited:
      return "audited";
    case SliceEvent::kCorrected:
      return "corrected";
    case SliceEvent::kFrozen:
      return "frozen";
    case SliceEvent::kHeld:
      return "held";
    case SliceEvent::kReleased:
      return "released";
    case SliceEvent::kConflict:
      return "conflict";
  }
  HIRESTREAM_CHECK(false);
}

}  // namespace hirestream
