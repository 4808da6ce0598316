#include "kernel/parts.h"

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "aggregation/tally.h"
#include "kernel/arrow_abi_internal.h"
#include "model/row_id.h"

namespace hirestream {
namespace {

struct Field {
  const char* format;
  const char* name;
};
constexpr std::array<Field, 12> kFields = {{{"tdD", "dates"},
                                            {"c", "hours"},
                                            {"l", "job_id"},
                                            {"l", "publisher_id"},
                                            {"l", "campaign_id"},
                                            {"l", "group_id"},
                                            {"l", "impressions"},
                                            {"l", "clicks"},
                                            {"l", "conversions"},
                                            {"l", "qualified"},
                                            {"l", "unqualified"},
                                            {"l", "bid_micros"}}};
constexpr size_t kDates = 0;
constexpr size_t kHours = 1;
constexpr size_t kFirstNumber = 2;  // all columns behind

// What an exported batch and each of its columns share: a column may be moved out of the batch and
// outlive it.
struct CellColumns {
  std::vector<int32_t> dates;
  std::vector<int8_t> hours;
  std::array<std::vector<int64_t>, kFields.size() - kFirstNumber> numbers;
  std::array<ArrowArray, kFields.size()> arrays = {};
  std::array<ArrowArray*, kFields.size()> links = {};
  std::array<std::array<const void*, 2>, kFields.size()> buffers = {};
  std::array<const void*, 1> no_buffers = {};
};
struct CellFields {
  std::array<ArrowSchema, kFields.size()> schemas = {};
  std::array<ArrowSchema*, kFields.size()> links = {};
};

using SharedColumns = std::shared_ptr<CellColumns>;

// Structures lie in their parent, but for those that were moved out of it.
template <typename Structure>
void release_children(const Structure& parent) {
  for (int64_t i = 0; i < parent.n_children; ++i) {
    if (parent.children[i]->release != nullptr) {
      parent.children[i]->release(parent.children[i]);
    }
  }
}

void release_array(ArrowArray* array) {
  const std::unique_ptr<SharedColumns> columns(static_cast<SharedColumns*>(array->private_data));
  release_children(*array);
  array->release = nullptr;
}

// Its texts live for ever.
void release_field(ArrowSchema* field) {
  field->release = nullptr;
}

void release_schema(ArrowSchema* schema) {
  const std::unique_ptr<CellFields> fields(static_cast<CellFields*>(schema->private_data));
  release_children(*schema);
  schema->release = nullptr;
}

// Parts of one slice: their cells lie one behind the other.
bool is_canonical(std::span<const SlicePart> parts) {
  const Cell* last = nullptr;
  for (const SlicePart& part : parts) {
    if (part.contribution.empty()) {
      continue;
    }
    if (!is_canonical(part.contribution) ||
        (last != nullptr && !(last->key < part.contribution.front().key))) {
      return false;
    }
    last = &part.contribution.back();
  }
  return true;
}

void reserve(size_t cells, CellColumns& columns) {
  columns.dates.reserve(cells);
  columns.hours.reserve(cells);
  for (auto& numbers : columns.numbers) {
    numbers.reserve(cells);
  }
}

void fill(const Contribution& cells, CellColumns& columns) {
  for (const auto& [key, measures] : cells) {
    columns.dates.push_back(key.days());
    columns.hours.push_back(static_cast<int8_t>(key.hour()));
    const std::array<int64_t, 10> numbers = {
        key.job_id,           key.publisher_id,   key.campaign_id,      key.group_id,
        measures.impressions, measures.clicks,    measures.conversions, measures.qualified,
        measures.unqualified, measures.bid_micros};
    for (size_t i = 0; i < numbers.size(); ++i) {
      columns.numbers[i].push_back(numbers[i]);
    }
  }
}

void export_array(const SharedColumns& columns, int64_t rows, ArrowArray& array) {
  for (size_t i = 0; i < kFields.size(); ++i) {
    const void* data = i == kDates   ? static_cast<const void*>(columns->dates.data())
                       : i == kHours ? static_cast<const void*>(columns->hours.data())
                                     : columns->numbers[i - kFirstNumber].data();
    columns->buffers[i] = {nullptr, data};
    columns->arrays[i] = {.length = rows,
                          .n_buffers = 2,
                          .buffers = columns->buffers[i].data(),
                          .release = release_array,
                          .private_data = new SharedColumns(columns)};
    columns->links[i] = &columns->arrays[i];
  }
  array = {.length = rows,
           .n_buffers = 1,
           .n_children = kFields.size(),
           .buffers = columns->no_buffers.data(),
           .children = columns->links.data(),
           .release = release_array,
           .private_data = new SharedColumns(columns)};
}

void export_schema(ArrowSchema& schema) {
  auto fields = std::make_unique<CellFields>();
  for (size_t i = 0; i < kFields.size(); ++i) {
    fields->schemas[i] = {
        .format = kFields[i].format, .name = kFields[i].name, .release = release_field};
    fields->links[i] = &fields->schemas[i];
  }
  schema = {.format = "+s",
            .name = "",
            .n_children = kFields.size(),
            .children = fields->links.data(),
            .release = release_schema};
  schema.private_data = fields.release();
}

}  // namespace

std::string parts_summary(std::span<const SlicePart> parts, const std::string& missing_columns) {
  std::set<SliceKey> slices;
  RowDigest digest;
  RowClasses classes;
  NotCountedKinds kinds;
  int64_t cells = 0;
  auto rejects = nlohmann::json::array();
  for (const SlicePart& part : parts) {
    slices.insert(part.key);
    digest += part.digest;
    classes += part.classes;
    cells += static_cast<int64_t>(part.contribution.size());
    for (const NotCounted& kind : part.not_counted) {
      kinds.add(kind);
    }
    for (const RejectedRow& reject : part.rejects) {
      if (rejects.size() < kRejectsPerSliceMax) {
        rejects.push_back({{"id", format_uuid(reject.id)},
                           {"reason", reject.reason},
                           {"column", reject.column},
                           {"value", reject.value}});
      }
    }
  }
  nlohmann::json out = {{"slices", slices.size()},
                        {"rows", digest.rows},
                        {"hash", digest.hash},
                        {"cells", cells},
                        {"counted", classes.counted},
                        {"unattributed", classes.unattributed},
                        {"other_kinds", classes.other},
                        {"rejected", classes.rejected},
                        {"missing_columns", missing_columns},
                        {"kinds", nlohmann::json::array()},
                        {"rejects", std::move(rejects)}};
  for (const NotCounted& kind : kinds.by_rows()) {
    out["kinds"].push_back(
        {{"class", class_name(kind.why)}, {"kind", kind.kind}, {"rows", kind.rows}});
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<void> export_cells(std::span<const SlicePart> parts, ArrowSchema& schema,
                          ArrowArray& array) {
  size_t size = 0;
  for (const SlicePart& part : parts) {
    size += part.contribution.size();
  }
  const auto columns = std::make_shared<CellColumns>();
  reserve(size, *columns);
  if (is_canonical(parts)) {
    for (const SlicePart& part : parts) {
      fill(part.contribution, *columns);
    }
  } else {
    Contribution cells;
    cells.reserve(size);
    for (const SlicePart& part : parts) {
      cells.insert(cells.end(), part.contribution.begin(), part.contribution.end());
    }
    if (!try_canonicalize(cells)) {
      return fail(ErrorKind::kRejected, "add up cells", "bid",
                  "the bids of a cell add up to more than 9.2 × 10¹²: one of them must be wrong",
                  "correct or delete those rows");
    }
    fill(cells, *columns);
  }
  const auto rows = static_cast<int64_t>(columns->dates.size());
  export_array(columns, rows, array);
  export_schema(schema);
  return {};
}

}  // namespace hirestream
