#!/bin/sh
# Replay the fuzz corpora through the programs in FUZZ_REPLAYS and say in TAP
# how it went. Run by make check in the build tree; SRCDIR is the source tree.

count=0
status=0
for program in $FUZZ_REPLAYS; do
    count=$((count + 1))
    name=${program##*/replay_}
    if said=$("./$program" "$SRCDIR/tests/fuzz/corpus/$name" 2>&1); then
        echo "ok $count - fuzz corpus $name:" \
            "$(printf '%s\n' "$said" | tail -n 1)"
    else
        status=1
        echo "not ok $count - fuzz corpus $name"
        printf '%s\n' "$said" | tail -n 40 | sed 's/^/#   /'
    fi
done
echo "1..$count"
exit "$status"
