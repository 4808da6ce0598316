// Jobs and publishers read from texts, the same for every directory: a blank text and the usual
// words for null (reading_rules.h) are none, numbers are whole ones however they are written
// (decimal.h). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "model/job.h"

namespace hirestream {

// Of a job: id, company, group and campaign, then title and the names of the same three.
inline constexpr size_t kJobTexts = 8;

// Which of the texts should be a number and is none.
struct NoNumber {
  size_t place = 0;
};

// Nothing: it has no id. Other numbers that are none are 0.
tl::expected<std::optional<Job>, NoNumber> read_job(
    std::span<const std::string_view, kJobTexts> texts);

// Nothing: it has no id, or no name.
tl::expected<std::optional<Publisher>, NoNumber> read_publisher(std::string_view id,
                                                                std::string_view name);

}  // namespace hirestream
