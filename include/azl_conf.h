/*
 * azl_conf: one server's configuration.
 *
 * Made and merged by httpd while it reads its files, completed once by
 * azl_conf_resolve() (check_config hook), read-only while requests run. Lives
 * in the configuration pool, that is until the next restart. A virtual host
 * inherits every scalar; its endpoints are added to those of the main server;
 * if it names any model or any key of its own it has only those, and what is
 * said of an alias (routing, times, fallbacks) goes with the models.
 */
#ifndef AZL_CONF_H
#define AZL_CONF_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_catalog.h"
#include "azl_document.h"
#include "azl_health.h"
#include "azl_key.h"
#include "azl_price.h"
#include "azl_seal.h"

struct server_rec;
struct azl_usage_log_t;

/* AzureLITMaxBody: what LLM clients send (images inline) stays below. */
#define AZL_MAX_BODY_DEFAULT (32 * 1024 * 1024)
/* AzureLITRetry: attempts beyond the first. */
#define AZL_RETRY_DEFAULT 2
/* AzureLITBodyTimeout: half a minute for what fits into it, and the pace of a
 * bad mobile link (128 kbit/s) for images beyond. */
#define AZL_BODY_TIME_DEFAULT apr_time_from_sec(30)
#define AZL_BODY_RATE_DEFAULT (16 * 1024)
/* AzureLITKeepAliveHold: long enough for the next request of a busy client,
 * short enough not to be seen by an idle one. */
#define AZL_HOLD_DEFAULT apr_time_from_msec(15)
/* AzureLITTimeout. A reasoning model is silent for minutes before the first
 * token of a stream, and less long between its reasoning and its text. */
#define AZL_FIRST_TOKEN_DEFAULT apr_time_from_sec(300)
#define AZL_IDLE_DEFAULT apr_time_from_sec(120)
/* A whole request, when nobody set a time: the OpenAI SDKs give up on an
 * answer after ten minutes, unless it streams. */
#define AZL_TOTAL_DEFAULT apr_time_from_sec(600)
#define AZL_TOTAL_STREAM_DEFAULT apr_time_from_sec(3600)
/* AzureLITCooldown: as LiteLLM's router has it. */
#define AZL_COOLDOWN_FAILS_DEFAULT 3
#define AZL_COOLDOWN_WINDOW_DEFAULT apr_time_from_sec(60)
#define AZL_COOLDOWN_TIME_DEFAULT apr_time_from_sec(5)
#define AZL_COOLDOWN_PERCENT_DEFAULT 50

/* AzureLITMetrics: who may see /metrics and /health. */
typedef enum {
    AZL_SEEN_BY_MASTER = 0, /* on: who has the master key */
    AZL_SEEN_BY_NOBODY,     /* off */
    AZL_SEEN_BY_ANYBODY     /* open: whom httpd lets through */
} azl_seen_by_e;

/* A key or key file as configured. */
typedef struct azl_key_source_t {
    const char *file; /* NULL: the members below */
    const char *name;
    const char *digest;
    int noptions;
    const char *const *options;
} azl_key_source_t;

/* An AzureLITModel line. */
typedef struct azl_model_line_t {
    const char *alias;
    const char *endpoint;
    const char *deployment;
    int weight;
    int order;
    int responses_only;
    int chat_only;
    const char *base_model;
    azl_price_t price;
    apr_uint32_t rpm;
    apr_uint32_t tpm;
    apr_uint32_t max_parallel;
    int hard;
    const char *id;    /* what clients see of it; NULL: a hash */
    const char *spill; /* "endpoint/deployment" or NULL */
    azl_limits_t limits;
    const char *where; /* "file:line" */
} azl_model_line_t;

/* An AzureLITFallback line. */
typedef struct azl_fallback_line_t {
    const char *alias;          /* or "*" */
    const char *const *targets; /* NULL-terminated */
    int on;                     /* AZL_FALLBACK_... */
    int loops;                  /* loop=end */
    const char *where;
} azl_fallback_line_t;

/* An AzureLITRouting or AzureLITTimeout line with an alias. */
typedef struct azl_alias_line_t {
    const char *alias;
    int strategy; /* AZL_STRATEGY_UNSET: not this directive */
    azl_limits_t limits;
    const char *where;
} azl_alias_line_t;

typedef struct azl_conf_t {
    struct server_rec *server; /* for messages */
    /* as configured; -1 and NULL: not set */
    int enabled;
    const char *base_path;
    const azl_secret_t *master_key;
    apr_int64_t max_body;
    apr_interval_time_t body_time; /* AzureLITBodyTimeout; 0: off */
    apr_int64_t body_rate;         /* bytes that earn another second */
    apr_interval_time_t hold; /* 0: off */
    int params;
    int retry;
    int strategy;          /* AzureLITRouting without an alias */
    azl_limits_t limits;   /* AzureLITTimeout without an alias */
    azl_cooldown_t cooldown; /* AzureLITCooldown; fails -1: not set */
    int max_in_flight;     /* AzureLITMaxInFlight; -1: not set, 0: no limit */
    int mid_stream;        /* AzureLITMidStream: 1 continue */
    int seen_by;           /* AzureLITMetrics: azl_seen_by_e */
    apr_interval_time_t probe; /* AzureLITProbe; 0: off */
    const char *usage_log;
    const char *price_file;
    const char *authority; /* AzureLITAuthority, without a slash at its end */
    const char *metadata;  /* AzureLITMetadata, likewise */
    apr_array_header_t *key_sources; /* azl_key_source_t */
    apr_array_header_t *endpoints;   /* azl_endpoint_t * */
    apr_array_header_t *models;      /* azl_model_line_t */
    apr_array_header_t *fallbacks;   /* azl_fallback_line_t */
    apr_array_header_t *alias_lines; /* azl_alias_line_t */
    azl_keyring_t *keyring;
    /* resolved */
    azl_catalog_t *catalog;
    azl_seal_t *seal; /* NULL without any secret to derive one from */
    apr_uint64_t scope; /* of its metrics (azl_metrics.h): servers with the
                           same master key share one */
    struct azl_usage_log_t *log; /* NULL: no usage log */
    azl_gate_t *gate;            /* of the whole server; NULL: not shared */
    azl_health_t *load;          /* how long its requests take; likewise */
} azl_conf_t;

void *azl_conf_create(apr_pool_t *p, struct server_rec *s);
void *azl_conf_merge(apr_pool_t *p, void *base, void *add);
azl_conf_t *azl_conf_get(const struct server_rec *s);

/* Complete the configuration of one server: defaults, endpoint names, prices,
 * seal. NULL, or a message that names the directive's place and what would be
 * right. */
const char *azl_conf_resolve(azl_conf_t *conf, apr_pool_t *p,
                             apr_pool_t *ptemp);

#endif /* AZL_CONF_H */
