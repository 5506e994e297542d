#!/bin/sh
# Makes the namespace of the jobs, with its retention and search attributes; run before API and worker, at every
# start. What is there already stays. The `temporal` command reads TEMPORAL_ADDRESS itself; its TEMPORAL_NAMESPACE is
# not enough: `namespace create` would make `default` whatever that says.
set -eu

retention=${RETENTION:-30d}
deadline=$(($(date +%s) + ${PATIENCE_SECONDS:-180}))

# insist COMMAND...: until it succeeds or the time is up. A namespace that was just made is not known everywhere yet.
insist() {
    until problem=$("$@" 2>&1); do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            echo "gave up: $*: $problem" >&2
            exit 1
        fi
        sleep 1
    done
}

operator() {
    temporal operator "$@" --namespace "$TEMPORAL_NAMESPACE"
}

make() {
    operator namespace describe >/dev/null 2>&1 || operator namespace create --retention "$retention"
}

insist operator cluster health
insist make
insist operator namespace update --retention "$retention"
for name in PerdureStatus PerdureType PerdureTenant PerdureCorrelationId; do
    # One at a time: of several names in one call this server keeps the first and reports success (seen with 1.32).
    insist operator search-attribute create --type Keyword --name "$name"
done
echo "namespace $TEMPORAL_NAMESPACE is ready: retention $retention, search attributes of Perdure"
