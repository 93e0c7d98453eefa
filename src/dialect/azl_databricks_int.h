/*
 * What the files of the dialect databricks share.
 *
 * The serving endpoints speak OpenAI's chat completions, but refuse every
 * member they do not know, and differ by the model behind them. Of a Claude
 * the rules are Anthropic's, so what becomes of a request there is decided by
 * azl_claude_plan().
 */
#ifndef AZL_DATABRICKS_INT_H
#define AZL_DATABRICKS_INT_H

#include "azl_anthropic_int.h"

/* From the request to the answer (azl_exchange_t.memo). */
typedef struct azl_databricks_memo_t {
    azl_anthropic_memo_t claude; /* its json_tool holds for all models */
    azl_claude_t family;         /* as it is served here */
} azl_databricks_memo_t;

/* Whose rules hold, beside those of Databricks. */
typedef enum {
    AZL_BEHIND_OTHER,
    AZL_BEHIND_CLAUDE,
    AZL_BEHIND_GEMINI
} azl_behind_e;

typedef struct azl_databricks_request_t {
    azl_claude_plan_t pl; /* the exchange, the error and the writer, and for a
                             Claude the plan */
    azl_behind_e behind;
} azl_databricks_request_t;

int azl_databricks_request(azl_exchange_t *ex, azl_buf_t *out,
                           azl_error_t *err);
/* The member `messages`. 1, or 0 with the error. */
int azl_databricks_messages(azl_databricks_request_t *rq);
/* The members `tools` and `tool_choice`. 1, or 0 with the error. */
int azl_databricks_tools(azl_databricks_request_t *rq);

/* "stop", "length", "tool_calls" or "content_filter". */
const char *azl_databricks_finish(azl_span_t reason);
/* A usage object; Claude's cache is counted beside OpenAI's members. */
void azl_databricks_usage(azl_usage_t *usage, azl_span_t raw);
/* The HTTP status that an error stands for, and its code in OpenAI's words
 * (NULL: the status has it). `status`: the one it came with; 0: none, as in a
 * stream. */
int azl_databricks_error(const char *word, int status, const char *message,
                         const char **code);
apr_status_t azl_databricks_answer(azl_exchange_t *ex, azl_span_t doc,
                                   azl_buf_t *out);
int azl_databricks_failure(azl_exchange_t *ex, int status,
                           const apr_table_t *headers, azl_span_t body,
                           azl_buf_t *out);
/* What an error document says: 1, or 0 if it is none of Databricks. Texts are
 * in the pool; the message may be NULL. */
int azl_databricks_words(apr_pool_t *p, azl_span_t body, const char **word,
                         const char **message);

void *azl_databricks_decoder(azl_exchange_t *ex);
void azl_databricks_event(void *decoder, const azl_sse_event_t *ev,
                          azl_buf_t *out);
void azl_databricks_end(void *decoder, azl_buf_t *out);

#endif /* AZL_DATABRICKS_INT_H */
