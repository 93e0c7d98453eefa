/*
 * azl_admission: how many requests to models are in flight at once.
 *
 * A thread serves one request at a time, so a server that is full would let
 * everybody wait, health checks too. Beyond AzureLITMaxInFlight, and beyond a
 * key's max-parallel=, a request is refused at once, before its body is read,
 * and told when a place is likely to be free. Counted over all processes in
 * shared memory (azl_shared.h).
 */
#ifndef AZL_ADMISSION_H
#define AZL_ADMISSION_H

#include "azl_request.h"

/* 1: the request is counted until azl_admission_leave(), at the latest until
 * its pool is destroyed. 0: it is refused. */
int azl_admission_enter(request_rec *r, azl_request_t *ar);
/* The last of its answer is about to be handed on: a client that has it may
 * come again at once. Harmless when it is not counted. */
void azl_admission_leave(azl_request_t *ar);

#endif /* AZL_ADMISSION_H */
