// From URIs and settings to raw logs: sources to read, writers to fill them, and making them.
// Blocking (Cassandra: about connect_timeout). kConfig for what somebody must change, kTransient
// when the server does not answer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/files/csv_dialect.h"
#include "config/settings.h"
#include "ports/event_source.h"
#include "ports/observer.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

// What somebody should know about the source goes to observer.on_note, some of it while it is read:
// the observer outlives the source. `stop` ends the reading of a file that is under way (see
// FilesSourceOptions).
Result<std::unique_ptr<EventSource>> open_source(const SourceSettings& source, Observer& observer,
                                                 std::stop_token stop = {});

// kConfig: --strategy of a source that is read in one way alone.
Result<void> check_strategy(const SourceSettings& source);
// What is known of a source before it is opened; nothing: all depends on the table.
std::optional<SourceDescription> foreseen_description(const SourceSettings& source);

// kConfig: a text that is not allowed.
Result<CsvSettings> csv_settings(const SourceSettings& source);

// Whether its rows are attributed by `ed`.
bool uses_payload(const SourceSettings& source);

enum class IfFileExists { kRefuse, kReplace };
// kConfig if writing to `uri` would replace a file that nobody gave up, or a folder. Of csv and
// ndjson only: other raw logs are added to.
Result<void> check_target_file(const Uri& uri, IfFileExists if_exists);

// For `generate`, `import` and `demo`. cassandra: the table must exist (`hirestream init --source
// URI` makes it); sqlite: file and table are made; csv, ndjson: a new file, visible when finished,
// in the place of one that exists (check_target_file comes first). `source_timezone`: of ts texts
// without offset, where the column is a timestamp.
Result<std::unique_ptr<RawLogWriter>> open_writer(const Uri& uri, const std::string& password,
                                                  const std::string& source_timezone = "UTC");
// The same with the password from the environment.
Result<std::unique_ptr<RawLogWriter>> open_writer(const std::string& uri_text,
                                                  const std::string& source_timezone = "UTC");

struct RawLogLayout {
  int32_t shard_count = 8;
  int32_t bucket_width_s = 60;
  std::string replication;  // a CQL map; empty: one replica, for a single node
};
// Statements that make the recommended raw log; none for files. kConfig: the layout is impossible.
Result<std::vector<std::string>> raw_log_statements(const Uri& uri, const RawLogLayout& layout);
// The role of an engine with the least that it needs there, as a script with placeholders; empty
// for files.
std::string raw_log_grants(const Uri& uri);
// Runs them; what exists stays.
Result<void> create_raw_log(const SourceSettings& source, const RawLogLayout& layout);

}  // namespace hirestream
