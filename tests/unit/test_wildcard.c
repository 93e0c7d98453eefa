#include "azl_test.h"
#include "azl_wildcard.h"

START_TEST(table)
{
    static const struct {
        const char *pattern;
        const char *text;
        int matches;
    } t[] = {
        {"", "", 1},
        {"", "a", 0},
        {"gpt-4.1", "gpt-4.1", 1},
        {"gpt-4.1", "gpt-4x1", 0},
        {"gpt-4.1", "gpt-4.1-mini", 0},
        {"gpt-4.1", "GPT-4.1", 0},
        {"*", "", 1},
        {"*", "anything", 1},
        {"**", "", 1},
        {"**", "x", 1},
        {"gpt-*", "gpt-", 1},
        {"gpt-*", "gpt-5-mini", 1},
        {"gpt-*", "gpt", 0},
        {"gpt-*", "xgpt-5", 0},
        {"*-mini", "gpt-5-mini", 1},
        {"*-mini", "-mini", 1},
        {"*-mini", "mini", 0},
        {"*-mini", "gpt-5-mini-2025", 0},
        {"gpt-*-mini", "gpt-5-mini", 1},
        {"gpt-*-mini", "gpt--mini", 1},
        /* The two ends must not overlap. */
        {"gpt-*-mini", "gpt-mini", 0},
        {"ab*ba", "aba", 0},
        {"ab*ba", "abba", 1},
        {"*a*b*", "xaxbx", 1},
        {"*a*b*", "xbxax", 0},
        {"*a*a*", "a", 0},
        {"*a*a*", "aa", 1},
        {"a*b*c", "abc", 1},
        {"a*b*c", "abbbc", 1},
        {"a*b*c", "acb", 0},
        /* The leftmost find of the middle must leave enough for the end. */
        {"*ab*ab", "ab", 0},
        {"*ab*ab", "abab", 1},
        {"*aab", "aaab", 1},
        {"?pt", "gpt", 0},
        {"[g]pt", "gpt", 0},
        {"a\\*", "a\\b", 1},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ck_assert_msg(azl_wildcard_match(t[i].pattern, t[i].text) ==
                          t[i].matches,
                      "'%s' on '%s'", t[i].pattern, t[i].text);
    }
}
END_TEST

/* What it should do, said in the simplest way: exponential, so only for short
 * texts. */
static int slow_match(const char *pattern, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '*') {
        return slow_match(pattern + 1, text) ||
               (*text && slow_match(pattern, text + 1));
    }
    return *pattern == *text && slow_match(pattern + 1, text + 1);
}

/* The n-th word over an alphabet, shortest first. */
static const char *word(unsigned n, const char *alphabet, char out[16])
{
    unsigned base = (unsigned)strlen(alphabet);
    char *at = out;

    for (; n > 0; n = (n - 1) / base) {
        *at++ = alphabet[(n - 1) % base];
    }
    *at = '\0';
    return out;
}

START_TEST(all_short_ones_against_the_definition)
{
    char pattern[16], text[16];
    unsigned i, j;

    for (i = 0; i < 1100; i++) { /* all patterns of up to 6 letters */
        word(i, "ab*", pattern);
        for (j = 0; j < 127; j++) {
            word(j, "ab", text);
            ck_assert_msg(azl_wildcard_match(pattern, text) ==
                              slow_match(pattern, text),
                          "'%s' on '%s'", pattern, text);
        }
    }
}
END_TEST

/* A matcher that tries again at every star would not come back from this. */
START_TEST(no_explosion)
{
    const char *text = azl_test_repeat("a", 20000);
    const char *pattern = azl_test_repeat("*a", 5000);

    ck_assert_int_eq(azl_wildcard_match(pattern, text), 1);
    pattern = azl_test_repeat("a*", 5000);
    ck_assert_int_eq(azl_wildcard_match(pattern, text), 1);
    ck_assert_int_eq(azl_wildcard_match("*a*a*a*a*a*a*a*a*a*a*b", text), 0);
    ck_assert_int_eq(azl_wildcard_match("*a*a*a*a*a*b*a*a*a*a*a", text), 0);
}
END_TEST

TCase *azl_test_wildcard(void)
{
    TCase *tc = azl_test_tcase("wildcard");

    tcase_add_test(tc, table);
    tcase_add_test(tc, all_short_ones_against_the_definition);
    tcase_add_test(tc, no_explosion);
    return tc;
}
