/*
 * The conversation as Google wants it: what the system says apart, then
 * contents of `user` and `model` in turn, what functions returned in contents
 * of their own.
 */
#include <apr_strings.h>

#include "azl_gemini_int.h"

/* What a signature is replaced with that is known no more; documented by
 * Google for conversations that another model has begun. */
#define NO_SIGNATURE "skip_thought_signature_validator"

typedef struct call_t {
    const char *id; /* NULL: OpenAI's first form of calls had none */
    const char *name;
    azl_span_t result;
    int answered;
} call_t;

typedef struct contents_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    const azl_gemini_model_t *model;
    int ids;          /* the host takes the ids of calls */
    const char *role; /* of the content that is open; NULL: none is */
    int texts;        /* ... and so many texts in it */
    int written;      /* contents so far */
    int at;           /* the message that is read */
    int asked_at;     /* ... and the one that made the last calls */
    call_t *calls;    /* these; not yet answered: the first ncalls */
    int ncalls;
    azl_span_t preface; /* a system's words for a model that has no place for
                           them; empty: written already */
} contents_t;

static int refuse(contents_t *c, const char *path, const char *message)
{
    return azl_exchange_refuse(c->ex, c->err, path, message);
}

static const char *place(const contents_t *c, const char *more)
{
    return apr_psprintf(c->ex->pool, "messages[%d]%s", c->at, more);
}

static const char *part_place(const contents_t *c, int i)
{
    return apr_psprintf(c->ex->pool, "messages[%d].content[%d]", c->at, i);
}

static const char *call_place(const contents_t *c, int message, int i)
{
    return apr_psprintf(c->ex->pool, "messages[%d].tool_calls[%d]", message, i);
}

/*
 * Contents
 */

static void write_part_text(contents_t *c, azl_span_t text)
{
    azl_write_open(c->w, NULL, '{');
    azl_write_text(c->w, "text", text);
    azl_write_close(c->w, '}');
    c->texts++;
}

static void close_content(contents_t *c)
{
    if (!c->role) {
        return;
    }
    /* A turn of nothing but media or nothing at all is refused. */
    if (strcmp(c->role, "user") == 0 && !c->texts) {
        write_part_text(c, azl_span_str(" "));
    }
    azl_write_close(c->w, ']');
    azl_write_close(c->w, '}');
    c->role = NULL;
}

static void begin_content(contents_t *c, const char *role)
{
    azl_write_open(c->w, NULL, '{');
    azl_write_str(c->w, "role", role);
    azl_write_open(c->w, "parts", '[');
    c->written++;
}

/* Turns must alternate, so what the same one says next belongs to it. */
static void open_content(contents_t *c, const char *role)
{
    if (c->role && strcmp(c->role, role) == 0) {
        return;
    }
    close_content(c);
    begin_content(c, role);
    c->role = role;
    c->texts = 0;
    if (c->preface.len && strcmp(role, "user") == 0) {
        write_part_text(c, c->preface);
        c->preface.len = 0;
    }
}

/*
 * Text
 */

/* The text of a part, or an empty span at NULL if it has none. */
static azl_span_t part_text(const azl_json_t *part)
{
    const char *type = azl_json_string(azl_json_get(part, "type"));

    if (type && strcmp(type, "text") == 0) {
        return azl_json_text(azl_json_get(part, "text"));
    }
    if (type && strcmp(type, "refusal") == 0) {
        return azl_json_text(azl_json_get(part, "refusal"));
    }
    return azl_span(NULL, 0);
}

/* Content that can only be text, as one piece. `between` its parts. */
static int read_text(contents_t *c, const azl_json_t *content,
                     const char *between, azl_buf_t *out)
{
    apr_size_t n = azl_json_length(content);
    azl_span_t text = azl_json_text(content);
    apr_size_t i;

    if (text.at || !content) {
        azl_buf_span(out, text);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse(c, place(c, ".content"),
                      "The content must be a string or a list of parts.");
    }
    for (i = 0; i < n; ++i) {
        text = part_text(azl_json_at(content, i));
        if (!text.at) {
            return refuse(c, part_place(c, (int)i),
                          "Only text can stand here.");
        }
        if (i) {
            azl_buf_puts(out, between);
        }
        azl_buf_span(out, text);
    }
    return 1;
}

/*
 * What functions returned
 */

static int is_object(azl_span_t text)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, text.at, text.len);
    return text.len && azl_scan_peek(&s) == AZL_JSON_OBJECT &&
           azl_scan_value(&s, &v) == 1 && azl_scan_end(&s) == 1;
}

static void write_result(contents_t *c, const call_t *call)
{
    azl_write_open(c->w, NULL, '{');
    azl_write_open(c->w, "functionResponse", '{');
    if (c->ids && call->id) {
        azl_write_str(c->w, "id", call->id);
    }
    azl_write_str(c->w, "name", call->name);
    if (is_object(call->result)) {
        azl_write_raw(c->w, "response", call->result);
    }
    else {
        azl_write_open(c->w, "response", '{');
        azl_write_text(c->w, "output", call->result);
        azl_write_close(c->w, '}');
    }
    azl_write_close(c->w, '}');
    azl_write_close(c->w, '}');
}

/* All results of one turn in one content, in the order of the calls and with
 * nothing else in it. */
static int end_calls(contents_t *c)
{
    int i;

    if (!c->ncalls) {
        return 1;
    }
    for (i = 0; i < c->ncalls; ++i) {
        if (!c->calls[i].answered) {
            return refuse(c, call_place(c, c->asked_at, i),
                          "This tool call has no result: a message with role "
                          "'tool' and its id must follow.");
        }
    }
    close_content(c);
    begin_content(c, "user");
    for (i = 0; i < c->ncalls; ++i) {
        write_result(c, &c->calls[i]);
    }
    azl_write_close(c->w, ']');
    azl_write_close(c->w, '}');
    c->ncalls = 0;
    return 1;
}

static call_t *find_call(contents_t *c, const char *id, const char *name)
{
    int i;

    for (i = 0; i < c->ncalls; ++i) {
        call_t *call = &c->calls[i];

        if (!call->answered &&
            (call->id ? id && strcmp(call->id, id) == 0
                      : name && strcmp(call->name, name) == 0)) {
            return call;
        }
    }
    return NULL;
}

static int take_result(contents_t *c, const azl_json_t *message)
{
    const char *id = azl_json_string(azl_json_get(message, "tool_call_id"));
    const char *name = azl_json_string(azl_json_get(message, "name"));
    const azl_json_t *content = azl_json_get(message, "content");
    call_t *call = find_call(c, id, name);
    azl_buf_t *text;

    if (!call) {
        return refuse(c, place(c, id ? ".tool_call_id" : ""),
                      "This result belongs to no tool call of the message "
                      "before.");
    }
    call->answered = 1;
    call->result = azl_json_text(content);
    if (call->result.at) {
        return 1;
    }
    text = azl_buf_create(c->ex->pool, AZL_HUB_DOCUMENT_MAX);
    if (!read_text(c, content, "\n", text)) {
        return 0;
    }
    call->result = azl_span(text->data, text->len);
    return 1;
}

/*
 * What the model said
 */

/* What this model said about its thoughts when it made the call: what the
 * client gives back, else what was kept. */
static azl_span_t signature_of(contents_t *c, const azl_json_t *call,
                               const char *id)
{
    const azl_exchange_t *ex = c->ex;
    const azl_json_t *google =
        azl_json_get(azl_json_get(call, "extra_content"), "google");
    azl_span_t text = azl_json_text(azl_json_get(google, "thought_signature"));

    if (!text.len && id && ex->recall) {
        text = ex->recall(ex->kept, ex->pool, azl_gemini_kind(ex),
                          azl_span_str(id));
    }
    return text;
}

/* `function` has name and arguments, `call` is what it stands in. */
static int write_call(contents_t *c, const azl_json_t *call, const char *id,
                      const azl_json_t *function, const char *path)
{
    call_t *known = &c->calls[c->ncalls];
    azl_json_t *arguments = azl_json_get(function, "arguments");
    azl_span_t args = azl_json_text(arguments);
    azl_span_t signature = signature_of(c, call, id);

    memset(known, 0, sizeof(*known));
    known->id = id;
    known->name = azl_json_string(azl_json_get(function, "name"));
    if (!known->name) {
        return refuse(c, path, "A tool call needs a function with a name.");
    }
    if (args.len ? !is_object(args) : arguments && !args.at) {
        return refuse(
            c, apr_pstrcat(c->ex->pool, path, ".function.arguments", NULL),
            "The arguments of a tool call must be a JSON object, "
            "written as a string.");
    }
    if (!signature.len && c->ncalls == 0 && c->model->wants_signature) {
        signature = azl_span_str(NO_SIGNATURE);
    }
    azl_write_open(c->w, NULL, '{');
    azl_write_open(c->w, "functionCall", '{');
    if (c->ids && id) {
        azl_write_str(c->w, "id", id);
    }
    azl_write_str(c->w, "name", known->name);
    azl_write_raw(c->w, "args", args.len ? args : azl_span_str("{}"));
    azl_write_close(c->w, '}');
    if (signature.len) {
        azl_write_text(c->w, "thoughtSignature", signature);
    }
    azl_write_close(c->w, '}');
    c->ncalls++;
    return 1;
}

static int write_calls(contents_t *c, const azl_json_t *calls)
{
    apr_size_t n = azl_json_length(calls);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *call = azl_json_at(calls, i);
        const char *path = call_place(c, c->at, (int)i);
        const char *id = azl_json_string(azl_json_get(call, "id"));
        const char *type = azl_json_string(azl_json_get(call, "type"));

        if (type && strcmp(type, "function") != 0) {
            return refuse(c, path,
                          "This model knows no tool calls but those "
                          "of functions.");
        }
        if (!id || !*id) {
            return refuse(c, path, "A tool call needs an id.");
        }
        if (!write_call(c, call, id, azl_json_get(call, "function"), path)) {
            return 0;
        }
    }
    return 1;
}

static int write_assistant(contents_t *c, const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    const azl_json_t *single = azl_json_get(message, "function_call");
    apr_size_t ncalls = azl_json_length(calls) + (single ? 1 : 0);
    azl_buf_t *text = azl_buf_create(c->ex->pool, AZL_HUB_DOCUMENT_MAX);

    if (!read_text(c, azl_json_get(message, "content"), "", text)) {
        return 0;
    }
    if (!text->len) {
        azl_buf_span(text, azl_json_text(azl_json_get(message, "refusal")));
    }
    if (text->len) {
        open_content(c, "model");
        write_part_text(c, azl_span(text->data, text->len));
    }
    azl_buf_free(text);
    if (!ncalls) {
        return 1;
    }
    open_content(c, "model");
    c->asked_at = c->at;
    c->calls = apr_palloc(c->ex->pool, ncalls * sizeof(*c->calls));
    return write_calls(c, calls) &&
           (!single ||
            write_call(c, message, NULL, single, place(c, ".function_call")));
}

/*
 * What the user said
 */

static int write_user(contents_t *c, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    azl_span_t text = azl_json_text(content);
    apr_size_t n = azl_json_length(content);
    apr_size_t i;

    if (!text.at && azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse(c, place(c, ".content"),
                      "The content must be a string or a list of parts.");
    }
    open_content(c, "user");
    if (text.len) {
        write_part_text(c, text);
    }
    for (i = 0; i < n; ++i) {
        const azl_json_t *part = azl_json_at(content, i);
        const char *type = azl_json_string(azl_json_get(part, "type"));

        text = part_text(part);
        if (text.len) {
            write_part_text(c, text);
        }
        else if (!text.at && !azl_gemini_media(c->ex, c->w, type, part,
                                               part_place(c, (int)i), c->err)) {
            return 0;
        }
    }
    return 1;
}

/*
 * The whole
 */

static int is_system(const char *role)
{
    return strcmp(role, "system") == 0 || strcmp(role, "developer") == 0;
}

/* What all system messages say; they stand apart, wherever they were. */
static int read_system(contents_t *c, const azl_json_t *messages,
                       azl_buf_t *text)
{
    apr_size_t n = azl_json_length(messages);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *message = azl_json_at(messages, i);
        const char *role = azl_json_string(azl_json_get(message, "role"));

        c->at = (int)i;
        if (role && is_system(role)) {
            if (text->len) {
                azl_buf_puts(text, "\n");
            }
            if (!read_text(c, azl_json_get(message, "content"), "\n", text)) {
                return 0;
            }
        }
    }
    return 1;
}

static int write_message(contents_t *c, const azl_json_t *message)
{
    const char *role = azl_json_string(azl_json_get(message, "role"));

    if (role && is_system(role)) {
        return 1;
    }
    if (role && (strcmp(role, "tool") == 0 || strcmp(role, "function") == 0)) {
        return take_result(c, message);
    }
    if (!end_calls(c)) {
        return 0;
    }
    if (role && strcmp(role, "user") == 0) {
        return write_user(c, message);
    }
    if (role && strcmp(role, "assistant") == 0) {
        return write_assistant(c, message);
    }
    return refuse(c, place(c, ".role"),
                  "A role must be one of developer, system, user, assistant "
                  "and tool.");
}

static int write_messages(contents_t *c, const azl_json_t *messages)
{
    apr_size_t n = azl_json_length(messages);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        c->at = (int)i;
        if (!write_message(c, azl_json_at(messages, i))) {
            return 0;
        }
    }
    if (!end_calls(c)) {
        return 0;
    }
    /* There must be something to answer, also where only the system spoke. */
    if (!c->written || c->preface.len) {
        open_content(c, "user");
    }
    close_content(c);
    return 1;
}

int azl_gemini_contents(azl_exchange_t *ex, azl_write_t *w, azl_error_t *err)
{
    const azl_json_t *messages = azl_json_get(ex->hub, "messages");
    azl_buf_t *system = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    contents_t c;
    int ok;

    memset(&c, 0, sizeof(c));
    c.ex = ex;
    c.w = w;
    c.err = err;
    c.model = azl_gemini_model(ex->family);
    c.ids = !azl_gemini_is_vertex(ex->deployment->endpoint);
    if (!azl_json_length(messages)) {
        return refuse(&c, "messages",
                      "'messages' must be a list of at least one message.");
    }
    if (!read_system(&c, messages, system)) {
        return 0;
    }
    if (system->len && c.model->takes_system) {
        azl_write_open(w, "systemInstruction", '{');
        azl_write_open(w, "parts", '[');
        write_part_text(&c, azl_span(system->data, system->len));
        azl_write_close(w, ']');
        azl_write_close(w, '}');
    }
    else {
        c.preface = azl_span(system->data, system->len);
    }
    azl_write_open(w, "contents", '[');
    ok = write_messages(&c, messages);
    azl_write_close(w, ']');
    azl_buf_free(system);
    return ok;
}
