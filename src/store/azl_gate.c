/*
 * A gate is one word for each process, and what is in flight is their sum. A
 * process writes its own word only, and one request is one addition to it:
 * there is no moment at which a killed process could have done half of it.
 *
 * The words lie close together: a sum, which routing wants of every candidate
 * of every request, is then one line for 16 processes.
 */
#include "azl_shared_int.h"

azl_word32_t *azl_gate_words(const azl_gate_t *gate)
{
    return (azl_word32_t *)(gate + 1);
}

apr_uint32_t azl_gate_in_flight(const azl_gate_t *gate)
{
    const azl_word32_t *words = azl_gate_words(gate);
    apr_uint32_t rows = atomic_load(&gate->head->rows_used);
    apr_uint32_t sum = 0;
    apr_uint32_t i;

    for (i = 0; i < rows; i++) {
        sum += atomic_load(&words[i]);
    }
    return sum;
}

/*
 * In first, count then: all these operations have one order, so that of those
 * who are in, each has counted all who came before, and the one that is too
 * many counts too many.
 */
int azl_gate_enter(azl_gate_t *gate, int row, apr_uint32_t max)
{
    azl_word32_t *mine;

    if (row < 0) {
        return 1;
    }
    mine = &azl_gate_words(gate)[row];
    atomic_fetch_add(mine, 1);
    if (max != 0 && azl_gate_in_flight(gate) > max) {
        atomic_fetch_sub(mine, 1);
        return 0;
    }
    return 1;
}

void azl_gate_leave(azl_gate_t *gate, int row)
{
    if (row >= 0) {
        atomic_fetch_sub(&azl_gate_words(gate)[row], 1);
    }
}
