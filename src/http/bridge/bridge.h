/* C ABI over the Rust HTTP server `hyper` (crate in this folder). It keeps sockets, heads, answers'
 * framing, time-outs and limits; which answer a request gets is decided behind `hs_http_handlers`.
 *
 * HTTP/1.0 and 1.1; requests have no bodies. Refused and closed before any handler sees them:
 * a head that is no HTTP, one with a body, without a Host or with several, or in absolute form
 * (400), a target that is too long (414), a head that is too large (431) or too slow (408).
 *
 * Threading: one thread moves the bytes of all connections, at most `workers` others and one for
 * HS_HTTP_RESERVED run `hs_http_handlers.work`. Handlers never let an exception out. Panics are
 * caught at each entry. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
  HS_HTTP_OK = 0,
  HS_HTTP_E_ADDRESS = -1, /* it cannot be listened at, or nobody answers there */
  HS_HTTP_E_PANIC = -100
};

typedef struct hs_http_error {
  int32_t code;
  int32_t os_error; /* errno, 0: none */
  char* message;
} hs_http_error;
void hs_http_error_clear(hs_http_error*);

typedef struct hs_http_text {
  const char* data; /* not terminated */
  size_t size;
} hs_http_text;

/* Valid during the call. Of fields that are not there the text is empty. */
typedef struct hs_http_request {
  hs_http_text method;
  hs_http_text target; /* path and query as they came, at most 8192 bytes */
  hs_http_text host;
  hs_http_text authorization;
  hs_http_text if_none_match;
  hs_http_text peer; /* IP address */
  uint32_t accepts_gzip;
} hs_http_request;

/* What is answered; used during the call of a handler. Begins as 200 without fields and body. */
typedef struct hs_http_reply hs_http_reply;
void hs_http_reply_status(hs_http_reply*, uint32_t status);
/* A field that HTTP does not allow is left out. "Connection: close" ends the connection. */
void hs_http_reply_field(hs_http_reply*, hs_http_text name, hs_http_text value);
/* Copied. */
void hs_http_reply_body(hs_http_reply*, hs_http_text body);
/* Not copied: the bytes outlive the server. */
void hs_http_reply_static_body(hs_http_reply*, hs_http_text body);
/* As it began. */
void hs_http_reply_reset(hs_http_reply*);

enum {
  HS_HTTP_ANSWERED = 0,
  HS_HTTP_WORK = 1,     /* `work` is asked, and the reply of `route` forgotten */
  HS_HTTP_STREAM = 2,   /* the reply's body is the first event; what is published follows */
  HS_HTTP_RESERVED = 4, /* as HS_HTTP_WORK, on a worker that does nothing else */
  HS_HTTP_DELAYED = 3,  /* answered `delay_ms` later: refusals that are not to be tried often */
};
typedef struct hs_http_handlers {
  void* context; /* outlives the server */
  /* On the thread of all connections: never blocks. Returns one of the codes above. */
  int32_t (*route)(void* context, const hs_http_request*, hs_http_reply*);
  /* On a worker. Its answer is compressed for who accepts it. */
  void (*work)(void* context, const hs_http_request*, hs_http_reply*);
  /* Makes the body of a refusal of the server's own; never blocks. */
  void (*refuse)(void* context, uint32_t status, hs_http_reply*);
  /* A stream that `route` let in has ended. */
  void (*stream_ended)(void* context);
} hs_http_handlers;

typedef struct hs_http_config {
  const char* host;
  uint16_t port;             /* 0: any that is free */
  uint32_t connections;      /* lowered to what the limit of open files leaves room for */
  uint32_t connections_peer; /* of one address; an IPv6 /64 is one */
  uint32_t head_fields;      /* of a request */
  uint32_t head_bytes;       /* of a request, its line included */
  uint32_t head_ms;          /* from the first byte of a head to its last */
  uint32_t idle_ms;          /* without a request */
  uint32_t write_ms;         /* in which a client takes a part of its answer */
  uint32_t stream_ms;        /* after which a stream ends */
  uint32_t workers;
  uint32_t queue;        /* requests that wait for a worker */
  uint32_t queue_ms;     /* as long as they wait */
  uint64_t answer_bytes; /* of answers that are not yet taken, all together */
  uint32_t delay_ms;     /* of HS_HTTP_DELAYED */
  uint32_t grace_ms;     /* after the stop, for answers under way */
} hs_http_config;

typedef struct hs_http_server hs_http_server;
/* Clients can connect from now on; they are answered once it serves. */
int32_t hs_http_server_listen(const hs_http_config*, hs_http_server** out, hs_http_error*);
/* Once. Handlers are called from now on. */
int32_t hs_http_server_serve(hs_http_server*, const hs_http_handlers*, hs_http_error*);
uint16_t hs_http_server_port(const hs_http_server*);
/* To every stream, as it is. A stream that has not taken the last sixteen ends. Any thread. */
void hs_http_server_publish(hs_http_server*, hs_http_text event);
/* Streams end; other connections when they are answered, or when the grace is over. Waits for
 * workers, which may use the server meanwhile. No handler is called from then on. */
void hs_http_server_stop(const hs_http_server*);
/* Stops it first, if it was not. Nobody uses it any more. */
void hs_http_server_free(hs_http_server*);

typedef struct hs_http_counters {
  uint64_t answers[6];  /* by status / 100: what handlers and the server itself answered */
  uint64_t accepted;    /* connections */
  uint64_t evicted;     /* connections that made room for others */
  uint64_t timed_out;   /* connections, for a slow head or a slow reader */
  uint64_t connections; /* open now */
  uint64_t streams;     /* open now */
} hs_http_counters;
void hs_http_server_counters(const hs_http_server*, hs_http_counters* out);

/* The status of GET `path` there; takes `timeout_ms` at most. */
int32_t hs_http_ask(const char* host, uint16_t port, const char* path, uint32_t timeout_ms,
                    uint32_t* status, hs_http_error*);

#ifdef __cplusplus
}
#endif
