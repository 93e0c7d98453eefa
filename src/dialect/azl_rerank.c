#include <apr_strings.h>

#include "azl_rerank_int.h"

static int add_document(azl_exchange_t *ex, azl_rerank_t *rr,
                        const azl_json_t *document, int i, azl_error_t *err)
{
    azl_span_t text = azl_json_text(document);

    if (!text.at) {
        text = azl_json_text(azl_json_get(document, "text"));
    }
    if (!text.len) {
        return azl_exchange_refuse(
            ex, err, apr_psprintf(ex->pool, "documents[%d]", i),
            "A document must be a string, or an object with a text, and not "
            "be empty.");
    }
    APR_ARRAY_PUSH(rr->documents, azl_span_t) = text;
    return 1;
}

static int read_documents(azl_exchange_t *ex, azl_rerank_t *rr,
                          azl_error_t *err)
{
    const azl_json_t *documents = azl_json_get(ex->hub, "documents");
    apr_size_t n = azl_json_length(documents);
    apr_size_t i;

    if (!n) {
        return azl_exchange_refuse(ex, err, "documents",
                                   "'documents' must be a list of at least "
                                   "one.");
    }
    rr->documents = apr_array_make(ex->pool, (int)n, sizeof(azl_span_t));
    for (i = 0; i < n; ++i) {
        if (!add_document(ex, rr, azl_json_at(documents, i), (int)i, err)) {
            return 0;
        }
    }
    return 1;
}

/* The request's tree does not live as long as the answer. */
static void remember(azl_exchange_t *ex, const azl_rerank_t *rr)
{
    azl_rerank_memo_t *memo = apr_pcalloc(ex->pool, sizeof(*memo));
    const azl_json_t *wanted = azl_json_get(ex->hub, "return_documents");
    int i;

    memo->count = rr->documents->nelts;
    ex->memo = memo;
    if (azl_json_type(wanted) != AZL_JSON_TRUE) {
        return;
    }
    memo->texts =
        apr_palloc(ex->pool, sizeof(*memo->texts) * (apr_size_t)memo->count);
    for (i = 0; i < memo->count; ++i) {
        azl_span_t text = APR_ARRAY_IDX(rr->documents, i, azl_span_t);

        memo->texts[i] =
            azl_span(apr_pstrmemdup(ex->pool, text.at, text.len), text.len);
    }
}

static int note_rest(void *baton, const char *name, const azl_json_t *value)
{
    static const char *const known[] = {"model", "query", "documents", "top_n",
                                        "return_documents"};
    azl_exchange_t *ex = ((void **)baton)[0];
    azl_error_t *err = ((void **)baton)[1];
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (!value || strcmp(name, known[i]) == 0) {
            return 0;
        }
    }
    /* by which of their members documents are judged is another question */
    return !azl_exchange_without(ex, apr_pstrdup(ex->pool, name),
                                 strcmp(name, "rank_fields") == 0, err);
}

int azl_rerank_read(azl_exchange_t *ex, azl_rerank_t *rr, azl_error_t *err)
{
    const azl_json_t *top = azl_json_get(ex->hub, "top_n");
    void *baton[] = {ex, err};

    memset(rr, 0, sizeof(*rr));
    rr->query = azl_json_text(azl_json_get(ex->hub, "query"));
    if (!rr->query.len) {
        return azl_exchange_refuse(ex, err, "query",
                                   "'query' must be a string that is not "
                                   "empty.");
    }
    if (top && (!azl_json_int(top, &rr->top) || rr->top < 1)) {
        return azl_exchange_refuse(ex, err, "top_n",
                                   "This must be a number of at least 1.");
    }
    if (!read_documents(ex, rr, err) ||
        azl_json_each(ex->hub, note_rest, baton)) {
        return 0;
    }
    remember(ex, rr);
    return 1;
}

/*
 * The answer
 */

static int put_result(const azl_rerank_memo_t *memo, azl_write_t *w,
                      azl_scan_t *s)
{
    const azl_value_t *index;
    const azl_value_t *score;
    apr_int64_t place;
    azl_object_t o;

    if (!azl_object_scan(&o, s)) {
        return 0;
    }
    index = azl_object_get(&o, "index");
    score = azl_object_get(&o, "relevance_score");
    score = score ? score : azl_object_get(&o, "relevanceScore");
    if (!index || !azl_scan_uint(index->raw, &place) || place >= memo->count ||
        !score || score->type != AZL_JSON_NUMBER) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_int(w, "index", place);
    azl_write_raw(w, "relevance_score", score->raw);
    if (memo->texts) {
        azl_write_open(w, "document", '{');
        azl_write_text(w, "text", memo->texts[place]);
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
    return 1;
}

apr_status_t azl_rerank_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out)
{
    const azl_value_t *list;
    azl_object_t o;
    azl_write_t w;
    azl_scan_t s;
    int more;

    list = azl_object_open(&o, doc) ? azl_object_get(&o, "results") : NULL;
    if (!list || list->type != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "id", ex->request_id);
    azl_write_open(&w, "results", '[');
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1) {
        if (!put_result(ex->memo, &w, &s)) {
            return APR_EGENERAL;
        }
    }
    azl_write_close(&w, ']');
    azl_write_open(&w, "meta", '{');
    azl_write_open(&w, "api_version", '{');
    azl_write_str(&w, "version", "2");
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    return more == 0 ? APR_SUCCESS : APR_EGENERAL;
}
