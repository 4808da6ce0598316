// The job dimension from a CSV file with a header (CSV as csv_reader.h says; texts are read as
// model/job_texts.h says). The id column is required. kTransient where a file changes while it is
// read: written under another name and renamed, it is whole at any time. A row without an id, or
// with a number that cannot be read, is left out with a warning that names file, line, column and
// value; what was known of its job before stays in use.
#pragma once

#include <string>

#include "ports/job_directory.h"

namespace hirestream {

struct CsvJobDirectoryOptions {
  std::string path;
  // Names of the columns. Those of names (title …) may be missing in the file, so may group_id and
  // campaign_id.
  std::string id_column = "id";
  std::string company_id_column = "company_id";
  std::string group_id_column = "group_id";
  std::string campaign_id_column = "campaign_id";
  std::string title_column = "title";
  std::string company_name_column = "company_name";
  std::string campaign_name_column = "campaign_name";
  std::string group_name_column = "group_name";
  // Publishers' names: a file beside the jobs', which may be missing.
  std::string publishers_file = "publishers.csv";
  std::string publisher_id_column = "id";
  std::string publisher_name_column = "name";
};

class CsvJobDirectory : public JobDirectory {
 public:
  explicit CsvJobDirectory(CsvJobDirectoryOptions options) : options_(std::move(options)) {}
  // Reads the file anew.
  Result<Loaded<Job>> load() override;
  Result<Loaded<Publisher>> load_publishers() override;

 private:
  CsvJobDirectoryOptions options_;
};

}  // namespace hirestream
