/* C ABI over the Rust `parquet` crate (crate in this folder): a file's flat columns, batch after
 * batch, each value as a number or as the text that a CSV file would have for it, and the text of
 * each that is asked for. The text of each type:
 *
 *   integers, decimals    digits; of a decimal with as many behind the point as its scale says
 *   float, double         the shortest digits that read back as the same number, without exponent;
 *                         NaN is null
 *   timestamps, INT96     YYYY-MM-DD HH:MM:SS[.fraction], then Z when adjusted to UTC (as INT96 is)
 *   date, time, boolean   YYYY-MM-DD, HH:MM:SS[.fraction], true and false
 *   16 fixed bytes        the UUID that they are
 *   other bytes           as they are
 *
 * Functions that can fail return a code: >= 0 fine, < 0 an error, described in *error (clear it
 * with hs_parquet_error_clear). Whatever the bytes of the file are, nothing else happens: panics
 * are caught at each entry and become HS_PARQUET_E_DAMAGED. A file is used by one thread at a
 * time. Memory: of each column that is read one page and its dictionary. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
  HS_PARQUET_OK = 0,
  HS_PARQUET_E_DAMAGED = -1,     /* no Parquet, or its parts contradict one another */
  HS_PARQUET_E_UNSUPPORTED = -2, /* encrypted, a codec or an encoding that is not known */
  HS_PARQUET_E_SYSTEM = -3       /* a system call failed: os_error */
};

typedef struct hs_parquet_error {
  int32_t code;
  int32_t os_error; /* errno, 0: none */
  char* message;
} hs_parquet_error;
void hs_parquet_error_clear(hs_parquet_error*);

typedef struct hs_parquet_file hs_parquet_file;

/* Reads the footer. Takes the descriptor over in any case, and never moves its position. */
int32_t hs_parquet_open(int fd, hs_parquet_file** out, hs_parquet_error*);
void hs_parquet_close(hs_parquet_file*);
/* Taken from the file so far. */
uint64_t hs_parquet_bytes_read(const hs_parquet_file*);

/* Columns that can be read: flat ones, of the types above, in the file's order. */
uint32_t hs_parquet_columns(const hs_parquet_file*);
const char* hs_parquet_column_name(const hs_parquet_file*, uint32_t column);
/* Those that cannot, each once: lists, maps, structs (what they are called), other types. */
uint32_t hs_parquet_unreadable_columns(const hs_parquet_file*);
const char* hs_parquet_unreadable_name(const hs_parquet_file*, uint32_t column);
const char* hs_parquet_unreadable_type(const hs_parquet_file*, uint32_t column);
/* Which columns are read from now on, by number; before the first batch. */
void hs_parquet_select(hs_parquet_file*, const uint32_t* columns, uint32_t count);

typedef struct hs_parquet_value {
  const char* data;
  int64_t size; /* bytes, < 0: null */
} hs_parquet_value;

/* What `values` is. */
enum {
  HS_PARQUET_TEXT = 0,    /* hs_parquet_value[] */
  HS_PARQUET_INTEGER = 1, /* int64_t[] */
  HS_PARQUET_INSTANT = 2, /* int64_t[]: since 1970, of the zone of the file's rows unless is_utc */
  HS_PARQUET_DOUBLE = 3,  /* double[] */
  HS_PARQUET_UUID = 4     /* 16 bytes each, as RFC 9562 has them */
};

typedef struct hs_parquet_column {
  int32_t kind;
  int32_t is_utc;
  int64_t per_second; /* of HS_PARQUET_INSTANT: 1000, 1000000 or 1000000000 */
  const void* values;
  const uint8_t* valid; /* by row, 0: null; not of HS_PARQUET_TEXT */
} hs_parquet_column;

/* Valid until the next call of hs_parquet_next or hs_parquet_close. */
typedef struct hs_parquet_batch {
  uint32_t rows;
  const hs_parquet_column* columns; /* in the order of the selection, each of `rows` values */
} hs_parquet_batch;
enum { HS_PARQUET_BATCH_ROWS = 1024 };
/* At most HS_PARQUET_BATCH_ROWS rows, of one row group; none: the end. */
int32_t hs_parquet_next(hs_parquet_file*, hs_parquet_batch* out, hs_parquet_error*);
/* The text of a value of that batch, whatever its kind; `column` by its place in the selection.
 * Valid until the next call of any of these functions. */
int32_t hs_parquet_text(hs_parquet_file*, uint32_t column, uint32_t row, hs_parquet_value* out,
                        hs_parquet_error*);

#ifdef __cplusplus
}
#endif
