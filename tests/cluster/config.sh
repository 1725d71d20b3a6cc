# shellcheck shell=bash
# Writes what the parts read: keys, certificates, kubeconfigs, configurations. Sourced after common.sh.

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$state/pki/$1.key"; }

# certificate NAME SUBJECT EXTENSION…: signed by the cluster's own authority, for the two days that no test lasts.
certificate() {
    local name="$1" subject="$2" extension sign=()
    shift 2
    [ "$name" = ca ] || sign=(-CA "$state/pki/ca.crt" -CAkey "$state/pki/ca.key")
    for extension; do sign+=(-addext "$extension"); done
    new_key "$name"
    openssl req -x509 -new -key "$state/pki/$name.key" -out "$state/pki/$name.crt" -days 2 -subj "$subject" "${sign[@]}" \
        -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') 2>>"$state/log/openssl.log"
}

# user NAME USER [GROUP]: a token, and a kubeconfig of its own.
user() {
    local token
    token="$(openssl rand -hex 16)"
    echo "$token,$2,$1${3:+,$3}" >>"$state/pki/tokens.csv"
    cat >"$state/pki/$1.kubeconfig" <<X
apiVersion: v1
kind: Config
current-context: dp-test
contexts: [{name: dp-test, context: {cluster: dp-test, user: $1}}]
clusters:
- name: dp-test
  cluster: {server: "https://$host_ip:$api_port", certificate-authority-data: "$(base64 --wrap=0 "$state/pki/ca.crt")"}
users: [{name: $1, user: {token: "$token"}}]
X
}

write_keys() {
    local n
    certificate ca /CN=dp-test basicConstraints=critical,CA:true keyUsage=critical,keyCertSign
    certificate api /CN=kube-apiserver \
        "subjectAltName=IP:$host_ip,IP:$service_ip,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    certificate kubelet-client /O=system:masters/CN=kube-apiserver extendedKeyUsage=clientAuth
    new_key sa
    user admin admin system:masters
    user controller-manager system:kube-controller-manager
    user scheduler system:kube-scheduler
    for n in $(seq "$nodes"); do user "node$n" "system:node:node$n" system:nodes; done
}

# write_node NUMBER
write_node() {
    local node="$state/node$1"
    mkdir -p "$node"/{lib,log,cni}
    # Without gateway and masquerading, the plug-in changes no settings of the host: a pod reaches the
    # host and other pods, nothing else.
    cat >"$node/cni/bridge.conflist" <<X
{"cniVersion": "1.0.0", "name": "dp-test", "plugins": [{"type": "bridge", "bridge": "$bridge", "ipam": {
  "type": "host-local", "dataDir": "$state/ipam", "ranges": [[{"subnet": "$pod_cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
X
    # restrict_oom_score_adj: else a container needs CAP_SYS_RESOURCE to start.
    cat >"$node/containerd.toml" <<X
version = 2
root = "$node/containerd"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$node/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.internal.v1.opt"]
  path = "$node/opt"
X
    # Images are never collected: nothing could pull them again. Nothing answers at the address of clusterDNS,
    # at once; without one each pod gets a warning. Requests to the API server: the default is 50 a second.
    cat >"$node/kubelet.yaml" <<X
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $host_ip
port: $((kubelet_port + $1))
healthzPort: $((kubelet_health_port + $1))
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /dp-cluster/node$1
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
resolvConf: ""
clusterDNS: [$host_ip]
clusterDomain: cluster.local
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
kubeAPIQPS: 200
kubeAPIBurst: 400
X
}

# What a command that tests against the cluster finds in its environment.
write_environment() {
    cat >"$state/env" <<X
export KUBECONFIG='$state/pki/admin.kubeconfig'
export PATH='$bin':"\$PATH"
export AWS_ENDPOINT_URL=http://$host_ip:$minio_port AWS_ALLOW_HTTP=true AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key
export DP_TEST_BUCKET=$bucket DP_TEST_BUCKET_URL=s3://$bucket/
export DP_TEST_IMAGE=localhost/dp:test DP_TEST_BOX_IMAGE=localhost/box:1
export DP_TEST_AUDIT_LOG='$state/audit.log'
export NO_PROXY="\${NO_PROXY:+\$NO_PROXY,}$host_ip" no_proxy="\${no_proxy:+\$no_proxy,}$host_ip"
unset AWS_SESSION_TOKEN AWS_PROFILE
X
}
