/* memmem() is not in C99; glibc, musl and the BSDs have it, in linear time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>

#include "azl_wildcard.h"

/*
 * The pattern is cut at its stars: the first piece must start the text, the
 * last must end it, and the pieces between are found one after the other. The
 * leftmost find is always good enough, so nothing is ever tried again.
 */
int azl_wildcard_match(const char *pattern, const char *text)
{
    const char *star = strchr(pattern, '*');
    const char *end = text + strlen(text);
    size_t len;

    if (!star) {
        return strcmp(pattern, text) == 0;
    }
    len = (size_t)(star - pattern);
    if ((size_t)(end - text) < len || memcmp(pattern, text, len) != 0) {
        return 0;
    }
    text += len;
    pattern = star + 1;
    while ((star = strchr(pattern, '*')) != NULL) {
        len = (size_t)(star - pattern);
        text = memmem(text, (size_t)(end - text), pattern, len);
        if (!text) {
            return 0;
        }
        text += len;
        pattern = star + 1;
    }
    len = strlen(pattern);
    return (size_t)(end - text) >= len && memcmp(end - len, pattern, len) == 0;
}
