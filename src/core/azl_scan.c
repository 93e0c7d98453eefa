/*
 * azl_scan: a cursor over one JSON document, without a tree.
 *
 * The hottest code of the gateway: every request and every chunk of every
 * stream passes here. Most of their bytes are inside strings, which are
 * skipped in blocks. What the public functions share is static, so that it
 * can be inlined in a shared object too, where a public name may not.
 */
#include "azl_scan_int.h"

#if defined(__SSE2__) && !defined(AZL_PORTABLE)
#include <emmintrin.h>
#define HAVE_BLOCKS
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

static inline const char *skip_run(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ') {
        at++;
    }
    return at;
}

#ifdef HAVE_BLOCKS
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

const char *azl_scan_skip_fast(const char *at, const char *end)
{
    unsigned stops;

    while (end - at >= BLOCK) {
        stops = stops_in_block(at);
        if (stops) {
            return at + __builtin_ctz(stops);
        }
        at += BLOCK;
    }
    return skip_run(at, end);
}
#else
const char *azl_scan_skip_fast(const char *at, const char *end)
{
    return skip_run(at, end);
}
#endif

const char *azl_scan_skip_portable(const char *at, const char *end)
{
    return skip_run(at, end);
}

/* Over what ended a run and is no quote: just behind the escape, or NULL. */
static inline const char *step_over(azl_scan_t *s, const char *at)
{
    const char *behind = *at == '\\' ? azl_escape_end(at, s->end) : NULL;

    if (!behind) {
        fail(s, at,
             *at == '\\' ? "invalid escape in a string"
                         : "unescaped control character in a string");
    }
    return behind;
}

/* string_end() for a string of any length. */
static const char *long_string_end(azl_scan_t *s, const char *at)
{
    const char *end = s->end;
#ifdef HAVE_BLOCKS
    const char *stop, *behind, *next;
    unsigned stops;

    /* All escapes of a block are taken from its one mask, and the next block
     * does not wait for them: code has an escape every few bytes. */
    while (end - at >= BLOCK) {
        stops = stops_in_block(at);
        next = at + BLOCK;
        while (stops) {
            stop = at + __builtin_ctz(stops);
            if (*stop == '"') {
                return stop + 1;
            }
            behind = step_over(s, stop);
            if (!behind) {
                return NULL;
            }
            if (behind >= next) {
                next = behind;
                break;
            }
            stops &= ~0u << (behind - at);
        }
        at = next;
    }
#endif
    for (;;) {
        at = skip_run(at, end);
        if (at == end) {
            fail(s, at, UNEXPECTED_END);
            return NULL;
        }
        if (*at == '"') {
            return at + 1;
        }
        at = step_over(s, at);
        if (!at) {
            return NULL;
        }
    }
}

/* Just behind the closing quote of the string whose opening quote is right
 * before `at`, or NULL. Names and most values end in their first block. */
static inline const char *string_end(azl_scan_t *s, const char *at)
{
#ifdef HAVE_BLOCKS
    unsigned stops = s->end - at >= BLOCK ? stops_in_block(at) : 0;

    if (stops && at[__builtin_ctz(stops)] == '"') {
        return at + __builtin_ctz(stops) + 1;
    }
#endif
    return long_string_end(s, at);
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
    if (!at || at == end || (*at != '.' && *at != 'e' && *at != 'E')) {
        return at;
    }
    if (*at == '.') {
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

    if ((apr_size_t)(end - at) < len || memcmp(at, literal, len) != 0) {
        return NULL;
    }
    return at + len;
}

/*
 * The cursor
 */

/* Documents for machines have no white space: one comparison finds that
 * out. */
static inline const char *skip_space(const char *at, const char *end)
{
    if (at < end && (unsigned char)*at > ' ') {
        return at;
    }
    while (at < end && is_space(*at)) {
        at++;
    }
    return at;
}

/* Step over white space: the byte there, or -1 at the end. */
static inline int next_byte(azl_scan_t *s)
{
    s->at = skip_space(s->at, s->end);
    return s->at < s->end ? (unsigned char)*s->at : -1;
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
    return s->is_array[s->depth - 1];
}

static int enter(azl_scan_t *s, azl_json_type_e type)
{
    if (s->depth == AZL_SCAN_DEPTH_MAX) {
        return fail(s, s->at, "nested too deeply");
    }
    s->is_array[s->depth++] = type == AZL_JSON_ARRAY;
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

/* Behind the value here, which is neither object nor array, or NULL. */
static inline const char *scalar_end(azl_scan_t *s, const char *at,
                                     azl_json_type_e type)
{
    switch (type) {
    case AZL_JSON_STRING:
        return string_end(s, at + 1);
    case AZL_JSON_NUMBER:
        return number_end(at, s->end);
    case AZL_JSON_TRUE:
        return literal_end(at, s->end, "true");
    case AZL_JSON_FALSE:
        return literal_end(at, s->end, "false");
    case AZL_JSON_NULL:
        return literal_end(at, s->end, "null");
    default:
        return NULL;
    }
}

static int scalar(azl_scan_t *s, azl_json_type_e type)
{
    const char *end = scalar_end(s, s->at, type);

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

static const char *unexpected(azl_scan_t *s, const char *at, const char *what)
{
    s->at = at;
    expected(s, what);
    return NULL;
}

static inline int is_here(const azl_scan_t *s, const char *at, char c)
{
    return at < s->end && *at == c;
}

/* From where the next member or element of the container may begin to its
 * value, or NULL. */
static inline const char *next_value(azl_scan_t *s, const char *at, int array,
                                     int first)
{
    if (!first) {
        if (!is_here(s, at, ',')) {
            return unexpected(
                s, at, array ? "',' or ']' expected" : "',' or '}' expected");
        }
        at = skip_space(at + 1, s->end);
    }
    if (array) {
        return at;
    }
    if (!is_here(s, at, '"')) {
        return unexpected(s, at, "member name expected");
    }
    at = string_end(s, at + 1);
    if (!at) {
        return NULL;
    }
    at = skip_space(at, s->end);
    if (!is_here(s, at, ':')) {
        return unexpected(s, at, "':' expected");
    }
    return skip_space(at + 1, s->end);
}

/*
 * Read an object or array whole. A loop, not a recursion: how deep a document
 * goes is up to the client, the stack of a thread is not. Most bytes of most
 * documents are read here, so it does what next_member() and next_element() do
 * without storing the cursor after every step. Its frame is its own: values
 * that are no container need none.
 */
__attribute__((noinline)) static int container(azl_scan_t *s,
                                               azl_json_type_e type)
{
    const int outside = s->depth;
    const char *at, *end;
    int array, first;

    if (enter(s, type) < 0) {
        return -1;
    }
    at = s->at;
    first = 1;
    while (s->depth > outside) {
        at = skip_space(at, s->end);
        array = in_array(s);
        if (is_here(s, at, array ? ']' : '}')) {
            s->depth--;
            at++;
            first = 0;
            continue;
        }
        at = next_value(s, at, array, first);
        if (!at) {
            return -1;
        }
        type = at < s->end ? type_of[(unsigned char)*at] : AZL_JSON_NONE;
        first = is_container(type);
        if (first) {
            s->at = at;
            if (enter(s, type) < 0) {
                return -1;
            }
            at++;
        }
        else {
            end = scalar_end(s, at, type);
            if (!end) {
                unexpected(s, at, "invalid value");
                return -1;
            }
            at = end;
        }
    }
    s->at = at;
    s->want = WANT_NEXT;
    return 1;
}

static inline azl_json_type_e peek(azl_scan_t *s)
{
    if (s->error || s->want != WANT_VALUE) {
        return AZL_JSON_NONE;
    }
    return next_type(s);
}

azl_json_type_e azl_scan_peek(azl_scan_t *s)
{
    return peek(s);
}

int azl_scan_enter(azl_scan_t *s)
{
    azl_json_type_e type = peek(s);

    if (!is_container(type)) {
        return expected(s, "object or array expected");
    }
    return enter(s, type);
}

int azl_scan_value(azl_scan_t *s, azl_value_t *v)
{
    azl_json_type_e type = peek(s);
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
