#include "adapters/cassandra/commit_log/commit_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace hirestream {
namespace {

// A node that was started again numbers its segments from the time on, in milliseconds, and it
// cannot be started twice within this time; without a start they are numbered one by one.
constexpr int64_t kRestartIdsMin = 1'500;
constexpr size_t kGoneTablesMax = 10'000;

Result<void> delete_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_for_now("delete read segment", path, std::strerror(errno),
                        "whoever runs the mirror must be allowed to write into the folder");
  }
  return {};
}

}  // namespace

CommitLog::CommitLog(CommitLogOptions options) : options_(std::move(options)) {}

CommitLog::~CommitLog() = default;

Result<std::unique_ptr<CommitLog>> CommitLog::open(CommitLogOptions options) {
  std::unique_ptr<CommitLog> log(new CommitLog(std::move(options)));
  HIRESTREAM_TRY(log->reload_schema());
  log->gap_.reset();
  HIRESTREAM_TRY(log->segment_files());
  return log;
}

Result<void> CommitLog::reload_schema() {
  HIRESTREAM_ASSIGN(LogSchema schema, options_.load_schema());
  ++counts_.schema_loads;
  const LogTable* table = schema.find(options_.keyspace, options_.table);
  if (table == nullptr) {
    return fail_for_now("follow commit log",
                        fmt::format("{}.{}", options_.keyspace, options_.table),
                        "there is no such table");
  }
  const TableId id = table->id;
  if (table_ != nullptr && table_->id != id) {
    note_gap("the table was dropped and created again");
  }
  reader_.reset();
  own_reader_.reset();
  schema_ = std::move(schema);
  table_ = schema_.find(id);
  own_table_ = schema_.find(options_.own_keyspace, options_.own_table);
  HIRESTREAM_CHECK(table_ != nullptr);
  reader_ = std::make_unique<MutationReader>(schema_, *table_);
  if (own_table_ != nullptr) {
    own_reader_ = std::make_unique<MutationReader>(schema_, *own_table_);
  }
  return {};
}

Result<std::map<int64_t, std::string>> CommitLog::segment_files(std::string_view suffix) const {
  std::map<int64_t, std::string> files;
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(options_.folder, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    std::string path = at->path().string();
    if (!path.ends_with(suffix)) {
      continue;
    }
    path.replace(path.size() - suffix.size(), suffix.size(), SegmentReader::kSuffix);
    if (const auto name = parse_segment_name(path.substr(path.rfind('/') + 1))) {
      files.emplace(name->id, path);
    }
  }
  if (error) {
    return fail_for_now("follow commit log", options_.folder, error.message(),
                        "give commitlog_directory of the node's cassandra.yaml, on the node "
                        "itself, readable for this user");
  }
  return files;
}

Result<std::optional<std::string>> CommitLog::start(const std::optional<LogPosition>& position) {
  segments_.clear();
  newest_id_ = -1;
  gap_.reset();
  HIRESTREAM_ASSIGN(const auto files, segment_files());
  if (position && position->segments.empty()) {
    note_gap("the stored position names no segment");
  } else if (position) {
    HIRESTREAM_TRY(continue_at(*position, files));
    if (!gap_) {
      return std::optional<std::string>();
    }
    segments_.clear();
    newest_id_ = -1;
  }
  HIRESTREAM_TRY(begin_anew(files));
  return std::exchange(gap_, std::nullopt);
}

Result<void> CommitLog::continue_at(const LogPosition& position,
                                    const std::map<int64_t, std::string>& files) {
  for (const auto& [id, place] : position.segments) {
    const auto file = files.find(id);
    if (file == files.end()) {
      note_gap(fmt::format("segment {} went before it was read to its end", id));
      return {};
    }
    HIRESTREAM_TRY(add_segment(id, file->second, place));
    if (gap_) {
      return {};
    }
  }
  return look_for_segments();
}

Result<void> CommitLog::begin_anew(const std::map<int64_t, std::string>& files) {
  std::vector<int64_t> begun;
  for (const auto& [id, path] : files) {
    HIRESTREAM_ASSIGN(const auto segment, SegmentReader::open(path, options_.visibility));
    if (segment != nullptr) {
      HIRESTREAM_TRY(segment->next());
    }
    if (segment != nullptr && segment->begun()) {
      begun.push_back(id);
    }
  }
  const int64_t first = begun.size() < 2 ? INT64_MIN : begun[begun.size() - 2];
  for (const auto& [id, path] : files) {
    if (id >= first) {
      HIRESTREAM_TRY(add_segment(id, path, {}));
    }
    newest_id_ = std::max(newest_id_, id);
  }
  return {};
}

Result<void> CommitLog::look_for_segments() {
  HIRESTREAM_ASSIGN(const auto files, segment_files());
  for (auto file = files.upper_bound(newest_id_); file != files.end(); ++file) {
    const auto& [id, path] = *file;
    const int64_t missed = newest_id_ < 0 ? 0 : id - newest_id_ - 1;
    if (missed >= kRestartIdsMin) {
      note_restart();
    } else if (missed > 0 && !options_.is_cdc_raw) {
      note_gap(fmt::format("{} segment(s) before {} came and went unseen", missed, id));
    }
    HIRESTREAM_TRY(add_segment(id, path, {}));
  }
  return {};
}

// All that it had marked is read: it was replayed. But whoever wrote to the same node meanwhile had
// answers to writes that it has forgotten.
void CommitLog::note_restart() {
  for (const auto& [id, segment] : segments_) {
    segment->stop_at_markers();
  }
  note_gap("the node was started again: what it had acknowledged last may be lost");
}

Result<void> CommitLog::add_segment(int64_t id, const std::string& path, SegmentPlace place) {
  HIRESTREAM_ASSIGN(auto segment, SegmentReader::open(path, options_.visibility, place));
  newest_id_ = std::max(newest_id_, id);
  if (segment == nullptr) {
    note_gap(fmt::format("segment {} went before it was read", id));
    return {};
  }
  segments_.insert_or_assign(id, std::move(segment));
  ++counts_.segments;
  return {};
}

Result<CommitLog::Poll> CommitLog::poll(size_t rows_max, const Visit& visit) {
  HIRESTREAM_TRY(look_for_segments());
  rows_left_ = rows_max;
  bytes_left_ = kPollBytes;
  for (const auto& [id, segment] : segments_) {
    HIRESTREAM_TRY(read_segment(*segment, visit));
    if (poll_is_full()) {
      break;
    }
  }
  if (!poll_is_full()) {
    HIRESTREAM_TRY(retire_segments());
  }
  return Poll{.more = poll_is_full(), .gap = std::exchange(gap_, std::nullopt)};
}

Result<void> CommitLog::read_segment(SegmentReader& segment, const Visit& visit) {
  while (!poll_is_full()) {
    HIRESTREAM_ASSIGN(const SegmentReader::Step step, segment.next());
    switch (step) {
      case SegmentReader::Step::kWait:
        return {};
      case SegmentReader::Step::kDamaged:
        note_gap(segment.damage());
        break;
      case SegmentReader::Step::kEntry:
        if (const auto read = read_entry(segment.entry(), visit); !read) {
          segment.put_back();
          return read;
        }
        break;
    }
  }
  return {};
}

// It writes each of its entries by itself: their number, 1, stands before the table's id.
bool CommitLog::is_own(LogBytes entry) const {
  return own_table_ != nullptr && entry.size() > own_table_->id.size() && entry[0] == 1 &&
         std::ranges::equal(entry.subspan(1, own_table_->id.size()), own_table_->id);
}

void CommitLog::note_own(LogBytes entry) {
  own_reader_->read(entry, [this](const LogRow& row) {
    const bool is_it = !row.clustering.empty() && row.clustering[0] &&
                       std::ranges::equal(*row.clustering[0], options_.own_row);
    if (is_it && row.inserted_us) {
      counts_.own_written_us = *row.inserted_us;
    }
  });
}

Result<void> CommitLog::read_entry(LogBytes entry, const Visit& visit) {
  const Visit counted = [&](const LogRow& row) {
    rows_left_ -= std::min<size_t>(rows_left_, 1);
    ++counts_.rows;
    visit(row);
  };
  auto outcome = reader_->read(entry, counted);
  const bool may_be_new =
      outcome == MutationOutcome::kUnknownColumn ||
      (outcome == MutationOutcome::kUnknownTable && !gone_.contains(reader_->unknown_table()));
  if (may_be_new) {
    HIRESTREAM_TRY(reload_schema());
    outcome = reader_->read(entry, counted);
  }
  ++counts_.entries;
  if (is_own(entry)) {
    note_own(entry);
  }
  counts_.bytes += static_cast<int64_t>(entry.size());
  bytes_left_ -= std::min(bytes_left_, entry.size());
  const bool alone = !entry.empty() && entry[0] == 1;
  if (outcome == MutationOutcome::kUnknownTable && alone) {
    if (gone_.size() < kGoneTablesMax) {
      gone_.insert(reader_->unknown_table());
    }
    return {};
  }
  if (outcome != MutationOutcome::kRead && outcome != MutationOutcome::kOfOthers) {
    note_gap(fmt::format("an entry of {} bytes: {}", entry.size(), reader_->problem()));
  }
  return {};
}

// A segment is done when nothing follows and a later one than the next was begun: Cassandra
// finishes a segment before it begins the next but one. Or when its file has no name any more.
Result<void> CommitLog::retire_segments() {
  std::vector<int64_t> begun;
  for (const auto& [id, segment] : segments_) {
    if (segment->begun()) {
      begun.push_back(id);
    }
  }
  if (begun.empty()) {
    return {};
  }
  const int64_t newest = begun.back();
  for (auto at = segments_.begin(); at != segments_.end() && at->first < newest;) {
    const auto next = std::next(at);
    HIRESTREAM_ASSIGN(const bool unlinked, at->second->is_unlinked());
    const bool passed = next != segments_.end() && next->first < newest;
    HIRESTREAM_ASSIGN(const bool done, unlinked || passed ? is_read(*at->second, unlinked) : false);
    at = done ? segments_.erase(at) : next;
  }
  return {};
}

// A segment that gets no entries any more: it may have got some since it was looked at, while later
// ones were read.
Result<bool> CommitLog::is_read(const SegmentReader& segment, bool unlinked) {
  HIRESTREAM_ASSIGN(const SegmentReader::Rest rest, segment.rest());
  if (rest == SegmentReader::Rest::kMore) {
    // Its index file has gone with it: nobody says any more what is on the disk.
    const bool lost = unlinked && options_.visibility == LogVisibility::kSynced;
    if (lost) {
      note_gap(fmt::format("{} went before it was read to its end", segment.path()));
    }
    return lost;
  }
  if (rest == SegmentReader::Rest::kDamaged) {
    note_gap(fmt::format("{}: what follows a damaged marker, or header, cannot be read",
                         segment.path()));
  }
  return true;
}

void CommitLog::note_gap(std::string why) {
  if (!gap_) {
    gap_ = std::move(why);
  }
}

LogPosition CommitLog::position() const {
  LogPosition position;
  for (const auto& [id, segment] : segments_) {
    position.segments.push_back({id, segment->place()});
  }
  return position;
}

Result<void> CommitLog::delete_before(const LogPosition& stored) const {
  if (!options_.is_cdc_raw || stored.segments.empty()) {
    return {};
  }
  const int64_t first_kept = stored.segments.front().id;
  HIRESTREAM_ASSIGN(auto files, segment_files());
  // An index alone is what a kill between the two of them has left.
  HIRESTREAM_ASSIGN(const auto indexed, segment_files(SegmentReader::kIndexSuffix));
  files.insert(indexed.begin(), indexed.end());
  for (auto file = files.begin(); file != files.end() && file->first < first_kept; ++file) {
    const auto& [id, path] = *file;
    if (is_done_with(id, path, first_kept)) {
      HIRESTREAM_TRY(delete_file(path));
      HIRESTREAM_TRY(delete_file(SegmentReader::index_path(path)));
    }
  }
  return {};
}

// It says so in the index. One that has none was never written to, and is done with when its
// server is gone: Cassandra leaves such a one behind at each stop.
bool CommitLog::is_done_with(int64_t id, const std::string& path, int64_t first_kept) const {
  std::ifstream index(SegmentReader::index_path(path));
  if (!index) {
    return first_kept - id >= kRestartIdsMin;
  }
  int64_t offset = 0;
  std::string word;
  return index >> offset >> word && word == "COMPLETED";
}

Result<int64_t> CommitLog::unread_bytes() const {
  int64_t bytes = 0;
  for (const auto& [id, segment] : segments_) {
    HIRESTREAM_ASSIGN(const int64_t unread, segment->unread_bytes());
    bytes += unread;
  }
  return bytes;
}

bool CommitLog::compressed() const {
  for (const auto& [id, segment] : segments_) {
    if (segment->compressed()) {
      return true;
    }
  }
  return false;
}

}  // namespace hirestream
