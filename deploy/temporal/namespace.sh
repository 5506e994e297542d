#!/bin/sh
# Makes the namespace of the jobs, with its retention and search attributes; run before API and worker, at every
# start. What is there already stays. The `temporal` command reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE itself.
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

exists() {
    temporal operator namespace describe >/dev/null 2>&1
}

make() {
    exists || temporal operator namespace create --retention "$retention"
}

insist temporal operator cluster health
insist make
insist temporal operator namespace update --retention "$retention"
insist temporal operator search-attribute create --type Keyword \
    --name PerdureStatus --name PerdureType --name PerdureTenant --name PerdureCorrelationId
echo "namespace $TEMPORAL_NAMESPACE is ready: retention $retention, search attributes of Perdure"
