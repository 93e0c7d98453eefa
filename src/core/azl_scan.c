/*
 * azl_scan: a cursor over one JSON document, without a tree.
 *
 * The hottest code of the gateway: every request and every chunk of every
 * stream passes here. Most of their bytes are inside strings, which are
 * skipped in blocks. What the public functions share is static, so that it
 * can be inlined in a shared object too, where a public name may not.
 */
#include <apr_strings.h>

#include "azl_scan.h"

#if defined(__SSE2__) && !defined(AZL_PORTABLE)
#include <emmintrin.h>
#endif

/* The `want` of a cursor. */
enum {
    WANT_VALUE, /* a value: nothing else can come */
    WANT_FIRST, /* just behind '{' or '[' */
    WANT_NEXT   /* behind a value: a comma or the end of the container */
};

#define UNEXPECTED_END "the document ends too early"

/* What the first byte of a value tells. */
static const unsigned char type_of[256] = {
    ['{'] = AZL_JSON_OBJECT, ['['] = AZL_JSON_ARRAY,  ['"'] = AZL_JSON_STRING,
    ['t'] = AZL_JSON_TRUE,   ['f'] = AZL_JSON_FALSE,  ['n'] = AZL_JSON_NULL,
    ['-'] = AZL_JSON_NUMBER, ['0'] = AZL_JSON_NUMBER, ['1'] = AZL_JSON_NUMBER,
    ['2'] = AZL_JSON_NUMBER, ['3'] = AZL_JSON_NUMBER, ['4'] = AZL_JSON_NUMBER,
    ['5'] = AZL_JSON_NUMBER, ['6'] = AZL_JSON_NUMBER, ['7'] = AZL_JSON_NUMBER,
    ['8'] = AZL_JSON_NUMBER, ['9'] = AZL_JSON_NUMBER};

static int fail(azl_scan_t *s, const char *at, const char *error)
{
    if (!s->error) {
        s->error = error;
        s->error_at = (apr_size_t)(at - s->doc);
    }
    return -1;
}

void azl_scan_init(azl_scan_t *s, const char *doc, apr_size_t len)
{
    s->doc = len ? doc : ""; /* no arithmetic on the NULL of an empty span */
    s->at = s->doc;
    s->end = s->doc + len;
    s->error = NULL;
    s->error_at = 0;
    s->depth = 0;
    s->want = WANT_VALUE;
}

static inline int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
 * Strings
 */

static inline const char *skip_run_portable(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ') {
        at++;
    }
    return at;
}

#if defined(__SSE2__) && !defined(AZL_PORTABLE)
#define BLOCK ((apr_ssize_t)sizeof(__m128i))

/* A bit for each byte of the block that a run cannot pass. */
static inline unsigned stops_in_block(const char *at)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control_max = _mm_set1_epi8(' ' - 1);
    __m128i block = _mm_loadu_si128((const __m128i *)at);
    __m128i quotes = _mm_cmpeq_epi8(block, quote);
    __m128i backslashes = _mm_cmpeq_epi8(block, backslash);
    /* SSE2 only compares signed bytes: c <= max is written min(c, max) == c */
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(block, control_max), block);

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(quotes, backslashes), controls));
}

static inline const char *skip_run(const char *at, const char *end)
{
    unsigned stops;

    while (end - at >= BLOCK) {
        stops = stops_in_block(at);
        if (stops) {
            return at + __builtin_ctz(stops);
        }
        at += BLOCK;
    }
    return skip_run_portable(at, end);
}
#else
static inline const char *skip_run(const char *at, const char *end)
{
    return skip_run_portable(at, end);
}
#endif

const char *azl_scan_skip_portable(const char *at, const char *end)
{
    return skip_run_portable(at, end);
}

const char *azl_scan_skip_fast(const char *at, const char *end)
{
    return skip_run(at, end);
}

/* The length of a backslash, u and four digits. */
#define UNICODE_ESCAPE 6

/* The value of four hexadecimal digits, or -1. */
static long hex4(const char *at, const char *end)
{
    long code = 0;
    int i;
    char c;

    if (end - at < 4) {
        return -1;
    }
    for (i = 0; i < 4; i++) {
        c = at[i];
        code <<= 4;
        if (c >= '0' && c <= '9') {
            code += c - '0';
        }
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            code += (c | 0x20) - 'a' + 10;
        }
        else {
            return -1;
        }
    }
    return code;
}

/* Just behind the escape that starts with the backslash here, or NULL. */
static const char *escape_end(const char *at, const char *end)
{
    if (end - at < 2) {
        return NULL;
    }
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return hex4(at + 2, end) >= 0 ? at + UNICODE_ESCAPE : NULL;
    default:
        return NULL;
    }
}

/* Just behind the closing quote of the string whose opening quote is right
 * before `at`, or NULL. */
static const char *string_end(azl_scan_t *s, const char *at)
{
    const char *escape;

    for (;;) {
        at = skip_run(at, s->end);
        if (at == s->end) {
            fail(s, at, UNEXPECTED_END);
            return NULL;
        }
        if (*at == '"') {
            return at + 1;
        }
        escape = at;
        at = *at == '\\' ? escape_end(at, s->end) : NULL;
        if (!at) {
            fail(s, escape,
                 *escape == '\\' ? "invalid escape in a string"
                                 : "unescaped control character in a string");
            return NULL;
        }
    }
}

/*
 * Numbers and literals
 */

static inline int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind one or more digits, or NULL if there is none. */
static const char *digits_end(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && is_digit(*at)) {
        at++;
    }
    return at > start ? at : NULL;
}

/* Behind the number that starts here, or NULL. What follows a number is for
 * the caller: in 01 it is the 1, which no comma precedes. */
static const char *number_end(const char *at, const char *end)
{
    if (*at == '-') {
        at++;
    }
    if (at < end && *at == '0') {
        at++;
    }
    else {
        at = digits_end(at, end);
    }
    if (at && at < end && *at == '.') {
        at = digits_end(at + 1, end);
    }
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) {
            at++;
        }
        at = digits_end(at, end);
    }
    return at;
}

static const char *literal_end(const char *at, const char *end,
                               const char *literal)
{
    apr_size_t len = strlen(literal);

    if ((apr_size_t)(end - at) < len || memcmp(at, literal, len)) {
        return NULL;
    }
    return at + len;
}

/*
 * The cursor
 */

/* Step over white space: the byte there, or -1 at the end. */
static inline int next_byte(azl_scan_t *s)
{
    const char *at = s->at;

    while (at < s->end && is_space(*at)) {
        at++;
    }
    s->at = at;
    return at < s->end ? (unsigned char)*at : -1;
}

static int expected(azl_scan_t *s, const char *what)
{
    return fail(s, s->at, s->at == s->end ? UNEXPECTED_END : what);
}

static inline azl_json_type_e next_type(azl_scan_t *s)
{
    int c = next_byte(s);

    return c < 0 ? AZL_JSON_NONE : (azl_json_type_e)type_of[c];
}

static inline int in_array(const azl_scan_t *s)
{
    int level = s->depth - 1;

    return (s->is_array[level / 8] >> (level % 8)) & 1;
}

static int enter(azl_scan_t *s, azl_json_type_e type)
{
    unsigned char bit = (unsigned char)(1 << (s->depth % 8));

    if (s->depth == AZL_SCAN_DEPTH_MAX) {
        return fail(s, s->at, "nested too deeply");
    }
    if (type == AZL_JSON_ARRAY) {
        s->is_array[s->depth / 8] |= bit;
    }
    else {
        s->is_array[s->depth / 8] &= (unsigned char)~bit;
    }
    s->depth++;
    s->at++;
    s->want = WANT_FIRST;
    return 1;
}

static int leave(azl_scan_t *s)
{
    s->depth--;
    s->at++;
    s->want = WANT_NEXT;
    return 0;
}

static int next_member(azl_scan_t *s, azl_span_t *key)
{
    const char *end;
    int c = next_byte(s);

    if (c == '}') {
        return leave(s);
    }
    if (s->want == WANT_NEXT) {
        if (c != ',') {
            return expected(s, "',' or '}' expected");
        }
        s->at++;
        c = next_byte(s);
    }
    if (c != '"') {
        return expected(s, "member name expected");
    }
    end = string_end(s, s->at + 1);
    if (!end) {
        return -1;
    }
    *key = azl_span(s->at + 1, (apr_size_t)(end - s->at - 2));
    s->at = end;
    if (next_byte(s) != ':') {
        return expected(s, "':' expected");
    }
    s->at++;
    s->want = WANT_VALUE;
    return 1;
}

static int next_element(azl_scan_t *s)
{
    int c = next_byte(s);

    if (c == ']') {
        return leave(s);
    }
    if (s->want == WANT_NEXT) {
        if (c != ',') {
            return expected(s, "',' or ']' expected");
        }
        s->at++;
    }
    s->want = WANT_VALUE;
    return 1;
}

/* Read a value that is neither object nor array. */
static int scalar(azl_scan_t *s, azl_json_type_e type)
{
    const char *end = NULL;

    switch (type) {
    case AZL_JSON_STRING:
        end = string_end(s, s->at + 1);
        break;
    case AZL_JSON_NUMBER:
        end = number_end(s->at, s->end);
        break;
    case AZL_JSON_TRUE:
        end = literal_end(s->at, s->end, "true");
        break;
    case AZL_JSON_FALSE:
        end = literal_end(s->at, s->end, "false");
        break;
    case AZL_JSON_NULL:
        end = literal_end(s->at, s->end, "null");
        break;
    default:
        break;
    }
    if (!end) {
        return expected(s, "invalid value"); /* a string has told already */
    }
    s->at = end;
    s->want = WANT_NEXT;
    return 1;
}

static inline int is_container(azl_json_type_e type)
{
    return type == AZL_JSON_OBJECT || type == AZL_JSON_ARRAY;
}

/* Read an object or array whole. A loop, not a recursion: how deep a document
 * goes is up to the client, the stack of a thread is not. */
static int container(azl_scan_t *s, azl_json_type_e type)
{
    int outside = s->depth;
    int more = enter(s, type);
    azl_span_t key;

    while (more >= 0 && s->depth > outside) {
        more = in_array(s) ? next_element(s) : next_member(s, &key);
        if (more == 1) {
            type = next_type(s);
            more = is_container(type) ? enter(s, type) : scalar(s, type);
        }
    }
    return more < 0 ? -1 : 1;
}

azl_json_type_e azl_scan_peek(azl_scan_t *s)
{
    if (s->error || s->want != WANT_VALUE) {
        return AZL_JSON_NONE;
    }
    return next_type(s);
}

int azl_scan_enter(azl_scan_t *s)
{
    azl_json_type_e type = azl_scan_peek(s);

    if (!is_container(type)) {
        return expected(s, "object or array expected");
    }
    return enter(s, type);
}

int azl_scan_value(azl_scan_t *s, azl_value_t *v)
{
    azl_json_type_e type = azl_scan_peek(s);
    const char *start = s->at;
    int ok;

    if (s->want != WANT_VALUE) {
        return expected(s, "value expected");
    }
    ok = is_container(type) ? container(s, type) : scalar(s, type);
    v->type = type;
    v->raw = azl_span(start, (apr_size_t)(s->at - start));
    return ok;
}

/* Is the cursor behind a whole value in a container of this kind? */
static int at_border(azl_scan_t *s, int array)
{
    azl_value_t unread;

    if (s->error) {
        return 0;
    }
    if (s->depth == 0 || in_array(s) != array) {
        expected(s, array ? "array expected" : "object expected");
        return 0;
    }
    return s->want != WANT_VALUE || azl_scan_value(s, &unread) == 1;
}

int azl_scan_member(azl_scan_t *s, azl_span_t *key)
{
    return at_border(s, 0) ? next_member(s, key) : -1;
}

int azl_scan_element(azl_scan_t *s)
{
    return at_border(s, 1) ? next_element(s) : -1;
}

int azl_scan_end(azl_scan_t *s)
{
    if (s->error) {
        return -1;
    }
    if (s->depth || s->want == WANT_VALUE) {
        return expected(s, "the document is not read to its end");
    }
    if (next_byte(s) >= 0) {
        return fail(s, s->at, "more behind the end of the document");
    }
    return 1;
}

void azl_scan_position(const char *doc, apr_size_t len, apr_size_t offset,
                       int *line, int *column)
{
    const char *start = len ? doc : "";
    const char *stop = start + (offset < len ? offset : len);
    const char *lf;

    *line = 1;
    while (start < stop && (lf = memchr(start, '\n', stop - start))) {
        ++*line;
        start = lf + 1;
    }
    *column = (int)(stop - start) + 1;
}

/*
 * Values
 */

#define HIGH_SURROGATE 0xD800
#define LOW_SURROGATE 0xDC00
#define LAST_SURROGATE 0xDFFF

static char *put_utf8(char *out, apr_uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
    }
    else {
        if (code < 0x10000) {
            *out++ = (char)(0xE0 | code >> 12);
        }
        else {
            *out++ = (char)(0xF0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (code & 0x3F));
    return out;
}

/* The character a valid \u escape at *at stands for, both halves of a pair
 * taken together; 0 for a NUL and for a lone surrogate. */
static apr_uint32_t unicode_escape(const char **at, const char *end)
{
    long code = hex4(*at + 2, end), low;

    *at += UNICODE_ESCAPE;
    if (code < HIGH_SURROGATE || code > LAST_SURROGATE) {
        return (apr_uint32_t)code;
    }
    if (code >= LOW_SURROGATE || end - *at < UNICODE_ESCAPE ||
        (*at)[0] != '\\' || (*at)[1] != 'u') {
        return 0;
    }
    low = hex4(*at + 2, end);
    if (low < LOW_SURROGATE || low > LAST_SURROGATE) {
        return 0;
    }
    *at += UNICODE_ESCAPE;
    return 0x10000 + (apr_uint32_t)((code - HIGH_SURROGATE) << 10 |
                                    (low - LOW_SURROGATE));
}

/* The text between the quotes. It never grows: the shortest escape is as long
 * as the longest character that needs it. */
static const char *decode(apr_pool_t *p, azl_span_t s)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *at = s.at, *end = s.at + s.len, *letter;
    char *text, *out;
    apr_uint32_t code;

    if (!s.len) {
        return "";
    }
    text = out = apr_palloc(p, s.len + 1);
    while (at < end) {
        if (*at != '\\') {
            code = (unsigned char)*at;
            *out++ = *at++;
        }
        else if (!escape_end(at, end)) {
            return NULL;
        }
        else if (at[1] == 'u') {
            code = unicode_escape(&at, end);
            out = put_utf8(out, code);
        }
        else {
            letter = strchr(letters, at[1]);
            code = (unsigned char)(letter ? meanings[letter - letters] : at[1]);
            *out++ = (char)code;
            at += 2;
        }
        if (!code) {
            return NULL;
        }
    }
    *out = '\0';
    return text;
}

const char *azl_scan_text(apr_pool_t *p, azl_span_t raw)
{
    if (raw.len < 2 || raw.at[0] != '"' || raw.at[raw.len - 1] != '"') {
        return NULL;
    }
    return decode(p, azl_span(raw.at + 1, raw.len - 2));
}

const char *azl_scan_name(apr_pool_t *p, azl_span_t key)
{
    return decode(p, key);
}

int azl_scan_uint(azl_span_t raw, apr_int64_t *n)
{
    apr_int64_t value = 0;
    apr_size_t i;
    int digit;

    if (!raw.len || (raw.len > 1 && raw.at[0] == '0')) {
        return 0;
    }
    for (i = 0; i < raw.len; i++) {
        if (!is_digit(raw.at[i])) {
            return 0;
        }
        digit = raw.at[i] - '0';
        if (value > (APR_INT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    *n = value;
    return 1;
}
