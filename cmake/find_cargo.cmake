# Finds a cargo that is new enough for the crates of this project: CARGO, and beside it RUSTC, which must be passed on to cargo
# as the variable RUSTC, for another rustc may come first in PATH. Looked for in PATH, in rustup's folder and where Debian's
# package cargo-web puts it.
set(CARGO_MINIMUM 1.88)

function(hirestream_cargo_is_new_enough result candidate)
  execute_process(COMMAND ${candidate} --version OUTPUT_VARIABLE output ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0 AND output MATCHES "^cargo ([0-9.]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL CARGO_MINIMUM)
    return()
  endif()
  set(${result} FALSE PARENT_SCOPE)
endfunction()

find_program(CARGO cargo HINTS ENV CARGO_HOME PATHS $ENV{HOME}/.cargo/bin /usr/bin PATH_SUFFIXES bin
             VALIDATOR hirestream_cargo_is_new_enough)
if(NOT CARGO)
  message(FATAL_ERROR "cargo ${CARGO_MINIMUM} or later is needed to build the crates in Rust. "
                      "Run .ci/setup --build, or put a newer cargo first in PATH.")
endif()
get_filename_component(cargo_folder ${CARGO} DIRECTORY)
find_program(RUSTC rustc HINTS ${cargo_folder} REQUIRED)
