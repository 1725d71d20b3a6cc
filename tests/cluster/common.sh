# shellcheck shell=bash disable=SC2034 # used by those who source it
# Where the cluster lies, which addresses it takes, and its lock. Sourced by every command of this folder.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="$(realpath -m "${DP_CACHE:-$HOME/.cache/dp}")/cluster"
bin="$cache/bin"       # what `build` makes
images="$cache/images" # image archives that every start imports
state="$cache/state"   # everything of one start; the next start removes it first

# Addresses and ports that neither a usual cluster nor a development server has.
bridge=dpcluster0
host_ip=10.213.77.1 # the bridge's own address: API server, kubelet and MinIO listen here
pod_cidr=10.213.77.0/24
service_cidr=10.96.0.0/16
service_ip=10.96.0.1 # the first of service_cidr, which Kubernetes gives to its API server
api_port=26443 minio_port=26900
kubelet_port=26250        # plus the node's number, as its health port
kubelet_health_port=26240 # this one and the following on 127.0.0.1
etcd_port=26379 etcd_peer_port=26380 controller_port=26257 scheduler_port=26259 console_port=26901

nodes="${DP_CLUSTER_NODES:-1}"
bucket=dp-test access_key=dp-test secret_key=dp-test-secret

# Exit code of a machine on which the cluster cannot run at all, for callers that then skip.
cannot_run=3

say() { echo "tests/cluster: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

cannot() {
    say "THE CLUSTER CANNOT RUN HERE: $*"
    exit "$cannot_run"
}

check_machine() {
    [ "$(uname -s)" = Linux ] || cannot "it needs Linux"
    [ "$(id -u)" = 0 ] || cannot "it needs root; or set KUBECONFIG, DP_TEST_IMAGE and DP_TEST_BUCKET_URL for a cluster of yours"
    unshare --mount true 2>/dev/null || cannot "this root may not make mount namespaces (a container?)"
    case "$cache/" in
    /run/* | /var/lib/* | /var/log/*) cannot "DP_CACHE=$cache: the node has its own /run, /var/lib and /var/log" ;;
    esac
}

# One cluster at a time on a machine, whatever the cache: the lock is on a folder that all have. It goes
# with the process that took it, however that ends; commands that this one calls know from the environment
# that it is held.
lock() {
    [ -z "${DP_CLUSTER_LOCKED:-}" ] || return 0
    mkdir -p "$cache"
    exec 9</sys/fs/cgroup
    if ! flock --nonblock 9; then
        say "waiting for $(cat "$cache/lock" 2>/dev/null || echo "a process with another DP_CACHE")"
        flock 9
    fi
    echo "process $$: $(basename "$0") $*" >"$cache/lock"
    export DP_CLUSTER_LOCKED=$$
}

unlock() {
    exec 9>&-
    unset DP_CLUSTER_LOCKED
}

# until_true SECONDS WHAT COMMAND…: waits for COMMAND to succeed.
until_true() {
    local end=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what: not within the time; see $state/log"
        sleep 0.1
    done
}
