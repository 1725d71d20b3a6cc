# shellcheck shell=bash
# The parts of the cluster: the command line of each, when it is ready, how it is started and stopped.
# Sourced after common.sh and cgroups.sh.

# In the order of starting; a second node has node2, containerd2, kubelet2.
parts() {
    local n
    echo etcd minio apiserver
    for n in $(node_suffixes); do echo "node${n#-}" "containerd${n#-}"; done
    echo controller-manager scheduler
    for n in $(node_suffixes); do echo "kubelet${n#-}"; done
}

# "-" for the first node, whose parts have no number, then 2, 3, …
node_suffixes() {
    echo -
    seq 2 "$nodes"
}

# The number of the node that a part belongs to.
node_of() {
    local n="${1##*[a-z]}"
    echo "${n:-1}"
}

# Sets `command`, and `inside` to the part in whose mount namespace it runs.
command_of() {
    local n etcd="http://127.0.0.1:$etcd_port" peer="http://127.0.0.1:$etcd_peer_port"
    n="$(node_of "$1")"
    local node="$state/node$n"
    inside=
    case "$1" in
    etcd) # Its data need not survive: no fsync.
        command=(etcd --data-dir="$state/etcd" --unsafe-no-fsync --log-level=warn
            --listen-client-urls="$etcd" --advertise-client-urls="$etcd"
            --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" --initial-cluster="default=$peer")
        ;;
    apiserver)
        command=("$bin/kube-apiserver" --etcd-servers="$etcd"
            --bind-address="$host_ip" --advertise-address="$host_ip" --secure-port="$api_port"
            --service-cluster-ip-range="$service_cidr" --allow-privileged
            --tls-cert-file="$state/pki/api.crt" --tls-private-key-file="$state/pki/api.key"
            --client-ca-file="$state/pki/ca.crt" --token-auth-file="$state/pki/tokens.csv"
            --service-account-key-file="$state/pki/sa.key" --service-account-signing-key-file="$state/pki/sa.key"
            --service-account-issuer=https://kubernetes.default.svc.cluster.local
            --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction
            --kubelet-client-certificate="$state/pki/kubelet-client.crt"
            --kubelet-client-key="$state/pki/kubelet-client.key" --kubelet-preferred-address-types=InternalIP
            --audit-policy-file="$here/audit.yaml" --audit-log-path="$state/audit.log" --audit-log-maxsize=4000)
        ;;
    controller-manager) # 20 and 30 requests a second are the default: a Job of 1,000 pods would take minutes.
        command=("$bin/kube-controller-manager" --kubeconfig="$state/pki/controller-manager.kubeconfig"
            --bind-address=127.0.0.1 --secure-port="$controller_port" --leader-elect=false
            --service-account-private-key-file="$state/pki/sa.key" --root-ca-file="$state/pki/ca.crt"
            --use-service-account-credentials --kube-api-qps=500 --kube-api-burst=1000)
        ;;
    scheduler) # The default is 50 and 100.
        command=("$bin/kube-scheduler" --kubeconfig="$state/pki/scheduler.kubeconfig"
            --bind-address=127.0.0.1 --secure-port="$scheduler_port" --leader-elect=false
            --kube-api-qps=500 --kube-api-burst=1000)
        ;;
    minio)
        command=(env MINIO_ROOT_USER="$access_key" MINIO_ROOT_PASSWORD="$secret_key" MINIO_BROWSER=off MINIO_UPDATE=off
            "$bin/minio" server --quiet --address="$host_ip:$minio_port" --console-address="127.0.0.1:$console_port"
            --certs-dir="$state/minio-certs" "$state/minio")
        ;;
    node | node[2-9]) # Mounts of containers vanish with this namespace, and what is written to these folders lies below state.
        command=(unshare --mount --propagation private sh -ec
            'mount --make-rshared / && mount -t tmpfs node /run && mount --bind "$0/lib" /var/lib && mount --bind "$0/log" /var/log
            : >"$0/mounted"; exec sleep infinity' "$node")
        ;;
    containerd | containerd[2-9])
        inside="node${1#containerd}"
        command=(containerd --config="$node/containerd.toml")
        ;;
    kubelet | kubelet[2-9])
        inside="node${1#kubelet}"
        command=("$bin/kubelet" --config="$node/kubelet.yaml" --kubeconfig="$state/pki/node$n.kubeconfig"
            --hostname-override="node$n" --node-ip="$host_ip" --root-dir="$node/kubelet" --cert-dir="$node/pki")
        ;;
    *) fail "no part $1; there are: $(parts | xargs)" ;;
    esac
}

# Does the part do its work?
ready() {
    local get=(curl --noproxy '*' --silent --insecure --fail --max-time 2)
    case "$1" in
    etcd) "${get[@]}" "http://127.0.0.1:$etcd_port/health" ;;
    apiserver) "${get[@]}" "https://$host_ip:$api_port/readyz" ;;
    controller-manager) "${get[@]}" "https://127.0.0.1:$controller_port/healthz" ;;
    scheduler) "${get[@]}" "https://127.0.0.1:$scheduler_port/healthz" ;;
    minio) "${get[@]}" "http://$host_ip:$minio_port/minio/health/ready" ;;
    node*) [ -e "$state/node$(node_of "$1")/mounted" ] ;;
    containerd*) in_node "$(node_of "$1")" ctr version ;;
    kubelet*) "${get[@]}" "http://127.0.0.1:$((kubelet_health_port + $(node_of "$1")))/healthz" ;;
    esac
}

# in_node NUMBER COMMAND…: with the node's mounts, so that `ctr` and `runc` find their sockets and state.
in_node() {
    local n="${1#1}"
    shift
    nsenter --target "$(cat "$state/node$n.pid")" --mount "$@"
}

# A part that died may have left its number to another process, which is then not in the cgroup.
alive() { [ -e "$state/$1.pid" ] && grep -qx "$(cat "$state/$1.pid")" "$parts_cgroup/cgroup.procs" 2>/dev/null; }

# `run` marks a cluster of its own: if there is one and its lock is free, that `run` was killed.
is_up() {
    local part
    [ -e "$state/env" ] && [ ! -e "$state/of-run" ] || return 1
    for part in $(parts); do alive "$part" || return 1; done
}

gone() { ! alive "$1"; }

start_part() {
    local command inside
    gone "$1" || return 0
    command_of "$1"
    [ -z "$inside" ] || command=(nsenter --target "$(cat "$state/$inside.pid")" --mount "${command[@]}")
    (
        exec 9>&-
        cd "$state"
        echo "$BASHPID" >"$parts_cgroup/cgroup.procs"
        # No proxies, no credentials of the caller: only what is said here.
        exec env --ignore-environment PATH="$PATH:/usr/sbin:/sbin" HOME="$state" setsid "${command[@]}"
    ) </dev/null >>"$state/log/$1.log" 2>&1 &
    echo $! >"$state/$1.pid"
    disown $!
    # Here as well, so that it counts as alive from now on.
    echo $! >"$parts_cgroup/cgroup.procs" 2>/dev/null || true
}

# ready_within SECONDS PART: waits until it is ready; one that has ended will never be.
ready_within() {
    local end=$((SECONDS + $1))
    until ready "$2" >/dev/null 2>&1; do
        alive "$2" || fail "$2 has ended: $(tail -n 3 "$state/log/$2.log")"
        [ "$SECONDS" -lt "$end" ] || fail "$2 is not ready after $1 s; see $state/log/$2.log"
        sleep 0.1
    done
}

signal_part() { gone "$2" || kill -s "$1" "$(cat "$state/$2.pid")" 2>/dev/null || gone "$2"; }

stop_part() {
    local end=$((SECONDS + 10)) # the API server would wait a minute for those who watch it
    signal_part TERM "$1"
    until gone "$1"; do
        [ "$SECONDS" -lt "$end" ] || kill_part "$1"
        sleep 0.05
    done
}

kill_part() {
    signal_part KILL "$1"
    until gone "$1"; do sleep 0.05; done
}
