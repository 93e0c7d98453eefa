/*
 * azl_identity: what one process tells the others of a credential, and clocks
 * that are put back.
 */
#include "../../src/core/azl_identity_int.h"
#include "identity_fixture.h"

#define HOST "res.openai.azure.com"
#define CLIENT "11111111-2222-3333-4444-555555555555"

static azl_identity_t *made(const char *source)
{
    azl_identity_setup_t setup = identity_setup(source, "azure", HOST);

    return identity_made(&setup);
}

START_TEST(handed_on)
{
    azl_identity_t *from, *to;
    azl_identity_value_t *value;
    azl_span_t packed;

    identity_environment("");
    from = made("managed-identity");
    to = made("managed-identity");
    /* that there is none is news as well: nobody waits any longer */
    from->due = NOW + 5;
    from->patience = 7;
    ck_assert_int_eq(
        azl_identity_unpack(to, azl_test_pool,
                            azl_identity_pack(from, azl_test_pool)),
        1);
    ck_assert_int_eq(azl_identity_ready(to, NOW), 0);
    ck_assert_int_eq(azl_identity_due(to, azl_test_pool, NOW), 0);
    ck_assert_int_eq(azl_identity_due(to, azl_test_pool, NOW + 5), 1);
    ck_assert_int_eq(to->patience, 7);
    value = azl_identity_value();
    value->bearer = azl_secret_str(azl_test_pool, "token");
    value->aws.secret = azl_secret_str(azl_test_pool, "s");
    value->expires = NOW + 60;
    from->serial = 1;
    azl_identity_put(from, value, NOW + 9);
    packed = azl_identity_pack(from, azl_test_pool);
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 1);
    ck_assert_str_eq(identity_authorization(to, NOW + 59), "Bearer token");
    ck_assert_ptr_null(identity_authorization(to, NOW + 60));
    ck_assert_str_eq(azl_secret_reveal(to->value->aws.secret), "s");
    ck_assert_ptr_null(to->value->aws.id);
    ck_assert_int_eq(to->renew_at, NOW + 9);
    /* the same value once more is not a new one */
    azl_identity_refused(to, apr_time_now());
    ck_assert_int_eq(to->refused, 1);
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 1);
    ck_assert_int_eq(to->refused, 1);
    /* bytes that are none */
    packed.len--;
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 0);
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, azl_span("x", 1)),
                     0);
    ck_assert_str_eq(identity_authorization(to, NOW), "Bearer token");
}
END_TEST

/* ... but to nobody else: a slot may have become another's meanwhile. */
START_TEST(not_another_s)
{
    azl_identity_t *from, *to;
    azl_identity_value_t *value = azl_identity_value();

    identity_environment("");
    from = made("managed-identity:" CLIENT);
    to = made("managed-identity");
    value->bearer = azl_secret_str(value->pool, "token");
    value->expires = NOW + 60;
    from->serial = 1;
    azl_identity_put(from, value, 0);
    ck_assert_int_eq(
        azl_identity_unpack(to, azl_test_pool,
                            azl_identity_pack(from, azl_test_pool)),
        0);
    ck_assert_ptr_null(identity_authorization(to, NOW));
    ck_assert_int_eq(to->tried, 0);
}
END_TEST

#define VAULT "keyvault:https://v.vault.azure.net/secrets/a"

/* The token for the vault goes along, so that one process fetches it for all.
 */
START_TEST(a_vault_with_its_token)
{
    azl_identity_value_t *key = azl_identity_value();
    azl_identity_value_t *token = azl_identity_value();
    azl_identity_t *from, *to, *other;
    azl_span_t packed;

    identity_environment("");
    from = made(VAULT);
    to = made(VAULT);
    other = made(VAULT "/version");
    token->bearer = azl_secret_str(token->pool, "token");
    token->expires = NOW + 60;
    from->inner->serial = 1;
    from->inner->due = NOW + 30;
    azl_identity_put(from->inner, token, 0);
    packed = azl_identity_pack(from, azl_test_pool);
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 1);
    ck_assert_ptr_null(to->value);
    ck_assert_str_eq(azl_secret_reveal(to->inner->value->bearer), "token");
    ck_assert_int_eq(to->inner->value->expires, NOW + 60);
    ck_assert_int_eq(to->inner->due, NOW + 30);
    key->bearer = azl_secret_str(key->pool, "key");
    from->serial = 2;
    azl_identity_put(from, key, 0);
    packed = azl_identity_pack(from, azl_test_pool);
    ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 1);
    ck_assert_str_eq(
        azl_secret_reveal(azl_identity_key(to, azl_test_pool, NOW)), "key");
    ck_assert_int_eq(azl_identity_unpack(other, azl_test_pool, packed), 0);
    /* bytes that are missing */
    while (packed.len) {
        packed.len--;
        ck_assert_int_eq(azl_identity_unpack(to, azl_test_pool, packed), 0);
    }
    ck_assert_ptr_null(other->inner->value);
}
END_TEST

/* What was to be in a while by the clock of then is now; in all processes. */
START_TEST(a_clock_that_is_put_back)
{
    apr_time_t day = apr_time_from_sec(86400);
    const char *problem;
    azl_identity_t *id, *other;

    identity_environment(
        "AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1");
    id = made("managed-identity");
    other = made("managed-identity");
    ck_assert_int_eq(
        azl_identity_refresh(id, azl_test_pool, NOW, NULL, NULL, &problem),
        AZL_IDENTITY_FAILED);
    ck_assert_int_eq(azl_identity_unpack(other, azl_test_pool,
                                         azl_identity_pack(id, azl_test_pool)),
                     1);
    ck_assert_int_eq(azl_identity_due(id, azl_test_pool, NOW), 0);
    ck_assert_int_eq(
        azl_identity_due(id, azl_test_pool, NOW - apr_time_from_sec(10)), 0);
    ck_assert_int_eq(azl_identity_due(id, azl_test_pool, NOW - day), 1);
    ck_assert_int_eq(azl_identity_due(other, azl_test_pool, NOW - day), 1);
    /* once */
    azl_identity_refresh(id, azl_test_pool, NOW - day, NULL, NULL, &problem);
    ck_assert_int_eq(azl_identity_due(id, azl_test_pool, NOW - day), 0);
}
END_TEST

START_TEST(a_clock_that_is_put_back_while_it_is_refused)
{
    apr_time_t day = apr_time_from_sec(86400);
    azl_identity_t *id;

    identity_environment("");
    id = made("managed-identity");
    id->due = NOW + day;
    id->attempted = NOW;
    id->refused = 1;
    id->renew_at = NOW + 5;
    ck_assert_int_eq(azl_identity_due(id, azl_test_pool, NOW), 0);
    ck_assert_int_eq(azl_identity_due(id, azl_test_pool, NOW - day), 1);
}
END_TEST

TCase *azl_test_identity_pack(void)
{
    TCase *tc = azl_test_tcase("identity_pack");

    tcase_add_test(tc, handed_on);
    tcase_add_test(tc, not_another_s);
    tcase_add_test(tc, a_vault_with_its_token);
    tcase_add_test(tc, a_clock_that_is_put_back);
    tcase_add_test(tc, a_clock_that_is_put_back_while_it_is_refused);
    return tc;
}
