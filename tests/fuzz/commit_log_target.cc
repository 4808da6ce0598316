// Input: one byte that chooses a mutation, a segment's sections, a segment file, or a position.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "adapters/cassandra/commit_log/log_position.h"
#include "adapters/cassandra/commit_log/log_schema.h"
#include "adapters/cassandra/commit_log/mutation_reader.h"
#include "adapters/cassandra/commit_log/section_codec.h"
#include "adapters/cassandra/commit_log/segment_reader.h"
#include "adapters/cassandra/commit_log/segment_writer_test.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch_folder.h"

namespace hirestream {
namespace {

// Ids are one letter, so that a mutation finds them.
LogTable table_of(char id, std::vector<std::string> partition_key) {
  LogTable table;
  table.id.fill(static_cast<uint8_t>(id));
  table.keyspace = "k";
  table.name = std::string(1, id);
  table.partition_key = std::move(partition_key);
  for (const auto& [name, type] :
       {std::pair("a", "int"), std::pair("b", "text"), std::pair("c", "list<int>"),
        std::pair("d", "bigint"), std::pair("e", "boolean"), std::pair("p", "text"),
        std::pair("q", "int")}) {
    table.columns[name] = {cell_layout(type), type};
  }
  return table;
}

const LogSchema& schema() {
  static const LogSchema kMade = [] {
    LogSchema schema;
    schema.add(table_of('A', {"p"}));
    schema.add(table_of('B', {"p", "q"}));
    LogTable clustered = table_of('C', {"p"});
    clustered.clustering = {cell_layout("int"), cell_layout("text")};
    clustered.clustering_names = {"q", "b"};
    schema.add(clustered);
    LogTable wide = table_of('W', {"p"});
    for (int i = 0; i < 80; ++i) {
      wide.columns["w" + std::to_string(i)] = {cell_layout("int"), "int"};
    }
    schema.add(wide);
    return schema;
  }();
  return kMade;
}

struct Seen {
  size_t rows = 0;
  size_t bytes = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::pair<MutationOutcome, Seen> read_mutation(MutationReader& reader, Bytes entry) {
  Seen seen;
  const auto outcome = reader.read(entry, [&](const LogRow& row) {
    ++seen.rows;
    for (const LogBytes part : row.partition_key) seen.bytes += part.size();
    for (const auto& part : row.clustering) seen.bytes += part ? part->size() : 0;
    for (const LogCell& cell : row.cells) {
      // Every byte is read: a sanitizer sees one that is not the entry's.
      for (const uint8_t byte : cell.value) seen.bytes += 1 + byte / 256;
      FUZZ_REQUIRE(row.table->columns.contains(cell.column));
    }
  });
  return {outcome, seen};
}

void check_mutation(InputReader& input) {
  const char names[] = {'A', 'B', 'C', 'W'};
  const LogTable* followed =
      schema().find("k", std::string_view(&names[input.byte() % std::size(names)], 1));
  MutationReader reader(schema(), *followed);
  const Bytes entry = input.rest();
  const auto [outcome, seen] = read_mutation(reader, entry);
  FUZZ_REQUIRE(outcome == MutationOutcome::kRead || seen == Seen());
  FUZZ_REQUIRE(seen.rows <= entry.size());
  FUZZ_REQUIRE((read_mutation(reader, entry) == std::pair(outcome, seen)));
  const bool told = outcome == MutationOutcome::kRead || outcome == MutationOutcome::kOfOthers;
  FUZZ_REQUIRE(told || !reader.problem().empty());
  if (outcome != MutationOutcome::kRead) return;
  // It is understood to its last byte: neither less nor more is the same entry.
  FUZZ_REQUIRE(read_mutation(reader, entry.first(entry.size() - 1)).first != outcome);
  std::vector<uint8_t> longer(entry.begin(), entry.end());
  longer.push_back(0);
  FUZZ_REQUIRE(read_mutation(reader, longer).first == MutationOutcome::kMalformed);
}

void check_sections(InputReader& input) {
  const auto compression = static_cast<SectionCompression>(input.byte() % 5);
  const size_t size = input.integer<uint32_t>() % (1U << 20);
  std::vector<uint8_t> plain;
  if (decompress_section(compression, input.rest(), size, plain)) {
    FUZZ_REQUIRE(plain.size() == size && size > 0);
  }
}

struct Told {
  std::vector<std::string> entries;
  std::vector<SegmentPlace> places;
  bool refused = false;
};

// To its end; a damaged section is looked at often before it is passed over.
Told read_segment(const std::string& path, LogVisibility visibility, SegmentPlace place = {}) {
  Told told;
  const auto reader = SegmentReader::open(path, visibility, place);
  FUZZ_REQUIRE(reader.has_value());
  int waits = 0;
  while (waits < 310) {
    const auto step = (*reader)->next();
    if (!step) {
      FUZZ_REQUIRE(step.error().kind == ErrorKind::kConfig);
      told.refused = true;
      return told;
    }
    waits = *step == SegmentReader::Step::kWait ? waits + 1 : 0;
    if (*step == SegmentReader::Step::kEntry) {
      told.entries.emplace_back((*reader)->entry().begin(), (*reader)->entry().end());
      told.places.push_back((*reader)->place());
    }
  }
  return told;
}

// A header and, by turns, what the input says: entries, markers, other bytes.
std::string made_segment(InputReader& input, int64_t id, std::string_view parameters) {
  test::SegmentBytes segment(id, 7, parameters);
  while (!input.empty()) {
    const uint8_t what = input.byte();
    if (what % 4 == 0) {
      segment.close_section();
    } else if (what % 4 == 1) {
      segment.bytes += as_text(input.take(what / 4));
    } else {
      segment.add(as_text(input.take(what / 4)));
    }
  }
  return segment.bytes;
}

void check_segment(InputReader& input) {
  static const ScratchFolder kScratch;
  constexpr int64_t kId = 4711;
  constexpr std::string_view kParameters[] = {"{}", R"({"compressionClass":"LZ4Compressor"})",
                                              R"({"compressionClass":"SnappyCompressor"})"};
  const uint8_t how = input.byte();
  const std::string bytes = how % 4 == 3 ? std::string(as_text(input.rest()))
                                         : made_segment(input, kId, kParameters[how % 4]);
  const std::string path = kScratch.write(
      "CommitLog-7-4711.log", {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const Told marked = read_segment(path, LogVisibility::kMarker);
  const Told tail = read_segment(path, LogVisibility::kTail);
  FUZZ_REQUIRE(marked.entries.size() <= bytes.size() || how % 4 != 0);
  FUZZ_REQUIRE(marked.refused == tail.refused);
  // The tail shows what is marked, and perhaps more behind it.
  FUZZ_REQUIRE(marked.entries.size() <= tail.entries.size());
  FUZZ_REQUIRE(std::equal(marked.entries.begin(), marked.entries.end(), tail.entries.begin()));
  if (marked.entries.empty()) return;
  // From any place the rest comes.
  const size_t cut = marked.entries.size() / 2;
  const Told rest = read_segment(path, LogVisibility::kMarker, marked.places[cut]);
  FUZZ_REQUIRE(rest.entries.size() == marked.entries.size() - cut - 1);
  FUZZ_REQUIRE(std::equal(rest.entries.begin(), rest.entries.end(),
                          marked.entries.begin() + static_cast<ptrdiff_t>(cut) + 1));
}

void check_position(InputReader& input) {
  const std::string text(as_text(input.rest()));
  if (const auto position = LogPosition::parse(text)) {
    FUZZ_REQUIRE(LogPosition::parse(position->text()) == position);
  }
}

}  // namespace

void fuzz_commit_log(Bytes bytes) {
  InputReader input(bytes);
  switch (input.byte() % 4) {
    case 0:
      return check_mutation(input);
    case 1:
      return check_sections(input);
    case 2:
      return check_segment(input);
    default:
      return check_position(input);
  }
}

}  // namespace hirestream
