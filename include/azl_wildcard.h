/*
 * azl_wildcard: `*` in an allow-list. Stateless.
 */
#ifndef AZL_WILDCARD_H
#define AZL_WILDCARD_H

/* 1 if the text matches; `*` stands for any run of characters, everything
 * else for itself, case matters. Linear time: no backtracking explosion. */
int azl_wildcard_match(const char *pattern, const char *text);

#endif /* AZL_WILDCARD_H */
