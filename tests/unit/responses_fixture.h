/*
 * responses_fixture: what the tests of chats at /responses share: an exchange
 * and what becomes of a request there.
 */
#ifndef RESPONSES_FIXTURE_H
#define RESPONSES_FIXTURE_H

#include "azl_buf.h"
#include "azl_crypto.h"
#include "exchange_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

#define SAID(text) "{'type':'input_text','text':'" text "'}"
#define MESSAGE(role, parts)                                                   \
    "{'type':'message','role':'" role "','content':[" parts "]}"
#define CALLED                                                                 \
    "{'type':'function_call','call_id':'call_1','name':'f',"                   \
    "'arguments':'{}'}"

/* clang-format on */

static azl_exchange_t *ex;
static azl_error_t err;

static inline void setup(void)
{
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ex = exchange_in(azl_test_pool,
                     deployment_at("azure", "https://h", NULL, "d"));
}

/* The upstream's document of a chat, or NULL. */
static inline const char *asked(const char *chat)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ex->hub = tree_of(azl_test_pool, quoted(chat));
    memset(&err, 0, sizeof(err));
    return azl_outbound_responses.request(ex, out, &err)
               ? azl_buf_pstr(out, azl_test_pool)
               : NULL;
}

#endif /* RESPONSES_FIXTURE_H */
