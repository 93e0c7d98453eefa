/*
 * azl_lines: the lines of a request or an answer, without a copy of each.
 *
 * One brigade for each connection, in its pool: what has come and has not been
 * asked for yet. Whoever looks ahead sees it, as with mod_ssl's.
 */
#ifndef AZL_LINES_H
#define AZL_LINES_H

#include <httpd.h>

/* A connection of a client or to an upstream, from which nothing has been
 * read: once for each. */
void azl_lines_add(conn_rec *c);

#endif /* AZL_LINES_H */
