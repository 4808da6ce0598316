#include "pipeline/verify_report.h"

namespace hirestream {
namespace {

constexpr size_t kSampleMax = 20;

Measures value_in(const Contribution& list, const CellKey& key) {
  const Cell* cell = find_cell(list, key);
  return cell == nullptr ? Measures{} : cell->measures;
}

}  // namespace

std::string slice_name(const LedgerEntry& entry) {
  return entry.name.empty()
             ? "slice " + std::to_string(entry.key.shard) + "/" + std::to_string(entry.key.bucket)
             : entry.name;
}

void name_slice(VerifyReport& report, const LedgerEntry& entry) {
  if (report.slices_named.size() < kSampleMax) {
    report.slices_named.push_back(slice_name(entry));
  }
}

void note_cells(VerifyReport& report, const Contribution& cells, const Contribution& expected,
                const Contribution& found, const std::string& where) {
  for (const Cell& cell : cells) {
    if (report.sample.size() >= kSampleMax) {
      return;
    }
    report.sample.push_back(
        {cell.key, value_in(expected, cell.key), value_in(found, cell.key), where});
  }
}

void note_differences(VerifyReport& report, const Contribution& expected, const Contribution& found,
                      const std::string& where) {
  note_cells(report, difference(expected, found), expected, found, where);
}

}  // namespace hirestream
