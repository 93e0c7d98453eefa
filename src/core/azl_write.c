#include "azl_write.h"

void azl_write_init(azl_write_t *w, azl_buf_t *out)
{
    w->out = out;
    w->comma = 0;
}

void azl_write_name(azl_write_t *w, const char *name)
{
    if (w->comma) {
        azl_buf_append(w->out, ",", 1);
    }
    if (name) {
        azl_buf_json_str(w->out, name);
        azl_buf_append(w->out, ":", 1);
    }
    w->comma = 1;
}

void azl_write_open(azl_write_t *w, const char *name, char bracket)
{
    azl_write_name(w, name);
    azl_buf_append(w->out, &bracket, 1);
    w->comma = 0;
}

void azl_write_close(azl_write_t *w, char bracket)
{
    azl_buf_append(w->out, &bracket, 1);
    w->comma = 1;
}

void azl_write_str(azl_write_t *w, const char *name, const char *text)
{
    azl_write_name(w, name);
    azl_buf_json_str(w->out, text);
}

void azl_write_text(azl_write_t *w, const char *name, azl_span_t text)
{
    azl_write_name(w, name);
    azl_buf_json(w->out, text.at, text.len);
}

void azl_write_int(azl_write_t *w, const char *name, apr_int64_t n)
{
    azl_write_name(w, name);
    azl_buf_int(w->out, n);
}

void azl_write_bool(azl_write_t *w, const char *name, int value)
{
    azl_write_name(w, name);
    azl_buf_puts(w->out, value ? "true" : "false");
}

void azl_write_null(azl_write_t *w, const char *name)
{
    azl_write_name(w, name);
    azl_buf_puts(w->out, "null");
}

void azl_write_raw(azl_write_t *w, const char *name, azl_span_t json)
{
    azl_write_name(w, name);
    azl_buf_span(w->out, json);
}

void azl_write_json(azl_write_t *w, const char *name, const azl_json_t *json)
{
    azl_write_name(w, name);
    azl_json_write(w->out, json);
}
