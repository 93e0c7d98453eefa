#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_test.h"
#include "azl_yaml.h"

static apr_array_header_t *twice;
static azl_yaml_note_t wrong;

static const azl_yaml_t *parse_len(const char *text, apr_size_t len)
{
    const azl_yaml_t *root = NULL;

    twice = apr_array_make(azl_test_pool, 2, sizeof(azl_yaml_note_t));
    wrong.line = 0;
    wrong.text = NULL;
    return azl_yaml_parse(azl_test_pool,
                          azl_span(azl_test_exact(text, len), len), &root,
                          twice, &wrong)
               ? root
               : NULL;
}

static const azl_yaml_t *parse(const char *text)
{
    const azl_yaml_t *root = parse_len(text, strlen(text));

    ck_assert_msg(!wrong.text, "line %d: %s", wrong.line, wrong.text);
    return root;
}

static void check_refused(const char *text, int line, const char *hint)
{
    ck_assert_msg(!parse_len(text, strlen(text)) && wrong.text, "%s", text);
    ck_assert_msg(strstr(wrong.text, hint) != NULL, "%s: %s", text, wrong.text);
    ck_assert_int_eq(wrong.line, line);
}

/* The tree in a line: {a: x, b: [y, ~]} */
static void show(azl_buf_t *out, const azl_yaml_t *yaml)
{
    int is_map = azl_yaml_type(yaml) == AZL_YAML_MAP;
    int i;

    switch (azl_yaml_type(yaml)) {
    case AZL_YAML_NULL:
        azl_buf_puts(out, "~");
        return;
    case AZL_YAML_SCALAR:
        azl_buf_puts(out, azl_yaml_text(yaml));
        return;
    default:
        break;
    }
    azl_buf_puts(out, is_map ? "{" : "[");
    for (i = 0; i < azl_yaml_length(yaml); i++) {
        azl_buf_puts(out, i ? ", " : "");
        if (is_map) {
            azl_buf_puts(out, azl_yaml_key(yaml, i));
            azl_buf_puts(out, ": ");
        }
        show(out, azl_yaml_at(yaml, i));
    }
    azl_buf_puts(out, is_map ? "}" : "]");
}

static const char *shown(const char *text)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);

    show(out, parse(text));
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(test_tree)
{
    static const struct {
        const char *text;
        const char *tree;
    } cases[] = {
        {"", "~"},
        {"# nothing\n", "~"},
        {"---\n", "~"},
        {"word", "word"},
        {"a: 1\nb:\n  - x\n  - y: z\n", "{a: 1, b: [x, {y: z}]}"},
        {"{a: [1, 2], b: {}}", "{a: [1, 2], b: {}}"},
        {"a: ~\nb: null\nc:\nd: ''\ne: 'null'\n",
         "{a: ~, b: ~, c: ~, d: , e: null}"},
        {"a: |\n  one\n  two\n", "{a: one\ntwo\n}"},
        {"a: &x {b: 1}\nc: *x\n", "{a: {b: 1}, c: {b: 1}}"},
        {"a: !!str 1\nb: !!int 2\nc: !!map {}\nd: !!seq []\n",
         "{a: 1, b: 2, c: {}, d: []}"},
        {"a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}"},
        {"\xef\xbb\xbf"
         "a: \"\\u00e4\"\n",
         "{a: \xc3\xa4}"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(shown(cases[i].text), cases[i].tree);
    }
}
END_TEST

START_TEST(test_merge)
{
    ck_assert_str_eq(shown("d: &d {a: 1, b: 2}\nx:\n  <<: *d\n  b: 3\n"),
                     "{d: {a: 1, b: 2}, x: {b: 3, a: 1}}");
    /* the first of a list, and what stands behind it, win */
    ck_assert_str_eq(shown("d: &d {a: 1}\ne: &e {a: 2, c: 2}\n"
                           "x: {<<: [*d, *e]}\ny: {<<: *e, a: 0}\n"),
                     "{d: {a: 1}, e: {a: 2, c: 2}, x: {a: 1, c: 2}, "
                     "y: {a: 0, c: 2}}");
    /* a map that was merged itself */
    ck_assert_str_eq(shown("a: &a {k: 1}\nb: &b {<<: *a, l: 2}\n"
                           "c: {<<: *b}\n"),
                     "{a: {k: 1}, b: {l: 2, k: 1}, c: {l: 2, k: 1}}");
    /* it is said with quotes that this is a key */
    ck_assert_str_eq(shown("'<<': 1\n"), "{<<: 1}");
    check_refused("a: 1\n<<: 2\n", 2, "<<");
    check_refused("<<: [{}, 2]\n", 1, "<<");
}
END_TEST

START_TEST(test_lines)
{
    const azl_yaml_t *root = parse("# a list\nmodels:\n"
                                   "  - name: &a a\n    params:\n"
                                   "      key: b\n  - name:\n      *a\n");
    const azl_yaml_t *models = azl_yaml_get(root, "models");
    const azl_yaml_t *first = azl_yaml_at(models, 0);
    const azl_yaml_t *second = azl_yaml_at(models, 1);

    ck_assert_int_eq(azl_yaml_key_line(root, 0), 2);
    ck_assert_int_eq(azl_yaml_line(models), 3);
    ck_assert_int_eq(azl_yaml_line(first), 3);
    ck_assert_int_eq(azl_yaml_key_line(first, 1), 4);
    ck_assert_int_eq(azl_yaml_line(azl_yaml_get(first, "params")), 5);
    ck_assert_int_eq(azl_yaml_line(second), 6);
    ck_assert_int_eq(azl_yaml_line(azl_yaml_get(second, "name")), 3);
}
END_TEST

START_TEST(test_kinds)
{
    const azl_yaml_t *root =
        parse("a: yes\nb: Off\nc: 'yes'\nd: maybe\ne: [1]\nf: !!bool on\n");
    int value = -1;

    ck_assert(azl_yaml_bool(azl_yaml_get(root, "a"), &value) && value == 1);
    ck_assert(azl_yaml_bool(azl_yaml_get(root, "b"), &value) && value == 0);
    ck_assert(azl_yaml_bool(azl_yaml_get(root, "f"), &value) && value == 1);
    ck_assert(!azl_yaml_bool(azl_yaml_get(root, "c"), &value));
    ck_assert(!azl_yaml_bool(azl_yaml_get(root, "d"), &value));
    ck_assert(!azl_yaml_bool(azl_yaml_get(root, "e"), &value));
    ck_assert(!azl_yaml_bool(NULL, &value));
    ck_assert_str_eq(azl_yaml_text(azl_yaml_get(root, "c")), "yes");
    ck_assert_ptr_null(azl_yaml_text(azl_yaml_get(root, "e")));
    ck_assert_ptr_null(azl_yaml_text(root));
    ck_assert_ptr_null(azl_yaml_get(root, "z"));
    ck_assert_ptr_null(azl_yaml_get(azl_yaml_get(root, "e"), "a"));
    ck_assert_int_eq(azl_yaml_find(root, "d"), 3);
    ck_assert_int_eq(azl_yaml_find(root, "z"), -1);
    ck_assert_int_eq(azl_yaml_length(azl_yaml_get(root, "a")), 0);
    ck_assert_int_eq(azl_yaml_length(NULL), 0);
    ck_assert_int_eq(azl_yaml_type(NULL), AZL_YAML_NULL);
}
END_TEST

START_TEST(test_twice)
{
    const azl_yaml_t *root = parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
    const azl_yaml_note_t *note = (void *)twice->elts;

    ck_assert_int_eq(azl_yaml_length(root), 2);
    ck_assert_str_eq(azl_yaml_text(azl_yaml_get(root, "a")), "3");
    ck_assert_int_eq(azl_yaml_key_line(root, 0), 5);
    ck_assert_int_eq(twice->nelts, 2);
    ck_assert_int_eq(note[0].line, 4);
    ck_assert(strstr(note[0].text, "'c' stands in line 3") != NULL);
    ck_assert_int_eq(note[1].line, 5);
    ck_assert(strstr(note[1].text, "'a' stands in line 1") != NULL);
}
END_TEST

START_TEST(test_refused)
{
    check_refused("a: 1\n b: 2\n", 2, "mapping values are not allowed");
    check_refused("a: [1, 2\nb: 3\n", 2, "did not find");
    check_refused("a: 1\nb: *x\n", 2, "*x names nothing");
    check_refused("a: &x [*x]\n", 1, "*x names nothing");
    check_refused("a: 1\n---\nb: 2\n", 2, "second document");
    check_refused("a:\n  b: !python/object x\n", 2, "tag");
    check_refused("a: !!binary AAAA\n", 1, "tag");
    check_refused("a: !mine [1]\n", 1, "tag");
    check_refused("a: !mine {b: 1}\n", 1, "tag");
    check_refused("a: 1\n[1]: 2\n", 2, "a key must be a word");
    check_refused("{a: 1}: 2\n", 1, "a key must be a word");
    check_refused("~: 2\n", 1, "a key must be a word");
    check_refused("a: \"\\0\"\n", 1, "NUL");
    check_refused("a: 1\nb: \xff\n", 2, "UTF-8");
    check_refused("a: 1\nb: \"sk-SECRET\nc: 2\n", 4, "unexpected end");
    ck_assert(!strstr(wrong.text, "SECRET"));
    check_refused(apr_pstrcat(azl_test_pool, "\n",
                              azl_test_repeat("[", AZL_YAML_DEPTH_MAX + 1),
                              NULL),
                  2, "too deep");
}
END_TEST

/* What doubles with every line when it is written out. */
static const char *laughs(int lines)
{
    azl_buf_t *text = azl_buf_create(azl_test_pool, 65536);
    int i;

    azl_buf_puts(text, "l0: &l0 [ha, ha]\n");
    for (i = 1; i < lines; i++) {
        azl_buf_puts(text,
                     apr_psprintf(azl_test_pool, "l%d: &l%d [*l%d, *l%d]\n", i,
                                  i, i - 1, i - 1));
    }
    return azl_buf_pstr(text, azl_test_pool);
}

START_TEST(test_laughs)
{
    const azl_yaml_t *at = azl_yaml_get(parse(laughs(16)), "l15");
    int i;

    for (i = 0; i < 15; i++) {
        ck_assert_int_eq(azl_yaml_length(at), 2);
        ck_assert_ptr_eq(azl_yaml_at(at, 0), azl_yaml_at(at, 1));
        at = azl_yaml_at(at, 0);
    }
    check_refused(laughs(30), 18, "too large");
    /* a map that is merged may be large, too */
    check_refused(apr_pstrcat(azl_test_pool, laughs(15),
                              "m: &m {a: *l14, b: *l14}\n"
                              "n: &n {<<: *m, c: *l14}\n"
                              "o: &o {<<: *n, d: {<<: *n}}\n"
                              "p: {<<: *o, e: {<<: *o}}\n",
                              NULL),
                  18, "too large");
}
END_TEST

/* Maps that each take all of one: what is merged counts. */
START_TEST(test_merges_are_bounded)
{
    azl_buf_t *text = azl_buf_create(azl_test_pool, 1024 * 1024);
    const char *doc;
    int i;

    azl_buf_puts(text, "all: &all\n");
    for (i = 0; i < 2000; i++) {
        azl_buf_puts(text, apr_psprintf(azl_test_pool, "  k%d: 1\n", i));
    }
    azl_buf_puts(text, "list:\n");
    for (i = 0; i < 2000; i++) {
        azl_buf_puts(text, "  - <<: *all\n");
    }
    doc = azl_buf_pstr(text, azl_test_pool);
    ck_assert(!parse_len(doc, strlen(doc)));
    ck_assert(strstr(wrong.text, "too large") != NULL);
    ck_assert_int_gt(wrong.line, 2002);
}
END_TEST

START_TEST(test_size)
{
    char *text = azl_test_repeat(" ", AZL_YAML_SIZE_MAX + 1);

    ck_assert(!parse_len(text, AZL_YAML_SIZE_MAX + 1));
    ck_assert(strstr(wrong.text, "too large") != NULL);
}
END_TEST

TCase *azl_test_yaml(void)
{
    TCase *tc = azl_test_tcase("yaml");

    tcase_add_test(tc, test_tree);
    tcase_add_test(tc, test_merge);
    tcase_add_test(tc, test_lines);
    tcase_add_test(tc, test_kinds);
    tcase_add_test(tc, test_twice);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_laughs);
    tcase_add_test(tc, test_merges_are_bounded);
    tcase_add_test(tc, test_size);
    return tc;
}
