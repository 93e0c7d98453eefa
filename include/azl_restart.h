/*
 * azl_restart: the parent during a graceful restart. All of it is the parent's
 * own; nothing is shared.
 */
#ifndef AZL_RESTART_H
#define AZL_RESTART_H

#include <httpd.h>
#include <ap_mpm.h>

/* A configuration is complete that has this module on: new children are wanted
 * at once. Until `pconf` goes. */
void azl_restart_prepare(apr_pool_t *pconf);
/* A child has been started or has ended. */
void azl_restart_child(int slot, mpm_child_status state);

#endif /* AZL_RESTART_H */
