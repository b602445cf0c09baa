# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Functions of the demos: background programs with cleanup, and a registry. Source it in the project folder.
# Before a call of find_registry, set kind to the registry to use: any, embedded, etcd, nacos,
# zookeeper or eureka, and call use_tls if all connections are to have TLS.

# Flags for TLS: of servers, of calls to services, of calls to the registry; empty without TLS.
server_tls=()
call_tls=()
registry_tls=()

java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
scratch=$(mktemp -d)
declare -A pids # Of background programs, by name.

say() { printf '==> %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

clean_up() {
  trap - EXIT
  [ ${#pids[@]} -eq 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program in the background; its output goes to $scratch/NAME.out and NAME.err.
start() {
  local name=$1
  shift
  : >"$scratch/$name.out" # Readers may open it at once.
  "$@" >>"$scratch/$name.out" 2>"$scratch/$name.err" &
  pids[$name]=$!
}

# Sends SIGTERM to a program.
terminate() { kill -TERM "${pids[$1]}"; }

# Waits for the end of a program and sets $status to its exit status.
await_end() {
  status=0
  wait "${pids[$1]}" || status=$?
  unset "pids[$1]"
}

# Waits for the first line of a program and prints it.
first_line() {
  local name=$1 line
  for _ in $(seq 300); do
    if read -r line <"$scratch/$name.out" && [ -n "$line" ]; then
      printf '%s\n' "$line"
      return
    fi
    kill -0 "${pids[$name]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$scratch/$name.err" >&2
  fail "$name did not start"
}

# Whether the response of host:port to GET path has a line that matches the pattern. In plain bash: curl may be
# missing.
answers() {
  local host=${1%:*} port=${1##*:}
  timeout 2 bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$2" "$0" >&3
    grep -q "$3" <&3' "$host" "$port" "$2" "$3" 2>/dev/null
}

# Whether host:port is a Consul agent with a leader.
consul_answers() { answers "$1" /v1/status/leader '^"[^"]'; }

# Whether host:port is an etcd with a leader.
etcd_answers() { answers "$1" /health '"health":"true"'; }

# Whether host:port is a Nacos that lists instances.
nacos_answers() { answers "$1" '/nacos/v3/client/ns/instance/list?serviceName=any' '"code":0'; }

# Whether host:port is a Eureka.
eureka_answers() { answers "$1" /eureka/apps '<applications>'; }

# Whether host:port is a ZooKeeper that accepts sessions.
zookeeper_answers() {
  timeout 2 bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf srvr >&3
    grep -q "^Mode:" <&3' "${1%:*}" "${1##*:}" 2>/dev/null
}

# Prints the first of five consecutive free ports.
free_ports() {
  local base port
  for _ in $(seq 50); do
    base=$((20000 + RANDOM % 12000)) # Below the ports that the system gives to clients.
    for port in $(seq "$base" $((base + 4))); do
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    done
    printf '%s\n' "$base"
    return
  done
  fail "no free ports found"
}

# Makes certificates, and sets the flags for mutual TLS with Consul, the real or the embedded one.
use_tls() {
  local certs=$scratch/certs
  case "$kind" in any | embedded) ;; *) fail "--tls: the registry must be Consul or the embedded agent" ;; esac
  scripts/dev-certs "$certs" >"$scratch/certs.out" || fail "no certificates: $(cat "$scratch/certs.out")"
  server_tls=(--tls-cert "$certs/server.pem" --tls-key "$certs/server-key.pem" --tls-client-ca "$certs/ca.pem")
  call_tls=(--ca-file "$certs/ca.pem" --client-cert "$certs/client.pem" --client-key "$certs/client-key.pem")
  registry_tls=("${call_tls[@]/#--/--consul-}")
}

# A Consul whose HTTPS requires certificates; it checks services with its own.
start_consul_with_tls() {
  local binary=$1 base certs=$scratch/certs
  base=$(free_ports)
  registry=consul+https://127.0.0.1:$base
  cat >"$scratch/consul.json" <<EOT
{"ports": {"http": -1, "https": $base}, "verify_incoming_https": true, "enable_agent_tls_for_checks": true,
 "ca_file": "$certs/ca.pem", "cert_file": "$certs/server.pem", "key_file": "$certs/server-key.pem",
 "server_name": "localhost"}
EOT
  start consul "$binary" agent -dev -bind 127.0.0.1 -dns-port -1 -grpc-port -1 -config-file "$scratch/consul.json" \
    -server-port $((base + 1)) -serf-lan-port $((base + 2)) -serf-wan-port $((base + 3))
  for _ in $(seq 30); do
    "$java" -jar target/client.jar services --registry "$registry" "${registry_tls[@]}" \
      >"$scratch/ready.out" 2>&1 && return
  done
  fail "Consul did not start: $(tail -n 3 "$scratch/consul.out")"
}

start_consul() {
  local binary=$1 base
  base=$(free_ports)
  registry=consul://127.0.0.1:$base
  start consul "$binary" agent -dev -bind 127.0.0.1 -http-port "$base" -dns-port -1 -grpc-port -1 \
    -server-port $((base + 1)) -serf-lan-port $((base + 2)) -serf-wan-port $((base + 3))
  for _ in $(seq 150); do
    consul_answers "127.0.0.1:$base" && return
    sleep 0.1
  done
  fail "Consul did not start: $(tail -n 3 "$scratch/consul.out")"
}

start_etcd() {
  local binary=$1 base client peer
  base=$(free_ports)
  client=http://127.0.0.1:$base
  peer=http://127.0.0.1:$((base + 1))
  registry=etcd://127.0.0.1:$base
  start etcd "$binary" --name demo --data-dir "$scratch/etcd" --logger zap \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "demo=$peer"
  for _ in $(seq 150); do
    etcd_answers "127.0.0.1:$base" && return
    sleep 0.1
  done
  fail "etcd did not start: $(tail -n 3 "$scratch/etcd.err")"
}

# A Nacos takes 10 seconds to start, more on a busy machine.
start_nacos() {
  local program=$1 base
  base=$(free_ports)
  registry=nacos://127.0.0.1:$base
  start nacos "$program" "$scratch/nacos" "$base"
  for _ in $(seq 600); do
    nacos_answers "127.0.0.1:$base" && return
    kill -0 "${pids[nacos]}" 2>/dev/null || break
    sleep 0.1
  done
  fail "Nacos did not start: $(tail -n 3 "$scratch/nacos.out")"
}

start_zookeeper() {
  local program=$1 base
  base=$(free_ports)
  registry=zookeeper://127.0.0.1:$base
  start zookeeper "$program" "$scratch/zookeeper" "$base"
  for _ in $(seq 150); do
    zookeeper_answers "127.0.0.1:$base" && return
    sleep 0.1
  done
  fail "ZooKeeper did not start: $(tail -n 3 "$scratch/zookeeper.err")"
}

# Its lists are a second old at most; 30 seconds are Eureka's default.
start_eureka() {
  local program=$1 base
  base=$(free_ports)
  registry=eureka://127.0.0.1:$base/eureka
  start eureka "$program" "$base" --eureka.server.response-cache-update-interval-ms=1000
  for _ in $(seq 600); do
    eureka_answers "127.0.0.1:$base" && return
    kill -0 "${pids[eureka]}" 2>/dev/null || break
    sleep 0.1
  done
  fail "Eureka did not start: $(tail -n 3 "$scratch/eureka.out")"
}

start_embedded() {
  start dev-agent "$java" -jar target/client.jar dev-agent --port 0 "${server_tls[@]}" "${call_tls[@]}"
  registry=consul$([ ${#server_tls[@]} -eq 0 ] || printf +https)://$(
    first_line dev-agent | grep -oE '[0-9.]+:[0-9]+' | head -n 1)
}

build() {
  if [ -f target/user-service.jar ] && [ -f target/client.jar ] &&
    [ -z "$(find pom.xml src/main src/assembly -newer target/user-service.jar -print -quit)" ]; then
    return
  fi
  say "building (Maven downloads its plugins the first time)"
  mvn -B -q -Dstyle.color=never package -DskipTests -Dmaven.javadoc.skip=true
}

find_registry() {
  local address=${CONSUL_HTTP_ADDR:-127.0.0.1:8500} binary
  address=${address#http://}
  if [ "$kind" = embedded ]; then
    start_embedded
    say "registry: the embedded agent at $registry"
  elif [ "$kind" = etcd ]; then
    binary=$(scripts/get-etcd) || fail "no etcd available"
    start_etcd "$binary"
    say "registry: $("$binary" --version | head -n 1) at $registry, started for this demo"
  elif [ "$kind" = nacos ]; then
    binary=$(scripts/get-nacos) || fail "no Nacos available"
    start_nacos "$binary"
    say "registry: Nacos at $registry, started for this demo"
  elif [ "$kind" = zookeeper ]; then
    binary=$(scripts/get-zookeeper) || fail "no ZooKeeper available"
    start_zookeeper "$binary"
    say "registry: ZooKeeper at $registry, started for this demo"
  elif [ "$kind" = eureka ]; then
    binary=$(scripts/get-eureka) || fail "no Eureka available"
    start_eureka "$binary"
    say "registry: Eureka at $registry, started for this demo"
  elif [ ${#server_tls[@]} -gt 0 ] && binary=$(scripts/get-consul 2>"$scratch/get-consul.err"); then
    start_consul_with_tls "$binary"
    say "registry: $("$binary" version | head -n 1) at $registry, started for this demo"
  elif [ ${#server_tls[@]} -eq 0 ] && consul_answers "$address"; then
    registry=consul://$address
    say "registry: the running Consul at $registry"
  elif binary=$(scripts/get-consul 2>"$scratch/get-consul.err"); then
    start_consul "$binary"
    say "registry: $("$binary" version | head -n 1) at $registry, started for this demo"
  else
    start_embedded
    say "registry: the embedded agent at $registry (no Consul available)"
  fi
}
