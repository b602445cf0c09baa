// SPDX-License-Identifier: Apache-2.0
/**
 * The core, and the map: what everything else hangs on, and where to find it.
 *
 * <p>A microservice here has three layers. The <b>service</b> is plain Java and knows no HTTP. An
 * {@link kit.Endpoint} is one of its operations as a function from request to response. The
 * <b>transport</b> puts endpoints on the wire. Everything else (limit, retry, log, measure) is {@link
 * kit.Middleware} around endpoints, on the server and on the client alike.
 *
 * <pre>
 *   server   kit.http.server.HttpService -> RoutingHandler -> EndpointHandler -> endpoint -> service
 *
 *   client   kit.balancer.BalancedEndpoint -> kit.http.client.HttpEndpoint -> the wire
 *                  ^ who is there?
 *            kit.discovery.Instances  (kit.consul.ConsulInstances, a fixed list)
 * </pre>
 *
 * <p>Nouns are parts, gerunds are middleware. A <em>part</em> compiles alone: copy the one file, and
 * you have it.
 *
 * <pre>
 *   kit            Context, Endpoint, Middleware, StatusException, PeerException, Attempts, Shutdown
 *   kit.http       messages, routing and codecs; parts: Router, RequestTarget
 *   kit.http.server   the server side: HttpService
 *   kit.http.client   the client side: HttpEndpoint
 *   kit.http.proxy    ReverseProxy
 *   kit.http.jsonrpc  JSON-RPC 2.0: JsonRpc serves it, JsonRpcEndpoint calls it
 *   kit.balancer   calls to many instances; parts: RoundRobinPicker, RandomPicker, LeastLoadedPicker
 *   kit.auth       who calls: tokens and passwords; parts: Jwt, KeyFile, PasswordFile
 *   kit.ratelimit  turns away or delays what is too much; part: TokenBucket
 *   kit.breaker    refuses calls to what keeps failing; part: CircuitBreaker
 *   kit.command    Hystrix's shape: breaker, slots, timeout and fallback in one
 *   kit.client      the layers of a client in one call: ServiceClient
 *   kit.retry      the same call again: Retrying; parts: Backoff, RetryBudget
 *   kit.log        events as keys and values, logfmt and JSON; part: KeyValueLog
 *   kit.tracing    who asked whom, W3C and Zipkin; part: TraceContext
 *   kit.metrics    numbers for Prometheus; part: Metrics
 *   kit.discovery  what a registry knows: Instance, Instances, Services, Registration
 *   kit.consul     Consul as a registry; part: ConsulClient
 *   kit.consul.agent  an embedded, Consul-compatible agent for development: DevAgent
 *   kit.etcd       etcd over its JSON gateway; part: EtcdClient
 *   kit.dns        SRV records, to find others by: DnsInstances
 *   kit.cli        command lines; part: Flags
 *   kit.registry   registries by URI: Registry, RegistryFlags
 * </pre>
 *
 * <p>Dependencies go one way: kit.registry to kit.consul to kit.discovery, kit.balancer to kit.discovery,
 * all of them to kit, which needs nobody. A test holds the packages to that.
 */
package kit;
