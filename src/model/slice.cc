#include "model/slice.h"

namespace hirestream {

RowClasses& RowClasses::operator+=(const RowClasses& classes) {
  counted += classes.counted;
  unattributed += classes.unattributed;
  other += classes.other;
  rejected += classes.rejected;
  too_late += classes.too_late;
  return *this;
}

}  // namespace hirestream
