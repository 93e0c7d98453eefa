#include "azl_route.h"

typedef enum {
    METHOD_POST,
    METHOD_GET,       /* HEAD counts as GET */
    METHOD_GET_DELETE /* one stored response */
} method_e;

typedef struct fixed_t {
    const char *path; /* below the root, no slash at either end */
    unsigned char len;
    unsigned char method;
    unsigned char deployment; /* also as /deployments/{model}/{path} */
    unsigned char op;
} fixed_t;

#define FIXED(path, method, deployment, op)                                    \
    {                                                                          \
        path, sizeof(path) - 1, method, deployment, op                         \
    }

/* "chat/completions" stands before "completions", so that an Azure-shaped path
 * is read with the longest operation it can end in. */
static const fixed_t fixed[] = {
    FIXED("chat/completions", METHOD_POST, 1, AZL_OP_CHAT),
    FIXED("completions", METHOD_POST, 1, AZL_OP_COMPLETIONS),
    FIXED("embeddings", METHOD_POST, 1, AZL_OP_EMBEDDINGS),
    FIXED("responses", METHOD_POST, 0, AZL_OP_RESPONSES),
    FIXED("moderations", METHOD_POST, 0, AZL_OP_MODERATIONS),
    FIXED("images/generations", METHOD_POST, 1, AZL_OP_IMAGES_GENERATIONS),
    FIXED("images/edits", METHOD_POST, 1, AZL_OP_IMAGES_EDITS),
    FIXED("audio/transcriptions", METHOD_POST, 1, AZL_OP_AUDIO_TRANSCRIPTIONS),
    FIXED("audio/translations", METHOD_POST, 1, AZL_OP_AUDIO_TRANSLATIONS),
    FIXED("audio/speech", METHOD_POST, 1, AZL_OP_AUDIO_SPEECH),
    FIXED("messages/count_tokens", METHOD_POST, 0, AZL_OP_COUNT_TOKENS),
    FIXED("messages", METHOD_POST, 0, AZL_OP_MESSAGES),
    FIXED("rerank", METHOD_POST, 0, AZL_OP_RERANK),
    FIXED("v2/rerank", METHOD_POST, 0, AZL_OP_RERANK),
    FIXED("models", METHOD_GET, 0, AZL_OP_MODELS),
    FIXED("model/info", METHOD_GET, 0, AZL_OP_MODEL_INFO),
    FIXED("health/liveliness", METHOD_GET, 0, AZL_OP_LIVENESS),
    FIXED("health/liveness", METHOD_GET, 0, AZL_OP_LIVENESS),
    FIXED("health/readiness", METHOD_GET, 0, AZL_OP_READINESS),
    FIXED("health", METHOD_GET, 0, AZL_OP_HEALTH),
    FIXED("metrics", METHOD_GET, 0, AZL_OP_METRICS),
};

#define NFIXED (sizeof(fixed) / sizeof(fixed[0]))

typedef struct op_info_t {
    const char *name;
    const char *path;
} op_info_t;

static const op_info_t op_info[AZL_OP_COUNT] = {
    [AZL_OP_NONE] = {"none", NULL},
    [AZL_OP_CHAT] = {"chat", "chat/completions"},
    [AZL_OP_COMPLETIONS] = {"completions", "completions"},
    [AZL_OP_EMBEDDINGS] = {"embeddings", "embeddings"},
    [AZL_OP_RESPONSES] = {"responses", "responses"},
    [AZL_OP_MODERATIONS] = {"moderations", "moderations"},
    [AZL_OP_IMAGES_GENERATIONS] = {"images.generations", "images/generations"},
    [AZL_OP_IMAGES_EDITS] = {"images.edits", "images/edits"},
    [AZL_OP_AUDIO_TRANSCRIPTIONS] = {"audio.transcriptions",
                                     "audio/transcriptions"},
    [AZL_OP_AUDIO_TRANSLATIONS] = {"audio.translations", "audio/translations"},
    [AZL_OP_AUDIO_SPEECH] = {"audio.speech", "audio/speech"},
    [AZL_OP_MESSAGES] = {"messages", "messages"},
    [AZL_OP_COUNT_TOKENS] = {"messages.count_tokens", "messages/count_tokens"},
    [AZL_OP_RERANK] = {"rerank", "rerank"},
    [AZL_OP_RESPONSE_GET] = {"responses.get", "responses"},
    [AZL_OP_RESPONSE_DELETE] = {"responses.delete", "responses"},
    [AZL_OP_RESPONSE_INPUT_ITEMS] = {"responses.input_items", "responses"},
    [AZL_OP_RESPONSE_CANCEL] = {"responses.cancel", "responses"},
    [AZL_OP_MODELS] = {"models", NULL},
    [AZL_OP_MODEL] = {"model", NULL},
    [AZL_OP_MODEL_INFO] = {"model_info", NULL},
    [AZL_OP_LIVENESS] = {"liveness", NULL},
    [AZL_OP_READINESS] = {"readiness", NULL},
    [AZL_OP_HEALTH] = {"health", NULL},
    [AZL_OP_METRICS] = {"metrics", NULL},
};

static int is_get(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* The path is ours: take the operation if the method fits, else say which
 * methods would. */
static int settle(azl_route_t *route, method_e want, azl_op_e op,
                  const char *method)
{
    if (want == METHOD_POST) {
        if (strcmp(method, "POST") == 0) {
            route->op = op;
        }
        else {
            route->allow = "POST";
        }
    }
    else if (is_get(method)) {
        route->op = op;
    }
    else if (want == METHOD_GET_DELETE && strcmp(method, "DELETE") == 0) {
        route->op = AZL_OP_RESPONSE_DELETE;
    }
    else {
        route->allow =
            want == METHOD_GET_DELETE ? "GET, HEAD, DELETE" : "GET, HEAD";
    }
    return 1;
}

/* What follows `prefix` if `at` begins with it, else NULL. */
static const char *after(const char *at, const char *prefix)
{
    apr_size_t len = strlen(prefix);

    return strncmp(at, prefix, len) == 0 ? at + len : NULL;
}

/* responses/{id}[/input_items|/cancel] */
static int find_response(azl_route_t *route, const char *method,
                         const char *rest, apr_size_t len)
{
    const char *slash = memchr(rest, '/', len);
    azl_span_t tail;

    if (slash == rest || len == 0) {
        return 0;
    }
    route->id = azl_span(rest, slash ? (apr_size_t)(slash - rest) : len);
    if (!slash) {
        return settle(route, METHOD_GET_DELETE, AZL_OP_RESPONSE_GET, method);
    }
    tail = azl_span(slash + 1, len - route->id.len - 1);
    if (azl_span_is(tail, "input_items")) {
        return settle(route, METHOD_GET, AZL_OP_RESPONSE_INPUT_ITEMS, method);
    }
    if (azl_span_is(tail, "cancel")) {
        return settle(route, METHOD_POST, AZL_OP_RESPONSE_CANCEL, method);
    }
    return 0;
}

/* deployments/{model}/{op}. A model name may hold slashes: the operation is
 * found at the end, the longest that leaves a name before it. */
static int find_deployment(azl_route_t *route, const char *method,
                           const char *rest, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < NFIXED; ++i) {
        const fixed_t *f = &fixed[i];
        apr_size_t tail = (apr_size_t)f->len + 1;

        if (f->deployment && len > tail && rest[len - tail] == '/' &&
            memcmp(rest + len - f->len, f->path, f->len) == 0) {
            route->model = azl_span(rest, len - tail);
            route->azure = 1;
            return settle(route, (method_e)f->method, (azl_op_e)f->op, method);
        }
    }
    return 0;
}

/* `at` stands behind the root's slash; len does not count a final slash. */
static int find_below_root(azl_route_t *route, const char *method,
                           const char *at, apr_size_t len)
{
    const char *rest;
    apr_size_t i;

    for (i = 0; i < NFIXED; ++i) {
        if (fixed[i].len == len && memcmp(at, fixed[i].path, len) == 0) {
            return settle(route, (method_e)fixed[i].method,
                          (azl_op_e)fixed[i].op, method);
        }
    }
    if ((rest = after(at, "responses/"))) {
        return find_response(route, method, rest,
                             len - (apr_size_t)(rest - at));
    }
    if ((rest = after(at, "models/")) && rest < at + len) {
        route->model = azl_span(rest, len - (apr_size_t)(rest - at));
        return settle(route, METHOD_GET, AZL_OP_MODEL, method);
    }
    return 0;
}

/* Every path of ours begins with one of these letters below the base path:
 * audio, chat and completions, embeddings, health, images, metrics, model,
 * models and moderations, openai, responses, v1. Most paths that are not ours
 * end here. */
static int may_be_ours(char first)
{
    switch (first) {
    case 'a':
    case 'c':
    case 'e':
    case 'h':
    case 'i':
    case 'm':
    case 'o':
    case 'r':
    case 'v':
        return 1;
    default:
        return 0;
    }
}

int azl_route_under(const char *base, const char *path)
{
    const char *rest = after(path, base);

    return rest && (*rest == '/' || *rest == '\0');
}

int azl_route_find(azl_route_t *route, const char *base, const char *method,
                   const char *path)
{
    const char *at = after(path, base);
    const char *rest;
    apr_size_t len;
    int openai = 0;
    int found;

    memset(route, 0, sizeof(*route));
    if (!at || *at != '/' || !may_be_ours(at[1])) {
        return 0;
    }
    ++at;
    if ((rest = after(at, "openai/"))) {
        openai = 1;
        at = rest;
    }
    if ((rest = after(at, "v1/"))) {
        at = rest;
    }
    len = strlen(at);
    /* One final slash is tolerated: base URLs are often joined with one. */
    if (len > 0 && at[len - 1] == '/') {
        --len;
    }
    if (openai && (rest = after(at, "deployments/"))) {
        found =
            rest <= at + len &&
            find_deployment(route, method, rest, len - (apr_size_t)(rest - at));
    }
    else {
        found = find_below_root(route, method, at, len);
    }
    if (!found) {
        memset(route, 0, sizeof(*route));
    }
    return found;
}

const char *azl_op_name(azl_op_e op)
{
    return op > AZL_OP_NONE && op < AZL_OP_COUNT ? op_info[op].name : "none";
}

const char *azl_op_path(azl_op_e op)
{
    return op > AZL_OP_NONE && op < AZL_OP_COUNT ? op_info[op].path : NULL;
}

int azl_op_takes_multipart(azl_op_e op)
{
    return op == AZL_OP_AUDIO_TRANSCRIPTIONS ||
           op == AZL_OP_AUDIO_TRANSLATIONS || op == AZL_OP_IMAGES_EDITS;
}
