/* C ABI over the Rust CQL driver (crate in this folder). The driver keeps connections,
 * authentication, TLS, preparing, routing, paging and retries; cells cross this boundary undecoded,
 * in both directions, as the CQL binary protocol (v4, section 6) has them.
 *
 * Functions that can fail return a code: >= 0 fine, < 0 an error, described in *error (clear it
 * with hs_cql_error_clear). Panics are caught at each entry and become HS_CQL_E_PANIC. Threading: a
 * session and a statement may be used by many threads at once; a read by one thread at a time. Do
 * not fork with a session open. Everything got from a session must be freed before the session is
 * closed. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define HS_CQL_ABI 6

enum {
  HS_CQL_OK = 0,
  HS_CQL_END = 0, /* of a read: every request was answered completely */
  HS_CQL_PAGE = 1,

  HS_CQL_E_ARGUMENT = -1,
  HS_CQL_E_CONNECT = -2,
  HS_CQL_E_AUTHENTICATION = -3,
  HS_CQL_E_TLS = -4, /* certificate or key file, server not trusted */
  HS_CQL_E_PREPARE = -5,
  HS_CQL_E_SERVER = -6,  /* server_code says which */
  HS_CQL_E_TIMEOUT = -7, /* the client's own */
  HS_CQL_E_NETWORK = -8,
  HS_CQL_E_PROTOCOL = -9,
  HS_CQL_E_PANIC = -100
};

typedef struct hs_cql_error {
  int32_t code;
  int32_t server_code; /* error code of the CQL protocol (section 9), 0: none */
  char* message;
} hs_cql_error;
void hs_cql_error_clear(hs_cql_error*);

typedef struct hs_cql_session hs_cql_session;
typedef struct hs_cql_statement hs_cql_statement;
typedef struct hs_cql_read hs_cql_read;

/* Strings may be null or empty where marked optional. */
typedef struct hs_cql_config {
  uint32_t abi; /* HS_CQL_ABI */
  uint32_t io_threads;
  const char* hosts;    /* host:port, comma separated */
  const char* user;     /* optional: no authentication */
  const char* password; /* optional */
  const char* local_dc; /* optional */
  const char* tls_ca;   /* optional: the system's authorities */
  const char* tls_cert; /* optional */
  const char* tls_key;  /* optional */
  uint32_t tls;         /* 0: plain text */
  /* 1: the chain is verified, the certificate need not name the node's IP address */
  uint32_t tls_no_ip_check;
  /* of opening the session as a whole */
  uint32_t connect_timeout_ms;
  uint32_t request_timeout_ms;
  uint32_t connections_per_host;
} hs_cql_config;

int32_t hs_cql_session_open(const hs_cql_config*, hs_cql_session** out, hs_cql_error*);
/* Blocks until running requests have ended, at most two seconds. */
void hs_cql_session_close(hs_cql_session*);

typedef struct hs_cql_counters {
  uint64_t requests; /* sent, repeated ones too */
  uint64_t retries;
  uint64_t rows;  /* received */
  uint64_t bytes; /* of the rows received */
} hs_cql_counters;
void hs_cql_session_counters(const hs_cql_session*, hs_cql_counters* out);

/* A statement without values, not prepared: DDL, GRANT. Waits for schema agreement after DDL. */
int32_t hs_cql_execute(hs_cql_session*, const char* cql, hs_cql_error*);

int32_t hs_cql_prepare(hs_cql_session*, const char* cql, hs_cql_statement** out, hs_cql_error*);
void hs_cql_statement_free(hs_cql_statement*);
uint32_t hs_cql_statement_columns(const hs_cql_statement*); /* of the result */
const char* hs_cql_statement_column_name(const hs_cql_statement*, uint32_t column);
/* CQL's name ("bigint"); "unsupported" for collections, tuples, user-defined types. */
const char* hs_cql_statement_column_type(const hs_cql_statement*, uint32_t column);

/* Sends the statement's requests to the node with this IP address alone. Returns 0 and changes
 * nothing when the driver knows no such node, otherwise 1. Not while the statement is in use. */
int32_t hs_cql_statement_send_to(hs_cql_session*, hs_cql_statement*, const char* address,
                                 hs_cql_error*);

enum { HS_CQL_CELL_NULL = -1, HS_CQL_CELL_UNSET = -2 };
typedef struct hs_cql_cell {
  const uint8_t* data;
  int64_t size; /* bytes, or HS_CQL_CELL_… */
} hs_cql_cell;

typedef struct hs_cql_request_options {
  uint16_t consistency; /* code of the CQL protocol (section 3) */
  uint32_t parallel;    /* requests under way at once */
  int32_t page_rows;    /* reads */
  uint32_t queue_pages; /* reads: pages that wait to be taken; when full, reading pauses */
  /* A passing error (no connection, time-out, unavailable, overloaded) is answered by the same
   * request again, with the same paging state, after a pause that doubles from backoff_ms_min to
   * backoff_ms_max, less up to half at random. */
  uint32_t retries;
  uint32_t backoff_ms_min;
  uint32_t backoff_ms_max;
  /* Reads: 1: pages come request by request, each with queue_pages of its own. */
  uint32_t in_order;
} hs_cql_request_options;

/* `requests` tuples of `width` cells, one after the other; copied. Requests start in this order;
 * pages come as they come, those of one request in order (see in_order). */
int32_t hs_cql_read_start(hs_cql_session*, const hs_cql_statement*, const hs_cql_cell* cells,
                          uint32_t width, uint32_t requests, const hs_cql_request_options*,
                          hs_cql_read** out, hs_cql_error*);
/* The tokens from `begin` (exclusive) to `end` (inclusive), cut where the replicas change and
 * further into at least `ranges` ranges. The statement's first two bind markers are the range
 * (exclusive, inclusive); the `width` cells follow for each. Ranges are sent to their replicas
 * first. The request's number is that of the range. */
int32_t hs_cql_scan_start(hs_cql_session*, const hs_cql_statement*, const char* keyspace,
                          const char* table, int64_t begin, int64_t end, uint32_t ranges,
                          const hs_cql_cell* cells, uint32_t width, const hs_cql_request_options*,
                          hs_cql_read** out, hs_cql_error*);

typedef struct hs_cql_page {
  const uint8_t* rows; /* row after row: for each column an int32 length (big-endian; < 0: null) and
                          so many bytes */
  size_t size;
  uint32_t row_count;
  uint32_t request;
  void* owner;
} hs_cql_page;
/* Waits: HS_CQL_PAGE, HS_CQL_END or an error; the first error ends the whole read. */
int32_t hs_cql_read_next(hs_cql_read*, hs_cql_page* out, hs_cql_error*);
void hs_cql_page_free(hs_cql_page*);
/* Cancels what is under way. Pages taken before stay valid. */
void hs_cql_read_close(hs_cql_read*);

/* Writes rows of `width` cells and returns when all are acknowledged. Consecutive rows are grouped
 * by group_rows (Σ = number of rows): a group of one row is a plain write, a larger one an unlogged
 * batch, which should stay within one partition. */
int32_t hs_cql_write(hs_cql_session*, const hs_cql_statement*, const hs_cql_cell* cells,
                     uint32_t width, const uint32_t* group_rows, uint32_t groups,
                     const hs_cql_request_options*, hs_cql_error*);

/* Whose replicas have the partition with this key (its cells, `width` of them): host ids, 16 bytes
 * each, at most `capacity`, in the order of the ring; nodes that cannot be reached are left out.
 * Returns how many; 0 of a table that the driver does not know yet. Asks nobody. */
int32_t hs_cql_replicas(hs_cql_session*, const char* keyspace, const char* table,
                        const hs_cql_cell* key, uint32_t width, uint8_t* host_ids,
                        uint32_t capacity, hs_cql_error*);

#ifdef __cplusplus
}
#endif
