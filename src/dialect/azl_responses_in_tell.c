/*
 * The events of a Response that is told while it comes.
 */
#include "azl_responses_int.h"

azl_write_t azl_tell_begin(azl_tell_t *t, const char *type)
{
    azl_write_t w;

    azl_buf_puts(t->out, "event: ");
    azl_buf_puts(t->out, type);
    azl_buf_puts(t->out, "\ndata: ");
    azl_write_init(&w, t->out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", type);
    azl_write_int(&w, "sequence_number", t->sequence++);
    return w;
}

void azl_tell_end(azl_write_t *w)
{
    azl_write_close(w, '}');
    azl_buf_puts(w->out, "\n\n");
}

void azl_tell_response(azl_tell_t *t, const char *type, const char *status,
                       const char *error)
{
    azl_write_t w = azl_tell_begin(t, type);

    azl_told_write(&t->told, &w, "response", status, error);
    azl_tell_end(&w);
}

void azl_tell_item(azl_tell_t *t, const char *type, const azl_told_item_t *item,
                   int whole)
{
    azl_write_t w = azl_tell_begin(t, type);

    azl_write_int(&w, "output_index", item->number);
    azl_told_write_item(&t->told, &w, "item", item, whole);
    azl_tell_end(&w);
}

azl_write_t azl_tell_begin_inside(azl_tell_t *t, const char *type,
                                  const azl_told_item_t *item, const char *part,
                                  int number)
{
    azl_write_t w = azl_tell_begin(t, type);

    azl_write_str(&w, "item_id", item->id);
    azl_write_int(&w, "output_index", item->number);
    if (part) {
        azl_write_int(&w, part, number);
    }
    return w;
}

void azl_tell_delta(azl_tell_t *t, const char *type,
                    const azl_told_item_t *item, const char *part, int number,
                    azl_span_t raw)
{
    azl_write_t w = azl_tell_begin_inside(t, type, item, part, number);

    azl_write_raw(&w, "delta", raw);
    azl_tell_end(&w);
}

void azl_tell_text(azl_tell_t *t, const azl_told_item_t *item, azl_span_t raw,
                   azl_span_t logprobs)
{
    azl_write_t w = azl_tell_begin_inside(t, "response.output_text.delta", item,
                                          "content_index", item->text_part);

    azl_write_raw(&w, "delta", raw);
    azl_write_open(&w, "logprobs", '[');
    azl_buf_span(w.out, logprobs);
    azl_write_close(&w, ']');
    azl_tell_end(&w);
}

void azl_tell_part(azl_tell_t *t, const char *type, const azl_told_item_t *item,
                   int refusal, int whole)
{
    azl_write_t w =
        azl_tell_begin_inside(t, type, item, "content_index",
                              refusal ? item->refusal_part : item->text_part);

    azl_told_write_part(&w, "part", item, refusal, whole);
    azl_tell_end(&w);
}

void azl_tell_part_end(azl_tell_t *t, const azl_told_item_t *item, int refusal)
{
    azl_write_t w = azl_tell_begin_inside(
        t, refusal ? "response.refusal.done" : "response.output_text.done",
        item, "content_index", refusal ? item->refusal_part : item->text_part);

    azl_told_write_inside(&w, refusal ? "refusal" : "text",
                          refusal ? item->refusal : item->text);
    if (!refusal) {
        azl_told_write_logprobs(&w, item->logprobs);
    }
    azl_tell_end(&w);
    azl_tell_part(t, "response.content_part.done", item, refusal, 1);
}

void azl_tell_summary(azl_tell_t *t, const char *type,
                      const azl_told_item_t *item, const azl_buf_t *text)
{
    azl_write_t w = azl_tell_begin_inside(t, type, item, "summary_index", 0);

    azl_write_open(&w, "part", '{');
    azl_write_str(&w, "type", "summary_text");
    azl_told_write_inside(&w, "text", text);
    azl_write_close(&w, '}');
    azl_tell_end(&w);
}

void azl_tell_summary_end(azl_tell_t *t, const azl_told_item_t *item)
{
    azl_write_t w = azl_tell_begin_inside(
        t, "response.reasoning_summary_text.done", item, "summary_index", 0);

    azl_told_write_inside(&w, "text", item->text);
    azl_tell_end(&w);
    azl_tell_summary(t, "response.reasoning_summary_part.done", item,
                     item->text);
}
