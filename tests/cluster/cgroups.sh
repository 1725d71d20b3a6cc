# shellcheck shell=bash disable=SC2034 # used by those who source it
# Everything that the cluster starts is in the cgroup dp-cluster, whoever its parent is by then: so it is
# found and ended also after a crash, whatever its name. And what removes all of it.

# Where cgroups are mounted: one hierarchy, or with cgroup v1 one for each controller.
hierarchies() { findmnt --noheadings --raw --types cgroup,cgroup2 --output TARGET; }

# The hierarchy in which the cluster's own parts are counted.
tracking="$(hierarchies | grep -x -m 1 '.*/pids' || hierarchies | head -n 1)"
parts_cgroup="$tracking/dp-cluster/parts"

make_cgroups() {
    local root folder file
    for root in $(hierarchies); do
        for folder in dp-cluster dp-cluster/parts $(seq -f 'dp-cluster/node%g' "$nodes"); do
            mkdir -p "$root/$folder" || cannot "cgroups in $root cannot be made"
            # v1: an empty cpuset takes no process.
            for file in cpuset.cpus cpuset.mems; do
                [ ! -e "$root/cpuset.sched_load_balance" ] || cat "$root/$file" >"$root/$folder/$file"
            done
        done
        # v2: controllers are handed down one level at a time.
        if [ "$root" = "$tracking" ] && [ -e "$root/cgroup.controllers" ]; then
            for folder in . dp-cluster; do
                sed 's/[^ ]\+/+&/g' "$root/cgroup.controllers" >"$root/$folder/cgroup.subtree_control"
            done
        fi
    done
}

# All processes of the cluster, in whichever hierarchy they are counted.
processes() {
    local root
    for root in $(hierarchies); do
        [ ! -d "$root/dp-cluster" ] || find "$root/dp-cluster" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | sort -u
}

# Their data is not kept, so nobody needs to say good-bye. Returns when the last one has gone, and its
# sockets, mounts and namespaces with it.
end_processes() {
    local end=$((SECONDS + 60)) left
    while left="$(processes)" && [ -n "$left" ]; do
        [ "$SECONDS" -lt "$end" ] || fail "these processes do not end: $(xargs <<<"$left")"
        xargs kill -s KILL <<<"$left" 2>/dev/null || true
        sleep 0.05
    done
}

remove_cgroups() {
    local root
    for root in $(hierarchies); do
        [ ! -d "$root/dp-cluster" ] || find "$root/dp-cluster" -depth -type d -exec rmdir {} +
    done
}

# The kubelet sets these for the whole machine.
kernel_settings=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

save_kernel_settings() { sysctl "${kernel_settings[@]}" >"$state/sysctl" 2>/dev/null || true; }

restore_kernel_settings() { [ ! -e "$state/sysctl" ] || sysctl --quiet --load="$state/sysctl" >&2; }

# Everything that may be there of a cluster, running or crashed, but the files of its state.
sweep() {
    local port
    end_processes
    for port in $(ip -oneline link show master "$bridge" 2>/dev/null | sed 's/^[0-9]*: \([^:@]*\).*/\1/'); do
        ip link delete "$port" 2>/dev/null || true
    done
    ip link delete "$bridge" 2>/dev/null || true
    while iptables --wait --table nat --delete PREROUTING "${service_rule[@]}" 2>/dev/null; do :; done
    remove_cgroups
    restore_kernel_settings
}

# For pods, the API server's service leads to the bridge. It stands in for kube-proxy.
service_rule=(--in-interface "$bridge" --destination "$service_ip/32" --protocol tcp --dport 443
    --jump DNAT --to-destination "$host_ip:$api_port")

# The bridge must have its address before the kubelet starts, else the node has no InternalIP. Its hardware
# address is fixed: by default it is the lowest of its ports', which changes as pods come and go, and pods that
# remember the old one hear nothing for up to 15 s.
make_network() {
    ip link add "$bridge" address 02:64:70:00:00:01 type bridge
    ip address add "$host_ip/${pod_cidr#*/}" dev "$bridge"
    ip link set "$bridge" up
    iptables --wait --table nat --append PREROUTING "${service_rule[@]}"
}

remove_state() { rm -rf --one-file-system "$state"; }
