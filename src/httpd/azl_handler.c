#include "azl_hooks.h"

#include "azl_answer.h"
#include "azl_failover.h"
#include "azl_hold.h"
#include "azl_httpd.h"
#include "azl_local.h"
#include "azl_request.h"

int azl_hook_handler(request_rec *r)
{
    azl_request_t *ar = azl_request_get(r);
    int rc;

    if (!ar) {
        return DECLINED;
    }
    /* `Satisfy any` with another module's consent lets a request past the
     * access checker; it does not make a key. */
    rc = ar->refused ? azl_answer_error(r, ar, &ar->error)
                     : azl_local_answer(r, ar);
    if (rc == DECLINED) {
        rc = azl_failover_run(r, ar);
    }
    azl_hold_mark(r->connection, ar->conf->hold);
    return rc;
}
