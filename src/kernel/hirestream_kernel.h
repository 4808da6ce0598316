// The C ABI of libhirestream_kernel: counting slices outside of the engine, for Apache Spark and
// for whoever has Arrow tables. It reads and counts with the engine's own code; no row crosses the
// ABI on the way from Cassandra.
//
// Versioning: HS_KERNEL_ABI rises when a function or a structure changes; callers compare it with
// hs_abi_version(). Threading: an object is used by one thread at a time; several objects may work
// side by side. Do not fork while a kernel is open: open it in the process that uses it. Blocking.
// Errors: functions return a hs_status, or null where they return something else and failed;
// hs_last_error() says more about the last failure of this thread, as a JSON object with kind,
// operation, subject, message and hint. No exception leaves the library. Texts and bytes belong
// to the object that they came from and live until it is changed or freed; those of no object live
// until the thread's next call.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HS_KERNEL_ABI 3u

#if defined(__GNUC__)
#define HS_API __attribute__((visibility("default")))
#else
#define HS_API
#endif

typedef enum hs_status {
  HS_OK = 0,
  // Try again later.
  HS_TRANSIENT = 1,
  // This input cannot be used.
  HS_REJECTED = 2,
  // Somebody must change something.
  HS_CONFIG = 3,
  // The library, or its caller, is wrong.
  HS_BUG = 4
} hs_status;

// Settings, and what is open of them.
typedef struct hs_kernel hs_kernel;
// Adds up batches.
typedef struct hs_counter hs_counter;
// Parts of slices (src/model/slice_part.h), in no order.
typedef struct hs_parts hs_parts;

// The Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html).
struct ArrowSchema;
struct ArrowArray;

HS_API uint32_t hs_abi_version(void);
// "0.1.0 (commit …)"
HS_API const char* hs_product(void);
HS_API const char* hs_last_error(void);

// `settings`: a JSON object, all of it optional:
//   "config"   a TOML file as the engine's
//   "options"  settings by full name, e.g. {"source.uri": "cassandra://…"}; above file and
//              environment
//   "frame"    rows come in batches: {"kind": "parquet", "identity": "…"}; without it the source of
//              the settings is opened, which blocks until it answers
HS_API hs_status hs_open(const char* settings, hs_kernel** kernel);
HS_API void hs_close(hs_kernel* kernel);
// JSON: name, uri, kind, strategy, shard_count, bucket_width_s, arrival_width_s, unique_rows,
// columns, id (the column), start_at (what arrived before is not counted; empty: everything is),
// warnings (texts that were told when the source was opened).
HS_API const char* hs_describe(hs_kernel* kernel);

// Bits of `flags`.
// Read at the strongest level that the source has.
#define HS_STRONGEST 1u
// Leave out slices that were not over at `begun_us`.
#define HS_CLOSED_ONLY 2u
// A table whose ids might be in several partitions is counted all the same.
#define HS_TRUST_KEYS 4u
// Batches: rows of one slice come one after the other; what comes later is an error.
#define HS_CONTIGUOUS 8u
// Batches: no id comes twice, in whichever counter.
#define HS_UNIQUE 16u
// Batches: all rows are counted as one slice, several times as fast where they come in no order of
// time. For their sums: such parts are not staged. Of its rejects the first 1,000 of each four
// million rows are kept, as of any slice.
#define HS_ONE_SLICE 32u

// Counts a range of the table's ring; all of it is [0, 2^32). `begun_us`: microseconds since 1970.
HS_API hs_status hs_count_range(hs_kernel* kernel, uint64_t begin, uint64_t end, int64_t begun_us,
                                uint32_t flags, hs_parts** parts);

// The same of a table that can only be scanned, of events with times in [from_us, to_us) alone.
// Slices that are not wholly in there are left out.
HS_API hs_status hs_count_window(hs_kernel* kernel, uint64_t begin, uint64_t end, int64_t from_us,
                                 int64_t to_us, int64_t begun_us, uint32_t flags, hs_parts** parts);
// Counts `count` slices by name, where they are partitions.
HS_API hs_status hs_count_slices(hs_kernel* kernel, const int32_t* shards, const int64_t* buckets,
                                 size_t count, int64_t begun_us, uint32_t flags, hs_parts** parts);

HS_API hs_status hs_counter_new(hs_kernel* kernel, int64_t begun_us, uint32_t flags,
                                hs_counter** counter);
// Counts the rows of a record batch, and releases both structures whatever comes of it. Columns are
// found by their names; others are not looked at. A row's slice is told by its columns "bucket" and
// "shard" where the source's slices are partitions, else by its times. Rows whose id the counter
// has met are not counted again. After an error the counter cannot be used any more.
HS_API hs_status hs_counter_add(hs_counter* counter, struct ArrowSchema* schema,
                                struct ArrowArray* batch);
// What was counted; the counter is empty then, and knows none of the ids that it met.
HS_API hs_status hs_counter_finish(hs_counter* counter, hs_parts** parts);
HS_API void hs_counter_free(hs_counter* counter);

HS_API hs_parts* hs_parts_new(void);
HS_API void hs_parts_free(hs_parts* parts);
HS_API size_t hs_parts_count(const hs_parts* parts);
// As bytes that hs_parts_add takes, also in another process.
HS_API hs_status hs_parts_get(hs_parts* parts, size_t index, int32_t* shard, int64_t* bucket,
                              const uint8_t** bytes, size_t* size);
HS_API hs_status hs_parts_add(hs_parts* parts, const uint8_t* bytes, size_t size);
// Moves what `from` has behind what is there.
HS_API hs_status hs_parts_move(hs_parts* parts, hs_parts* from);
// Of all parts. JSON: slices, rows, cells, counted, unattributed, other_kinds, rejected, kinds
// (each with class, kind, rows), rejects (the first 1,000, each with id, reason, column, value),
// missing_columns (what the numbers lack because batches had no such columns, for people; empty:
// nothing, or the parts were added as bytes).
HS_API const char* hs_parts_summary(hs_parts* parts);
// The cells of all slices, added up, as a record batch: dates (date32), hours (int8), job_id,
// publisher_id, campaign_id, group_id, impressions, clicks, conversions, qualified, unqualified,
// bid_micros (int64), in the order of the keys.
HS_API hs_status hs_parts_cells(const hs_parts* parts, struct ArrowSchema* schema,
                                struct ArrowArray* batch);

// Begins a run in the warehouse: notes which revisions its ledger has, before anything is read.
// `begun_us` is that moment. HS_CONFIG: the source is known with other settings, or cannot be
// counted into this warehouse. A known source keeps the start that is stored with it: from here on
// this kernel counts from there, and others that count for the run need it as the setting
// source.start_at (hs_describe).
HS_API hs_status hs_run_begin(hs_kernel* kernel, const char* run, uint32_t flags,
                              int64_t* begun_us);
// Stages the parts under the attempt's number, in one transaction. HS_CONFIG: this kernel counts by
// other rules than the one that began the run.
HS_API hs_status hs_run_stage(hs_kernel* kernel, const char* run, int64_t attempt,
                              const hs_parts* parts);
// These attempts are whole: somebody has their receipts.
HS_API hs_status hs_run_accept(hs_kernel* kernel, const char* run, const int64_t* attempts,
                               size_t count);
// As `hirestream publish --run RUN`; `report` is its JSON. `how`: one of these; comparisons write
// nothing.
#define HS_PUBLISH 0
#define HS_COMPARE 1
// The run has counted everything: slices of the ledger that it did not meet are told, too.
#define HS_COMPARE_WHOLE 2
// As `hirestream rebuild --run RUN`.
#define HS_REBUILD 3
HS_API hs_status hs_run_publish(hs_kernel* kernel, const char* run, int how, const char** report);
// Nobody will publish it.
HS_API hs_status hs_run_forget(hs_kernel* kernel, const char* run);

#ifdef __cplusplus
}
#endif
