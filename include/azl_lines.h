/*
 * azl_lines: the lines of an upstream's answer, without a copy of each.
 *
 * One brigade for each connection, in its pool: what has come and has not been
 * asked for yet.
 */
#ifndef AZL_LINES_H
#define AZL_LINES_H

#include <httpd.h>

/* The connection to an upstream is made, nothing has been read from it. */
void azl_lines_add(conn_rec *c);

#endif /* AZL_LINES_H */
