/*
 * ConverseStream's events as a hub stream.
 *
 * Each frame is read where it lies and written on; kept is only which block is
 * which tool call, and the reasoning that has to come back signed.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_edit_int.h"
#include "azl_eventstream.h"
#include "azl_reply.h"

/* A block that is a call of a tool. */
typedef struct call_t {
    apr_int64_t block; /* its contentBlockIndex */
    int as_text;       /* the tool stands for the answer's text */
    int index;         /* of the call among all */
    int spoken;        /* it has arguments */
} call_t;

typedef struct decoder_t {
    azl_exchange_t *ex;
    const azl_bedrock_memo_t *memo;
    azl_hub_stream_t hub;
    azl_eventstream_t *frames;
    apr_array_header_t *calls; /* call_t */
    int ncalls;                /* ... that the client sees */
    const char *first_id;      /* of the first of them; NULL: none yet */
    int closed;                /* all has been said, or an error */
    azl_buf_t *state;     /* reasoning blocks to be kept; NULL: nothing is */
    azl_buf_t *thought;   /* ... the text of the one that runs */
    azl_buf_t *signature; /* ... its signature, or what cannot be read */
    int redacted;         /* ... the latter */
} decoder_t;

/* A member of an object inside an object; NULL: there is none. */
static const azl_value_t *inner(azl_object_t *o, const azl_value_t *outer,
                                const char *name)
{
    return outer && azl_object_open(o, outer->raw) ? azl_object_get(o, name)
                                                   : NULL;
}

static azl_span_t unquoted(const azl_value_t *v)
{
    return v && azl_value_is_text(v) ? azl_span(v->raw.at + 1, v->raw.len - 2)
                                     : azl_span("", 0);
}

/*
 * Calls of tools
 */

static call_t *find_call(const decoder_t *d, apr_int64_t block)
{
    int i;

    /* the last is the one that runs */
    for (i = d->calls->nelts; i > 0; --i) {
        call_t *call = &APR_ARRAY_IDX(d->calls, i - 1, call_t);

        if (call->block == block) {
            return call;
        }
    }
    return NULL;
}

static azl_span_t text_of(const decoder_t *d, const azl_value_t *v)
{
    return azl_span_str(v ? azl_scan_text(d->ex->pool, v->raw) : NULL);
}

static void begin_call(decoder_t *d, apr_int64_t block, const azl_value_t *use)
{
    const azl_value_t *their_name, *their_id;
    azl_span_t name, id;
    azl_object_t o;
    call_t *call;

    if (!azl_object_open(&o, use->raw)) {
        return;
    }
    their_name = azl_object_get(&o, "name");
    their_id = azl_object_get(&o, "toolUseId");
    if (!azl_hub_another_call(&d->hub, unquoted(their_name).len,
                              unquoted(their_id).len)) {
        d->closed = 1;
        return;
    }
    name = text_of(d, their_name);
    id = text_of(d, their_id);
    if (!name.len) {
        return;
    }
    call = apr_array_push(d->calls);
    memset(call, 0, sizeof(*call));
    call->block = block;
    call->as_text = d->memo->json_tool && azl_span_is(name, AZL_JSON_TOOL);
    if (call->as_text) {
        return;
    }
    if (!id.len) {
        id = azl_span_str(apr_psprintf(d->ex->pool, "call_%s_%d",
                                       d->ex->request_id, d->ncalls));
    }
    d->first_id = d->first_id ? d->first_id : id.at;
    call->index = d->ncalls++;
    azl_hub_tool(&d->hub, 0, call->index, id,
                 azl_bedrock_own_name(d->memo, name));
}

static void add_input(decoder_t *d, apr_int64_t block, azl_span_t raw)
{
    call_t *call = find_call(d, block);

    if (!call || raw.len <= 2) {
        return;
    }
    call->spoken = 1;
    if (call->as_text) {
        azl_hub_delta(&d->hub, 0, "content", raw);
    }
    else {
        azl_hub_arguments(&d->hub, 0, call->index, raw);
    }
}

/* A call without arguments still has an object. */
static void end_call(decoder_t *d, apr_int64_t block)
{
    call_t *call = find_call(d, block);

    if (call && !call->spoken) {
        add_input(d, block, azl_span_str("\"{}\""));
    }
}

/*
 * Reasoning
 */

static void add_reasoning(decoder_t *d, const azl_value_t *reasoning)
{
    azl_object_t o;
    const azl_value_t *text = inner(&o, reasoning, "text");
    const azl_value_t *signature, *redacted;

    if (text && text->type == AZL_JSON_STRING) {
        azl_hub_delta(&d->hub, 0, "reasoning_content", text->raw);
    }
    if (!d->state) {
        return;
    }
    azl_buf_span(d->thought, unquoted(text));
    signature = inner(&o, reasoning, "signature");
    azl_buf_span(d->signature, unquoted(signature));
    redacted = inner(&o, reasoning, "redactedContent");
    if (redacted) {
        azl_buf_span(d->signature, unquoted(redacted));
        d->redacted = 1;
    }
}

/* The pieces were inside of JSON strings, and so is what they make. */
static void end_reasoning(decoder_t *d)
{
    if (!d->state || !d->signature->len) {
        return;
    }
    azl_buf_puts(d->state, d->state->len ? "," : "");
    azl_buf_puts(d->state, "{\"reasoningContent\":{");
    if (d->redacted) {
        azl_buf_puts(d->state, "\"redactedContent\":\"");
    }
    else {
        azl_buf_puts(d->state, "\"reasoningText\":{\"text\":\"");
        azl_buf_span(d->state, azl_span(d->thought->data, d->thought->len));
        azl_buf_puts(d->state, "\",\"signature\":\"");
    }
    azl_buf_span(d->state, azl_span(d->signature->data, d->signature->len));
    azl_buf_puts(d->state, d->redacted ? "\"}}" : "\"}}}");
    d->state->failed |= d->thought->failed | d->signature->failed;
    azl_buf_clear(d->thought);
    azl_buf_clear(d->signature);
    d->redacted = 0;
}

static void keep_state(decoder_t *d)
{
    if (d->state && d->state->len && !d->state->failed && d->first_id) {
        d->ex->keep(d->ex->kept, AZL_BEDROCK_KIND, azl_span_str(d->first_id),
                    azl_span(d->state->data, d->state->len));
    }
}

/*
 * Events
 */

static apr_int64_t block_of(const azl_object_t *o)
{
    const azl_value_t *v = azl_object_get(o, "contentBlockIndex");
    apr_int64_t block = 0;

    return v && azl_scan_uint(v->raw, &block) ? block : 0;
}

static void on_start(decoder_t *d, const azl_object_t *o)
{
    azl_object_t start;
    const azl_value_t *use =
        inner(&start, azl_object_get(o, "start"), "toolUse");

    if (use) {
        begin_call(d, block_of(o), use);
    }
}

static void on_delta(decoder_t *d, const azl_object_t *o)
{
    const azl_value_t *outer = azl_object_get(o, "delta");
    azl_object_t delta, use;
    const azl_value_t *v;

    if (!outer || !azl_object_open(&delta, outer->raw)) {
        return;
    }
    v = azl_object_get(&delta, "text");
    if (v && v->type == AZL_JSON_STRING) {
        azl_hub_delta(&d->hub, 0, "content", v->raw);
        return;
    }
    v = azl_object_get(&delta, "toolUse");
    if (v) {
        v = inner(&use, v, "input");
        if (v && v->type == AZL_JSON_STRING) {
            add_input(d, block_of(o), v->raw);
        }
        return;
    }
    v = azl_object_get(&delta, "reasoningContent");
    if (v) {
        add_reasoning(d, v);
    }
}

static void on_stop(decoder_t *d, const azl_object_t *o)
{
    end_call(d, block_of(o));
    end_reasoning(d);
}

static void on_message_start(decoder_t *d, const azl_object_t *o)
{
    (void)o;
    azl_hub_role(&d->hub, 0);
}

static void on_message_stop(decoder_t *d, const azl_object_t *o)
{
    const char *finish =
        azl_bedrock_finish(unquoted(azl_object_get(o, "stopReason")));

    if (d->ncalls && strcmp(finish, "stop") == 0) {
        finish = "tool_calls";
    }
    else if (!d->ncalls && strcmp(finish, "tool_calls") == 0) {
        finish = "stop"; /* the tool stood for the text */
    }
    keep_state(d);
    azl_hub_finish(&d->hub, 0, finish);
}

static void write_costs(azl_hub_stream_t *h, const azl_bedrock_costs_t *costs)
{
    azl_buf_puts(h->out, "data: {\"id\":");
    azl_buf_puts(h->out, h->id);
    azl_buf_puts(h->out, ",\"object\":\"chat.completion.chunk\",\"created\":");
    azl_buf_int(h->out, h->created);
    azl_buf_puts(h->out, ",\"model\":\"\",\"choices\":[],\"service_tier\":");
    azl_buf_json_str(h->out, costs->tier);
    azl_buf_puts(h->out, ",\"usage\":");
    azl_hub_usage_write(h->out, &costs->usage);
    azl_buf_puts(h->out, "}\n\n");
}

/* The last event. */
static void on_metadata(decoder_t *d, azl_span_t payload)
{
    azl_bedrock_costs_t costs;

    if (azl_bedrock_costs(payload, &costs) && costs.usage.reported) {
        write_costs(&d->hub, &costs);
    }
    if (d->hub.finished) {
        azl_hub_done(&d->hub);
        d->closed = 1;
    }
}

static apr_status_t on_event(decoder_t *d, const azl_frame_t *frame)
{
    static const struct {
        const char *type;
        void (*read)(decoder_t *d, const azl_object_t *o);
    } events[] = {{"contentBlockDelta", on_delta},
                  {"contentBlockStart", on_start},
                  {"contentBlockStop", on_stop},
                  {"messageStart", on_message_start},
                  {"messageStop", on_message_stop}};
    azl_object_t o;
    apr_size_t i;

    for (i = 0; i < sizeof(events) / sizeof(events[0]); ++i) {
        if (azl_span_is(frame->event_type, events[i].type)) {
            if (!azl_object_open(&o, frame->payload)) {
                return APR_EGENERAL;
            }
            events[i].read(d, &o);
            return APR_SUCCESS;
        }
    }
    if (azl_span_is(frame->event_type, "metadata")) {
        on_metadata(d, frame->payload);
    }
    return APR_SUCCESS;
}

/* The status was 200 long before this. */
static void on_exception(decoder_t *d, const azl_frame_t *frame)
{
    azl_span_t type =
        frame->exception_type.len ? frame->exception_type : frame->error_code;
    const char *message = azl_bedrock_message(d->ex->pool, frame->payload);
    int status = azl_bedrock_error_status(type);
    const char *code;

    status = status ? status : 500;
    code = azl_bedrock_error_code(&status, message);
    azl_hub_error(&d->hub, status, NULL, code, message);
    d->closed = 1;
}

static apr_status_t on_frame(void *baton, const azl_frame_t *frame)
{
    decoder_t *d = baton;

    if (d->closed) {
        return APR_SUCCESS;
    }
    if (azl_span_is(frame->message_type, "event")) {
        return on_event(d, frame);
    }
    on_exception(d, frame);
    return APR_SUCCESS;
}

void *azl_bedrock_decoder(azl_exchange_t *ex)
{
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    d->ex = ex;
    d->memo = ex->memo;
    d->frames = azl_eventstream_create(ex->pool, AZL_STREAM_EVENT_MAX);
    d->calls = apr_array_make(ex->pool, 4, sizeof(call_t));
    if (ex->keep) {
        d->state = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
        d->thought = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
        d->signature = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    }
    azl_hub_stream_init(&d->hub, ex);
    return d;
}

apr_status_t azl_bedrock_bytes(void *decoder, const char *data, apr_size_t len,
                               azl_buf_t *out)
{
    decoder_t *d = decoder;

    apr_status_t rv;

    d->hub.out = out;
    rv = azl_eventstream_feed(d->frames, data, len, on_frame, d);
    /* what comes behind the end is nobody's */
    return rv == APR_SUCCESS || d->closed ? APR_SUCCESS : APR_EGENERAL;
}
